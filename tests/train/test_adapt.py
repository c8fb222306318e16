"""Calibration of an adapted model on the scans that it is chosen by."""

import json
import shutil
import warnings
from pathlib import Path

import pytest

from leafwood.classes import WOOD
from leafwood.errors import ModelWarning
from leafwood.evaluate.evaluation import truth_of
from leafwood.inference.model_file import weights_file
from leafwood.inference.segmenter import Segmenter
from leafwood.io.loaders import read
from leafwood.train.adapt import recalibrate

SAMPLE = Path(__file__).parents[2] / "data_samples" / "single_tree.laz"


@pytest.fixture
def uncalibrated(tmp_path):
    """The shipped weights with a card that has no calibration."""
    path = tmp_path / "model.safetensors"
    shutil.copyfile(weights_file("uav"), path)
    card = json.loads(weights_file("uav").with_suffix(".json").read_text(encoding="utf-8"))
    path.with_suffix(".json").write_text(json.dumps(card | {"calibration": None, "descriptors": None}))
    return path


def test_a_recalibrated_model_holds_leaf_and_wood_for_equally_common(uncalibrated):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ModelWarning)  # that it is not calibrated is no news here
        recalibrate(uncalibrated, [SAMPLE])
    cloud = read(SAMPLE)
    result = Segmenter.from_pretrained(uncalibrated).segment(cloud)
    truth, seen = truth_of(cloud, "gt_wood"), result.columns["leafwood"] > 0
    equal = result.columns["wood_prob_equal"]
    wood, leaf = seen & (truth == WOOD), seen & (truth != WOOD) & (truth >= 0)
    assert (equal[wood].mean() + equal[leaf].mean()) / 2 == pytest.approx(0.5, abs=0.03)
    assert (result.columns["leafwood"][leaf] == 1).mean() > 0.8
