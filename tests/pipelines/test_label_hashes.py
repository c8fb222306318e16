"""The script that shows whether labels have changed."""

from __future__ import annotations

import json
from pathlib import Path

import label_hashes
import laspy

from leafwood import kernels

SAMPLE = Path(__file__).resolve().parents[2] / "data_samples" / "single_tree.laz"


def run(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["label_hashes.py", *map(str, arguments)])
    return label_hashes.main()


def test_the_same_labels_are_the_same_and_others_are_not(tmp_path, monkeypatch, capsys):
    kept = tmp_path / "before.json"
    assert run(monkeypatch, SAMPLE, "-o", kept) == 0
    assert run(monkeypatch, SAMPLE, "--against", kept) == 0
    assert capsys.readouterr().out.count(" same") == 1
    kept.write_text(json.dumps({SAMPLE.name: {"points": 1, "sha256": "0"}}), encoding="utf-8")
    assert run(monkeypatch, SAMPLE, "--against", kept) == 1
    assert "DIFFERENT" in capsys.readouterr().out


def test_numpy_and_the_kernels_agree_on_nearly_all_points(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LEAFWOOD_KERNELS", "best")
    las = laspy.read(SAMPLE.with_name("uav_plot.laz"))
    las.points = las.points[las.x < las.x.min() + 5]
    las.write(tmp_path / "scan.laz")
    assert run(monkeypatch, tmp_path / "scan.laz", "--numpy") == 0
    monkeypatch.undo()
    kernels.compiled.cache_clear()
    differ = int(capsys.readouterr().out.splitlines()[-1].split()[1])
    assert differ <= 5e-4 * len(las)
