"""Results of a comparison, their table and their figure."""

from __future__ import annotations

import pytest

from leafwood.errors import BadConfig
from leafwood.train.trials.method_tables import draw, table
from leafwood.train.trials.results import append, done, rows


def made(method, ratio, seed, value):
    scores = ("wood_recall", "leaf_recall", "balanced_accuracy", "g_mean", "wood_iou", "auroc", "ece")
    row = {"method": method, "ratio": str(ratio), "seed": str(seed), "imbalance": "19.5", "seconds": "30.2"}
    return row | {f"{where}.{score}": str(value) for where in ("held_out", "tree") for score in scores}


def test_the_table_has_mean_and_spread_and_the_best_first():
    found = [
        made("plain", 20, 1, 0.5),
        made("plain", 20, 2, 0.6),
        made("better", 20, 1, 0.7),
        made("lost", 20, 1, "nan"),
    ]
    lines = table(found).splitlines()
    assert lines[0] == "### About 20 leaf voxels to a wood voxel (19.5 in the crops)"
    assert [line.split(" | ")[0] for line in lines[4:]] == ["| better", "| plain", "| lost"]
    assert lines[5].count("0.550 ± 0.071") == 8
    assert lines[5].endswith("| 30 |")


def test_the_figure_is_drawn(tmp_path):
    draw([made("cross_entropy", 5, 1, 0.5), made("gla", 5, 1, 0.6), made("gla", 20, 1, 0.6)], tmp_path / "a" / "f.png")
    assert (tmp_path / "a" / "f.png").stat().st_size > 1000


def test_rows_are_kept_and_other_columns_refused(tmp_path):
    with pytest.raises(BadConfig, match=r"no results\.csv"):
        done(tmp_path)
    append(tmp_path / "new", {"method": "plain", "auroc": 0.5})
    append(tmp_path / "new", {"method": "other", "auroc": 0.6})
    assert [row["method"] for row in rows(tmp_path / "new")] == ["plain", "other"]
    with pytest.raises(BadConfig, match="other files to score on"):
        append(tmp_path / "new", {"method": "other", "tree.auroc": 0.6})
