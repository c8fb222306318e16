"""The script that shows whether labels have changed."""

from __future__ import annotations

import json
from pathlib import Path

import label_hashes

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
