"""`leafwood adapt`: from labelled scans to weights that segment takes."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import leafwood
from leafwood.cli.main import main
from leafwood.datasets.crops import CropConfig
from leafwood.train import adapt as adapting

SAMPLES = Path(__file__).resolve().parents[2] / "data_samples"


@pytest.mark.slow
def test_a_model_learns_and_labels(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(adapting, "_CROPS", CropConfig(max_points=800, min_points=300))
    scans = [str(SAMPLES / name) for name in ("uav_plot.laz", "leaf_off_plot.laz")]
    out = tmp_path / "mine"
    words = ["adapt", scans[0], "--validation", scans[1], "-o", str(out), "--steps", "3", "--rank", "2"]
    assert main(words) == 0
    said = capsys.readouterr().out
    for word in ("as it was", "lora", "deblora", "g mean"):
        assert word in said
    kept = out / "model.safetensors"
    assert kept.exists() == (str(kept) in said)
    for name in ("lora", "deblora"):
        seg = leafwood.Segmenter.from_pretrained(out / name / "model.safetensors")
        prob = seg.predict_proba(np.random.default_rng(0).uniform(0, 4, (2000, 3)))
        assert ((prob >= 0) & (prob <= 1)).all()
    assert main(words) == 1  # never into a folder with something in it
    assert "not an empty folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status"),
    [(["--model", "none"], 2), (["--labels", "none"], 2), (["--rank", "0"], 2), (["--steps", "0"], 2)],
)
def test_bad_settings_are_one_line(tmp_path, words, status, capsys):
    scan = str(SAMPLES / "single_tree.laz")
    other = tmp_path / "other.laz"
    shutil.copy(scan, other)
    assert main(["adapt", scan, "--validation", str(other), "-o", str(tmp_path / "out"), *words]) == status
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_scan_is_not_in_both_sets(tmp_path, capsys):
    scan = str(SAMPLES / "single_tree.laz")
    assert main(["adapt", scan, "--validation", scan, "-o", str(tmp_path / "out")]) == 2
    assert "validation" in capsys.readouterr().err
