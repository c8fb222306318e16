"""The comparisons of methods and of networks: what they refuse, and what they make of results that are there."""

from __future__ import annotations

import csv

import pytest

from leafwood.train.trials.methods import SCORES


@pytest.fixture
def results(tmp_path):
    """A folder with results of a comparison of methods."""
    with (tmp_path / "results.csv").open("w", newline="") as file:
        columns = ["method", "ratio", "seed", "imbalance", *(f"held_out.{score}" for score in SCORES), "seconds"]
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for method, value in (("cross_entropy", 0.6), ("logit_adjusted", 0.7)):
            writer.writerow(dict.fromkeys(columns, value) | {"method": method, "ratio": 5, "seed": 1})
    return tmp_path


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--train is needed"),
        (["--train", "{}"], "--held-out is needed"),
        (["--train", "{}", "--held-out", "{}"], "no point cloud in this folder"),
        (["--table"], "no results.csv"),
    ],
)
def test_mistakes_are_one_line(pipeline, tmp_path, capsys, options, words):
    arguments = [str(tmp_path), *(option.format(tmp_path) for option in options)]
    with pytest.raises(SystemExit):
        pipeline("benchmark_imbalance").main(arguments)
    assert words in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(("options", "words"), [(["gla", "glo"], "configuration 'glo'"), (["w"], "variation 'w'")])
def test_what_is_not_there_is_named(pipeline, options, words):
    module = pipeline("benchmark_imbalance")
    args = module.argparse.Namespace(routine=len(options) == 1, methods=options)
    with pytest.raises(module.BadConfig, match=words):
        module.chosen(args)


def test_results_are_printed_and_drawn(pipeline, results, capsys):
    module = pipeline("benchmark_imbalance")
    module.main([str(results), "--table"])
    assert capsys.readouterr().out.splitlines()[4].startswith("| logit_adjusted | 0.700 |")
    module.main([str(results), "--figure", str(results / "figure.png")])
    assert (results / "figure.png").stat().st_size > 1000


def test_the_taxonomy_needs_the_crops_of_its_runs(pipeline, results, capsys):
    with pytest.raises(SystemExit):
        pipeline("taxonomy_check").main([str(results)])
    assert "No such file" in capsys.readouterr().err


def test_the_taxonomy_is_held_against_runs(pipeline, samples, results, capsys):
    from leafwood.config import load
    from leafwood.train.trials.crops import TrialSize, write_crop_sets
    from leafwood.train.trials.methods import crop_sets, load_methods

    config = results / "small.yaml"
    config.write_text("{crops: {max_points: 1500, min_points: 500}, number: 6, clean_stands: 1, clean_trees: 1}")
    size, methods = load(config, TrialSize), samples.parent / "configs" / "train" / "imbalance"
    wanted, _ = crop_sets(load_methods(methods, ["cross_entropy"])["cross_entropy"], 5, size)
    files = [samples / "uav_plot.laz", samples / "single_tree.laz", samples / "uav_plot.laz"]
    write_crop_sets([wanted], files, results / "cache", size)
    pipeline("taxonomy_check").main([str(results), "--config", str(config)])
    cells = capsys.readouterr().out.splitlines()[-1].split(" | ")
    assert 2 < float(cells[0].removeprefix("| ")) < 10
    assert cells[-1] == "0.70 |"


def test_variants_of_the_network_are_compared_with_the_shipped_one(pipeline, samples, tmp_path, capsys):
    module = pipeline("ablation_network")
    names = [module.SHIPPED, "half the width"]
    for name in ("train", "validation"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "plot.laz").write_bytes((samples / "uav_plot.laz").read_bytes())
    config = samples.parent / "configs" / "train" / "samples" / "plain.yaml"
    words = ["--train", str(tmp_path / "train"), "--validation", str(tmp_path / "validation"), "--config", str(config)]
    words += ["--crops", "12", "--steps", "1", "--seeds", "1", "--variants", *names]
    module.main([str(tmp_path / "out"), *words])
    capsys.readouterr()
    module.main([str(tmp_path / "out"), "--table"])
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[0].removeprefix("| ") for row in rows] == names
    assert rows[0][4] == "+0.000"
    assert int(rows[1][2].replace(",", "")) < int(rows[0][2].replace(",", ""))
    with pytest.raises(SystemExit):
        module.main([str(tmp_path / "out"), *words, "--steps", "2"])
    assert "--steps: the runs in" in capsys.readouterr().err
