"""The comparison of losses and methods: its stands, its table, and what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from leafwood.datasets.stands import load_stand
from leafwood.errors import BadConfig
from leafwood.train.loop import TrainConfig

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def stand():
    return load_stand(ROOT / "data_samples" / "uav_plot.laz")


@pytest.mark.parametrize("ratio", [2, 5, 20, 50])
def test_a_thinned_stand_has_that_many_leaf_voxels_for_each_wood_voxel(stand, ratio):
    from imbalance_data import GRAPH, thinned

    thin = thinned(stand, ratio, np.random.default_rng(0))
    assert thin.ground.sum() == stand.ground.sum()
    cells = [
        len(np.unique(np.floor(thin.xyz[~thin.ground & (thin.label == label)] / GRAPH.size), axis=0))
        for label in (0, 1)
    ]
    assert cells[0] / cells[1] == pytest.approx(ratio, rel=0.25)  # voxels that hold both classes count as one of them


def test_one_class_is_left_alone(stand):
    from imbalance_data import thinned

    for ratio, label in ((1, 1), (1000, 0)):
        thin = thinned(stand, ratio, np.random.default_rng(0))
        mixed = 0.8  # leaf points in voxels of wood, or the other way round, go with their voxel
        assert (thin.label == label).sum() > mixed * (stand.label == label).sum()


def made(method, ratio, seed, value):
    scores = ("wood_recall", "leaf_recall", "balanced_accuracy", "g_mean", "wood_iou", "auroc", "ece")
    row = {"method": method, "ratio": str(ratio), "seed": str(seed), "imbalance": "19.5", "seconds": "30.2"}
    return row | {f"{where}.{score}": str(value) for where in ("held_out", "tree") for score in scores}


def test_the_table_has_mean_and_spread_and_the_best_first():
    from imbalance_report import table

    rows = [
        made("plain", 20, 1, 0.5),
        made("plain", 20, 2, 0.6),
        made("better", 20, 1, 0.7),
        made("lost", 20, 1, "nan"),
    ]
    lines = table(rows).splitlines()
    assert lines[0] == "### About 20 leaf voxels to a wood voxel (19.5 in the crops)"
    assert [line.split(" | ")[0] for line in lines[4:]] == ["| better", "| plain", "| lost"]
    assert lines[5].count("0.550 ± 0.071") == 8
    assert lines[5].endswith("| 30 |")


def test_the_figure_is_drawn(tmp_path):
    from imbalance_report import draw

    draw([made("cross_entropy", 5, 1, 0.5), made("gla", 5, 1, 0.6), made("gla", 20, 1, 0.6)], tmp_path / "a" / "f.png")
    assert (tmp_path / "a" / "f.png").stat().st_size > 1000


def test_no_results_yet():
    from imbalance_report import table

    with pytest.raises(BadConfig, match=r"no results\.csv"):
        table([])


def test_every_run_sees_as_many_crops():
    from benchmark_imbalance import in_size, methods

    sizes = [in_size(config, 1200, 2) for config in methods().values()]
    assert {config.steps * config.batch for config in sizes} == {1200}
    assert {config.seed for config in sizes} == {2}
    assert {config.model.network.widths for config in sizes} >= {(16, 24, 32, 48), (8, 12, 16, 24), (24, 36, 48, 72)}
    assert all(isinstance(config, TrainConfig) and config.validate_every == config.steps for config in sizes)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--train is needed"),
        (["--train", "{}"], "--train: no .laz file"),
        (["--methods", "gla", "glo"], "--methods: no 'glo'"),
    ],
)
def test_mistakes_are_one_line(tmp_path, monkeypatch, capsys, options, words):
    from benchmark_imbalance import main

    arguments = [str(tmp_path / "out"), *(option.format(tmp_path) for option in options)]
    monkeypatch.setattr(sys, "argv", ["benchmark_imbalance.py", *arguments])
    with pytest.raises(SystemExit):
        main()
    assert words in capsys.readouterr().err.splitlines()[-1]


def test_the_sweep_changes_one_setting_at_a_time():
    from routine_sweep import variations

    found = variations()
    plain = found.pop("routine")
    assert len(found) >= 12
    for name, config in found.items():
        changed = {
            field
            for field in ("batch", "learning_rate", "weight_decay", "optimiser", "model", "loss")
            if getattr(config, field) != getattr(plain, field)
        }
        expected = {"optimiser", "learning_rate", "weight_decay"} if name.startswith("SGD") else None
        assert len(changed) == 1 or changed == expected, name


def test_joint_crops_have_labels_and_holes():
    from benchmark_imbalance import methods, sets

    (joint, _), (pretext, _) = (sets(methods()[name], 20, 50) for name in ("joint", "pretext"))
    assert (joint.labelled, pretext.labelled) == (True, False)
    assert joint.ratio == 20
    assert pretext.ratio == 0
    assert joint.name() != pretext.name()
    assert "parts" not in methods()
