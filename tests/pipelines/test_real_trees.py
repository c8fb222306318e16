"""The table of real trees: a tree is scored by weights that never saw it, and by no others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import real_trees

from leafwood.errors import BadConfig

ROOT = Path(__file__).resolve().parents[2]
FOLDS = ROOT / "pipelines" / "folds"


def card(folder: Path, name: str, *species: str) -> None:
    files = [f"../shared/data/labelled/weiser_{s}*.laz" for s in species]
    config = {"train": ["runs/stands/fresh*/*.laz"], "sources": [{"files": files}, {"files": ["runs/planted/*.laz"]}]}
    (folder / f"{name}.json").write_text(json.dumps({"provenance": {"config": config}}))
    (folder / f"{name}.safetensors").touch()


def test_the_fold_that_left_a_tree_out_is_found(tmp_path: Path):
    card(tmp_path, "a", "FagSyl")
    card(tmp_path, "b", "QuePet", "QueRub")
    assert real_trees.leaving_out(Path("x/weiser_FagSyl_BR01_01_TLS-on.laz"), tmp_path).stem == "b"
    assert real_trees.leaving_out(Path("x/weiser_QueRub_KA09_T053_TLS-on.laz"), tmp_path).stem == "a"


def test_a_tree_that_every_fold_saw_is_refused(tmp_path: Path):
    card(tmp_path, "a", "FagSyl")
    card(tmp_path, "b", "FagSyl", "QueRub")
    with pytest.raises(BadConfig, match="0 folds"):
        real_trees.leaving_out(Path("weiser_FagSyl_BR01_01_TLS-on.laz"), tmp_path)


@pytest.mark.parametrize("species", real_trees.SPECIES)
def test_every_tree_was_left_out_by_one_of_the_committed_folds(species: str):
    left_out = real_trees.leaving_out(Path(f"weiser_{species}_XX01_01_TLS-on.laz"), FOLDS)
    oaks = real_trees.leaving_out(Path("weiser_QuePet_XX01_01_TLS-on.laz"), FOLDS)
    assert (left_out == oaks) == (species in ("QuePet", "QueRub", "PinSyl"))


def test_a_real_tree_is_scored_whole_and_thinned():
    trees = sorted((ROOT.parent / "shared" / "data" / "labelled").glob("weiser_AcePse*.laz"))
    if not trees:
        pytest.skip("no real trees in ../shared/data/labelled beside the checkout")
    row = real_trees.scored(trees[0], real_trees.leaving_out(trees[0], FOLDS))
    assert set(row) == {"whole", "thinned"}
    assert 0.7 < row["thinned"]["auroc"] <= row["whole"]["auroc"] + 0.05
