"""The papers' experiments as pipelines: what they compute, and that they draw."""

from __future__ import annotations

import csv

import pytest


def test_the_experiment_of_the_taxonomy_has_its_table_and_figure(pipeline, tmp_path, monkeypatch, capsys):
    module = pipeline("taxonomy_experiment")
    monkeypatch.setattr(module, "ETAS", (1.0, 8.0))
    module.main(["--dimensions", "3", "--repeats", "1", "--figure", str(tmp_path / "figure.png")])
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows[2:]] == ["| 1", "| 8"]
    assert float(rows[2][1]) > float(rows[3][1])  # less is found where less is there
    assert (tmp_path / "figure.png").stat().st_size > 1000


def test_figures_are_drawn(pipeline, tmp_path, capsys):
    weights, seli = pipeline("meta_weight_figure"), pipeline("seli_convergence")
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
    assert weights.curves(rows[0])["wood"] == [(0.1, 0.5), (2.0, 0.7)]
    weights.figure(rows, tmp_path / "v.png")
    log = tmp_path / "run" / "geometry.csv"
    log.parent.mkdir()
    with log.open("w", newline="") as file:
        names = ("step", "classifiers_to_seli", "means_to_seli", "minority_cosine", "within")
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerow(dict.fromkeys(names, 0.5))
    assert seli.read_log(log)["means"] == [0.5]
    seli.main(["--steps", "50", "--logs", str(log), "--figure", str(tmp_path / "seli.png")])
    assert capsys.readouterr().out.count("\n") == 2 + len(seli.RATIOS) * len(seli.RIDGES)
    for name in ("v.png", "seli.png"):
        assert (tmp_path / name).stat().st_size > 1000


def test_the_table_of_adapting_has_mean_and_spread(pipeline):
    module = pipeline("adapt_real")
    line = dict.fromkeys((*module.SHOWN, *(f"wood_recall_{third}" for third in module.THIRDS)), "0.5")
    rows = [{"weights": "lora", "calibrated": "True", "seed": str(seed), **line} for seed in (1, 2)]
    rows += [{"weights": "as it was", "calibrated": "False", "seed": "0", **line}]
    lines = module.table(rows).splitlines()
    assert lines[2].startswith("| lora | yes | 2 | 0.500 ± 0.000")
    assert lines[3].startswith("| as it was | no | 1 | 0.500 |")


def test_adapting_needs_its_trees(pipeline, tmp_path, capsys):
    with pytest.raises(SystemExit):
        pipeline("adapt_real").main([str(tmp_path / "out"), "--trees", str(tmp_path)])
    assert "--trees: no weiser" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_way_of_adapting_is_scored_on_the_trees_that_are_left(pipeline, samples, tmp_path, capsys):
    module, trees = pipeline("adapt_real"), tmp_path / "trees"
    trees.mkdir()
    for sample, name in (("uav_plot", "learn"), ("leaf_off_plot", "choose"), ("single_tree", "scored")):
        (trees / f"{name}.laz").write_bytes((samples / f"{sample}.laz").read_bytes())
    words = ["--model", "virtual", "--learn", "learn", "--choose", "choose", "--seeds", "1", "--steps", "2"]
    words = [str(tmp_path / "out"), "--trees", str(trees), *words, "--points", "5000"]
    module.main(words)
    rows = [line.split(" | ")[:3] for line in capsys.readouterr().out.splitlines() if line.startswith("| ")][1:]
    ways = ("as it was", *module.METHODS)
    assert rows == [[f"| {way}", calibrated, "1"] for way in ways for calibrated in ("no", "yes")]
    module.main(words)
    assert len(module.rows(tmp_path / "out")) == len(rows)  # nothing is done again
