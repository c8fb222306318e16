"""Each step after the network has its row, and its share of the run time."""

from __future__ import annotations


def test_steps_and_their_cost(pipeline, stands, tmp_path, monkeypatch, capsys):
    ablation = pipeline("ablation_postprocess")
    monkeypatch.setattr(ablation, "held_out", lambda folder: [stands / "conifer_7001.laz"])
    ablation.main(["--labelled", str(tmp_path), "--threads", "1"])
    said = capsys.readouterr().out
    rows = [line.split(" | ") for line in said.splitlines() if line.startswith("| virtual stands in leaf")]
    steps = [cells[1] for cells in rows]
    assert steps[:2] == ["network alone", "+ smoothing"]
    assert steps[:6] == steps[6:]  # scores, then calibration by density
    assert [float(cells[2]) for cells in rows[:5]] == [1.0] * 5
    assert float(rows[5][2]) < 1  # the rest is undecided
    assert "| all of them | " in said
