"""A tree is scored by weights that never saw it, and by no others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig
from leafwood.evaluate.left_out import leaving_out, species, unseen, whole_and_thinned

FOLDS = Path(__file__).resolve().parents[2] / "pipelines" / "folds"
SPECIES = ("AcePse", "FagSyl", "PicAbi", "PinSyl", "PseMen", "QuePet", "QueRub")


def card(folder: Path, name: str, *codes: str) -> None:
    files = [f"../shared/data/labelled/weiser_{code}*.laz" for code in codes]
    config = {"train": ["runs/stands/fresh*/*.laz"], "sources": [{"files": files}, {"files": ["runs/planted/*.laz"]}]}
    (folder / f"{name}.json").write_text(json.dumps({"provenance": {"config": config}}))
    (folder / f"{name}.safetensors").touch()


def test_the_fold_that_left_a_tree_out_is_found(tmp_path: Path):
    card(tmp_path, "a", "FagSyl")
    card(tmp_path, "b", "QuePet", "QueRub")
    assert leaving_out(Path("x/weiser_FagSyl_BR01_01_TLS-on.laz"), tmp_path).stem == "b"
    assert leaving_out(Path("x/weiser_QueRub_KA09_T053_TLS-on.laz"), tmp_path).stem == "a"


def test_a_tree_that_every_fold_saw_is_refused(tmp_path: Path):
    card(tmp_path, "a", "FagSyl")
    card(tmp_path, "b", "FagSyl", "QueRub")
    with pytest.raises(BadConfig, match="0 folds"):
        leaving_out(Path("weiser_FagSyl_BR01_01_TLS-on.laz"), tmp_path)


@pytest.mark.parametrize("code", SPECIES)
def test_every_tree_was_left_out_by_one_of_the_committed_folds(code: str):
    left_out = leaving_out(Path(f"weiser_{code}_XX01_01_TLS-on.laz"), FOLDS)
    oaks = leaving_out(Path("weiser_QuePet_XX01_01_TLS-on.laz"), FOLDS)
    assert (left_out == oaks) == (code in ("QuePet", "QueRub", "PinSyl"))


def test_species_are_named_in_english_and_latin():
    assert species(Path("weiser_FagSyl_BR01_01_TLS-on.laz")) == "beech, Fagus sylvatica"
    assert species(Path("mine.laz")) == "mine"


def test_trees_are_thinned_to_ten_thousand_points_and_small_ones_are_left_whole():
    xyz = np.random.default_rng(0).uniform(0, 10, (40_000, 3))
    looks = whole_and_thinned(PointCloud.from_xyz(xyz))
    assert {name: round(len(cloud), -3) for name, cloud in looks.items()} == {"whole": 40_000, "thinned": 10_000}
    assert len(whole_and_thinned(PointCloud.from_xyz(xyz[:500]))["thinned"]) == 500


def test_rows_have_so_many_files_and_real_scans_have_their_own(tmp_path: Path):
    (tmp_path / "oak.laz").touch()
    stands = [Path(f"{name}.laz") for name in ("tropical_2", "conifer_1", "leaf_off_3", "conifer_4")]
    assert [(row, path.stem) for row, path in unseen(stands, "leaf_off", tmp_path, 2)] == [
        ("virtual stands in leaf", "conifer_1"),
        ("virtual stands in leaf", "conifer_4"),
        ("leafless virtual stands", "leaf_off_3"),
        ("oak", "oak"),
    ]
