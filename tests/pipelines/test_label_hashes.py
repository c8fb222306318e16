"""The script that shows whether labels have changed."""

from __future__ import annotations

import json


def test_the_same_labels_are_the_same_and_others_are_not(pipeline, samples, tmp_path, capsys):
    run, scan = pipeline("label_hashes").main, samples / "single_tree.laz"
    kept = tmp_path / "before.json"
    assert run([str(scan), "-o", str(kept)]) == 0
    assert run([str(scan), "--against", str(kept)]) == 0
    assert capsys.readouterr().out.count(" same") == 1
    kept.write_text(json.dumps({scan.name: {"points": 1, "sha256": "0"}}), encoding="utf-8")
    assert run([str(scan), "--against", str(kept)]) == 1
    assert "DIFFERENT" in capsys.readouterr().out
