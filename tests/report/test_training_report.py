"""The report of a training run: every curve of its log, and the scores of what it kept."""

import csv
import json

import pytest

from leafwood.errors import BadFile
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


def test_a_log_of_an_earlier_version_lacks_a_curve(run):
    lines = [line.rsplit(",", 1)[0] for line in (run / "log.csv").read_text().splitlines()]
    (run / "log.csv").write_text("\n".join(lines))
    assert write_training_report(run).read_text().count("<svg") == 4


def test_a_run_without_a_log_says_so(tmp_path):
    with pytest.raises(BadFile, match="leafwood train"):
        write_training_report(tmp_path)
