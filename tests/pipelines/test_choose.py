"""What the rule, the smoothing and the weight of evidence are chosen by, on small stands."""

from __future__ import annotations

from pathlib import Path

import leafwood.weights


def test_every_pull_has_its_row_for_every_group(pipeline, stands, tmp_path, capsys):
    choose = pipeline("choose_rule")
    choose.main([str(stands), "--data", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()[2:]
    assert len(lines) == 2 * (1 + len(choose.PULLS))
    assert [line.split(" | ")[1] for line in lines[:2]] == ["balanced", "overlap, pull 3"]
    assert lines[0].startswith("| 2 virtual drone stands")
    assert lines[-1].startswith("| mean of the groups")


def test_every_pull_of_smoothing_has_its_row(pipeline, stands, tmp_path, capsys):
    choose = pipeline("choose_smoothing")
    choose.main([str(stands), "--data", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()[2:]
    assert len(lines) == len(choose.PULLS)
    assert all(line.startswith("| 2 virtual drone stands") for line in lines)
    assert len({line.split(" | ")[2] for line in lines}) > 1, "smoothing changes nothing"


def test_no_weight_of_evidence_changes_nothing(pipeline, stands, capsys):
    choose = pipeline("choose_evidence")
    choose.main([str(stands)])
    rows = capsys.readouterr().out.splitlines()[2:]
    assert rows[0].startswith(f"| {stands.name}/conifer_7001 | ")
    numbers = [row.split(" | ") for row in rows if "no evidence" not in row]
    assert all(len(cells) == 1 + len(choose.WEIGHTS) for cells in numbers)


def test_weights_are_compared_a_row_each(pipeline, stands, tmp_path, capsys):
    compare = pipeline("compare_weights")
    folder = Path(leafwood.weights.__file__).parent
    weights = [str(folder / f"{name}.safetensors") for name in ("uav", "virtual")]
    compare.main([*weights, "--stands", str(stands), "--data", str(tmp_path)])
    rows = capsys.readouterr().out.splitlines()[2:]
    assert len(rows) == 2
    assert rows[0].split(" | ")[1] == "nan"
    assert 0.5 < float(rows[0].split(" | ")[3].strip(" |")) <= 1
