"""What the truth of mixed echoes leaves out, and the limit that they set."""

import numpy as np
import pytest

from leafwood.classes import IGNORE, LEAF, WOOD, Part
from leafwood.cloud import PointCloud
from leafwood.evaluate.echoes import best_of_mixed, clear_echoes, without_returns


def test_twigs_and_mixed_echoes_are_not_scored():
    part = np.array([Part.LEAF, Part.LEAF, Part.STEM, Part.BRANCH, Part.TWIG], dtype=np.uint16)
    share = np.array([0.1, 0.4, 0.9, 0.6, 1.0], dtype=np.float32)
    columns = {"gt_part": part, "gt_wood_share": share, "gt_wood": (share > 0.5).astype(np.uint16)}
    found = clear_echoes(PointCloud(np.zeros((5, 3)), columns=columns))
    assert found.tolist() == [LEAF, IGNORE, WOOD, IGNORE, IGNORE]


def test_mixed_echoes_limit_every_label_and_clear_ones_do_not():
    truth = np.array([LEAF, LEAF, WOOD, IGNORE], dtype=np.int8)
    clear = best_of_mixed(truth, np.array([0.0, 0.0, 1.0, 0.5], dtype=np.float32)).as_dict()
    assert clear["balanced_accuracy"] == 1
    assert clear["points"] == 3
    mixed = best_of_mixed(truth, np.array([0.2, 0.2, 0.8, 0.5], dtype=np.float32)).as_dict()
    assert mixed["balanced_accuracy"] == pytest.approx((0.8 / 1.2 + 1.6 / 1.8) / 2)


def test_a_cloud_without_returns_knows_none():
    two = np.full(3, 2, dtype=np.uint8)
    cloud = PointCloud(np.zeros((3, 3)), columns={"return_number": two, "number_of_returns": two})
    assert cloud.returns().any()
    assert not without_returns(cloud).returns().any()
