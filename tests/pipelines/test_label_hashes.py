"""The script that shows whether labels have changed."""

from __future__ import annotations

import json

import laspy

from leafwood import kernels


def test_the_same_labels_are_the_same_and_others_are_not(pipeline, samples, tmp_path, capsys):
    run, scan = pipeline("label_hashes").main, samples / "single_tree.laz"
    kept = tmp_path / "before.json"
    assert run([str(scan), "-o", str(kept)]) == 0
    assert run([str(scan), "--against", str(kept)]) == 0
    assert capsys.readouterr().out.count(" same") == 1
    kept.write_text(json.dumps({scan.name: {"points": 1, "sha256": "0"}}), encoding="utf-8")
    assert run([str(scan), "--against", str(kept)]) == 1
    assert "DIFFERENT" in capsys.readouterr().out


def test_numpy_and_the_kernels_agree_on_nearly_all_points(pipeline, samples, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LEAFWOOD_KERNELS", "best")
    las = laspy.read(samples / "uav_plot.laz")
    las.points = las.points[las.x < las.x.min() + 5]
    las.write(tmp_path / "scan.laz")
    assert pipeline("label_hashes").main([str(tmp_path / "scan.laz"), "--numpy"]) == 0
    monkeypatch.undo()
    kernels.compiled.cache_clear()
    differ = int(capsys.readouterr().out.splitlines()[-1].split()[1])
    assert differ <= 5e-4 * len(las)
