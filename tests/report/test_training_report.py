"""The report of a training run: every curve of its log, and the scores of what it kept."""

import csv
import json

import numpy as np
import pytest

from leafwood.errors import BadFile
from leafwood.evaluate.crops import SeenCrop, write_crops
from leafwood.report.training import write_training_report


@pytest.fixture
def run(tmp_path):
    columns = ["step", "seconds", "loss", "auroc", "g_mean", "leaf_recall", "wood_recall", "wood_iou", "learning_rate"]
    with (tmp_path / "log.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(columns)
        rows.writerows([[100, 60, 0.7, 0.8, 0.7, 0.9, 0.5, 0.3, 1e-3], [200, 120, 0.5, 0.9, 0.8, 0.8, 0.8, 0.4, 5e-4]])
    provenance = {"step": 200, "validation": {"points": 1234, "g_mean": 0.8123}, "config": {"name": "<b>run</b>"}}
    (tmp_path / "model.json").write_text(json.dumps({"provenance": provenance}))
    return tmp_path


def test_curves_scores_and_settings(run):
    text = write_training_report(run).read_text()
    for words in ("Loss", "Learning rate", "AUROC 0.9", "wood 0.8", "0.8123", "1,234", "200 steps in 2 minutes"):
        assert words in text
    assert "&lt;b&gt;run" in text
    assert "<b>run" not in text
    assert text.count("<svg") == 5


def write_validation(run, seeds=(0, 1, 2, 3, 4, 5)):
    """Crops of two stands, the later ones with more mistakes; a name that would be a script."""
    crops = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        truth = (rng.random(600) < 0.2).astype(np.int8)
        wrong = rng.random(600) < 0.05 * seed
        prob = np.where((truth == 1) != wrong, 0.9, 0.1).astype(np.float32)
        xyz = (rng.random((600, 3)) * [3, 3, 12]).astype(np.float32)
        crops.append(SeenCrop("<i>odd.laz" if seed % 2 else "even.laz", xyz, truth, prob))
    write_crops(crops, run / "validation.npz")
    return crops


def test_strata_and_the_worst_crops(run):
    crops = write_validation(run)
    text = write_training_report(run).read_text()
    assert "over 6 validation crops" in text
    for words in ("by stand", "by height within the crop", "by density", "0-10 %", "voxels/m³", "&lt;i&gt;odd.laz"):
        assert words in text
    assert "<i>odd" not in text
    assert text.count('<figure class="viewer">') == 4
    shares = [f"{crop.mistakes:.1%} wrong" for crop in crops[:1:-1]]  # the last has the most mistakes
    assert [text.index(share) for share in shares] == sorted(text.index(share) for share in shares)
    missed = int(((crops[5].truth == 1) & (crops[5].prob < 0.5)).sum())
    assert f"Wood missed: {missed:,} of" in text
    assert "three.js" in text.lower()


def test_a_run_without_mistakes_shows_no_crop(run):
    write_validation(run, seeds=(0, 0))
    text = write_training_report(run).read_text()
    assert '<figure class="viewer">' not in text
    assert "even.laz" in text


def test_damaged_crops_are_a_line(run):
    (run / "validation.npz").write_bytes(b"PK nothing")
    with pytest.raises(BadFile, match=r"validation\.npz"):
        write_training_report(run)


def test_a_log_of_an_earlier_version_lacks_a_curve(run):
    lines = [line.rsplit(",", 1)[0] for line in (run / "log.csv").read_text().splitlines()]
    (run / "log.csv").write_text("\n".join(lines))
    assert write_training_report(run).read_text().count("<svg") == 4


def test_a_run_without_a_log_says_so(tmp_path):
    with pytest.raises(BadFile, match="leafwood train"):
        write_training_report(tmp_path)
