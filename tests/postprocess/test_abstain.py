"""Undecided points."""

from __future__ import annotations

import numpy as np
import pytest

from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig
from leafwood.postprocess.abstain import abstain

CLOUD = PointCloud.from_xyz(np.arange(15.0).reshape(5, 3)).with_columns(
    leafwood=np.array([1, 1, 2, 2, 0], dtype=np.uint16),
    wood_prob=np.array([0.1, 0.45, 0.55, 0.9, 0.0], dtype=np.float32),
)


def test_only_the_unsure_lose_their_label():
    found = abstain(CLOUD, 0.8)
    assert found.columns["leafwood"].tolist() == [1, 0, 0, 2, 0]
    np.testing.assert_array_equal(found.columns["wood_prob"], CLOUD.columns["wood_prob"])


def test_one_half_takes_nothing():
    assert abstain(CLOUD, 0.5).columns["leafwood"].tolist() == [1, 1, 2, 2, 0]


@pytest.mark.parametrize("sure", [0.49, 1.01, float("nan")])
def test_no_such_probability(sure):
    with pytest.raises(BadConfig, match="abstain"):
        abstain(CLOUD, sure)
