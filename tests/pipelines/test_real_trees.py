"""The table of real trees, made of a sample that goes by the name of one."""

from __future__ import annotations

import json
import shutil

import pytest


def test_a_tree_is_scored_whole_and_thinned(pipeline, stands, tmp_path, capsys):
    shutil.copy(stands / "conifer_7001.laz", tmp_path / "weiser_FagSyl_XX01.laz")
    pipeline("real_trees").main(["--data", str(tmp_path), "--model", "uav", "--json", str(tmp_path / "found.json")])
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["mean"] == found["weiser_FagSyl_XX01"]
    assert set(found["mean"]) == {"whole", "thinned"}
    assert 0.5 < found["mean"]["whole"]["auroc"] <= 1
    assert "| beech, Fagus sylvatica | uav | 0." in capsys.readouterr().out


def test_a_folder_without_trees_is_refused(pipeline, tmp_path):
    with pytest.raises(SystemExit, match="no weiser_"):
        pipeline("real_trees").main(["--data", str(tmp_path)])


def test_a_real_tree_is_scored_by_its_fold(pipeline, shared_data):
    from leafwood.evaluate.left_out import leaving_out

    trees = sorted((shared_data / "labelled").glob("weiser_AcePse*.laz"))
    if not trees:
        pytest.skip("no real trees in ../shared/data/labelled beside the checkout")
    module = pipeline("real_trees")
    row = module.scored(trees[0], leaving_out(trees[0], module.Path(module.__file__).parent / "folds"))
    assert 0.7 < row["thinned"]["auroc"] <= row["whole"]["auroc"] + 0.05
