"""The network and the boosted trees label the same stands."""

from __future__ import annotations

import numpy as np
import pytest

from leafwood.errors import BadConfig
from leafwood.evaluate.metrics import score

ROW = "| virtual stands in leaf | "


@pytest.mark.filterwarnings("ignore::leafwood.errors.ModelWarning")
def test_every_model_has_its_row(pipeline, stands, samples, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(samples.parent)
    baselines = pipeline("baselines")
    monkeypatch.setattr(baselines, "held_out", lambda folder: [stands / "conifer_7001.laz"])
    options = {"config": "configs/train/samples/plain.yaml", "validation": stands, "labelled": tmp_path}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    baselines.main([*words, "--crops", "4", "--few", "1", "--threads", "1"])
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith(ROW)]
    assert [row.split(" | ")[1] for row in rows] == ["leafwood", "boosted trees", "boosted trees, smoothed"]


def test_without_validation_there_is_no_threshold(pipeline, tmp_path):
    with pytest.raises(BadConfig, match=r"--validation: no \.laz"):
        next(pipeline("baselines").clouds([], tmp_path, 1))


def test_wood_iou_at_every_threshold(pipeline):
    truth, prob = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9])
    iou = pipeline("baselines").wood_iou(score(truth, prob))
    assert iou[0] == 0.5
    assert iou[int(0.3 * 4096)] == pytest.approx(2 / 3)
    assert iou[int(0.7 * 4096)] == 0.5
