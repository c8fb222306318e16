"""The papers' experiments as pipelines: what they compute, and that they draw."""

from __future__ import annotations

import csv

import numpy as np
import pytest


def test_the_prediction_of_the_taxonomy_is_met_by_the_model_it_is_for(monkeypatch):
    import taxonomy_experiment as pipeline

    monkeypatch.setattr(pipeline, "ETAS", (1.0, 8.0))
    monkeypatch.setattr(pipeline, "TEST", 4000)
    found = pipeline.experiment(2.0, 40.0, 6, 3)
    told = pipeline.predicted(2.0, 40.0, 6, np.array((1.0, 8.0)))
    linear = found["linear discriminant (parametric)"].mean(axis=1)
    assert np.abs(linear[:, 0] - told[:, 0]).max() < 0.12  # recall
    assert np.abs(linear[:, 3] - told[:, 3]).max() < 0.12  # PR-AUC
    assert pipeline.table(found, 2.0, 40.0, 6).count("\n") == 3


def test_a_ridge_keeps_the_classifiers_from_seli_and_collapses_the_rare_ones():
    from seli_convergence import descend

    free, held, balanced = descend(10, 0.0, 3000), descend(10, 1.0, 3000), descend(1, 0.1, 3000)
    assert free["classifiers"][-1] < free["classifiers"][0]
    assert balanced["classifiers"][-1] < 0.05  # the simplex is reached at once
    assert held["means"][-1] > 2 * free["means"][-1]
    assert held["minority cosine"][-1] > free["minority cosine"][-1] + 0.1


def test_figures_are_drawn(tmp_path):
    from meta_weight_figure import curves, figure
    from seli_convergence import descend, read_log
    from seli_convergence import figure as seli_figure

    columns = {
        "step": 5,
        "loss": 0.5,
        "meta_loss": 0.6,
        "v_leaf_0.1": 0.4,
        "v_leaf_2": 0.6,
        "v_wood_0.1": 0.5,
        "v_wood_2": 0.7,
    }
    rows = [{name: str(value) for name, value in columns.items()} for _ in range(6)]
    assert curves(rows[0])["wood"] == [(0.1, 0.5), (2.0, 0.7)]
    figure(rows, tmp_path / "v.png")
    log = tmp_path / "run" / "geometry.csv"
    log.parent.mkdir()
    with log.open("w", newline="") as file:
        names = ("step", "classifiers_to_seli", "means_to_seli", "minority_cosine", "within")
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerow(dict.fromkeys(names, 0.5))
    assert read_log(log)["means"] == [0.5]
    runs = {(ratio, ridge): descend(ratio, ridge, 50) for ratio in (1, 10) for ridge in (0.0, 0.1)}
    seli_figure(runs, {"run": read_log(log)}, tmp_path / "seli.png")
    for name in ("v.png", "seli.png"):
        assert (tmp_path / name).stat().st_size > 1000


def test_the_table_of_adapting_has_mean_and_spread():
    from adapt_real import SHOWN, THIRDS, table

    line = dict.fromkeys((*SHOWN, *(f"wood_recall_{third}" for third in THIRDS)), "0.5")
    rows = [{"weights": "lora", "calibrated": "True", "seed": str(seed), **line} for seed in (1, 2)]
    rows += [{"weights": "as it was", "calibrated": "False", "seed": "0", **line}]
    lines = table(rows).splitlines()
    assert lines[2].startswith("| lora | yes | 2 | 0.500 ± 0.000")
    assert lines[3].startswith("| as it was | no | 1 | 0.500 |")


def test_adapting_needs_its_trees(tmp_path, monkeypatch, capsys):
    import adapt_real

    monkeypatch.setattr("sys.argv", ["adapt_real.py", str(tmp_path / "out"), "--trees", str(tmp_path)])
    with pytest.raises(SystemExit):
        adapt_real.main()
    assert "--trees: no weiser" in capsys.readouterr().err
