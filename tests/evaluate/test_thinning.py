"""Thinned clouds: how many points are left, and which."""

import numpy as np
import pytest

from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig
from leafwood.evaluate.thinning import thin_downward, thin_pulses, thin_to_spacing
from leafwood.graph.scale import spacing


@pytest.mark.parametrize("share", [0.1, 1 / 3, 0.9, 1.0])
def test_thinning_keeps_the_share_and_more_of_the_top(share):
    rng = np.random.default_rng(6)
    cloud = PointCloud.from_xyz(rng.uniform(0, 20, (40_000, 3)))
    thin = thin_downward(cloud, share)
    assert len(thin) == pytest.approx(share * 40_000, rel=0.05)
    below, above = (thin.xyz[:, 2] < 10).sum(), (thin.xyz[:, 2] >= 10).sum()
    assert above > 1.3 * below or share > 0.8


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5])
def test_an_impossible_share_is_refused(share):
    with pytest.raises(BadConfig):
        thin_downward(PointCloud(np.zeros((10, 3), dtype=np.float32)), share)


@pytest.fixture
def tree():
    return np.random.default_rng(0).uniform(0, 5, (8000, 3)).astype(np.float32)


@pytest.mark.parametrize("wanted", [0.6, 0.9])
def test_a_tree_is_thinned_to_the_spacing_asked_for(tree, wanted):
    kept = thin_to_spacing(tree, wanted)
    assert spacing(tree[kept]) == pytest.approx(wanted, rel=0.03)
    assert 500 < len(kept) == len(np.unique(kept)) < len(tree)


def test_a_tree_that_is_sparser_or_would_be_too_small_is_left_out(tree):
    assert spacing(tree) > 0.4
    assert thin_to_spacing(tree, 0.4) is None
    assert thin_to_spacing(tree, 50.0) is None


def test_pulses_stay_or_go_whole():
    time = np.repeat(np.arange(1000.0), 3)
    kept = thin_pulses(PointCloud(np.zeros((3000, 3), dtype=np.float32), columns={"gps_time": time}), 0.25)
    assert set(np.unique(kept.columns["gps_time"], return_counts=True)[1]) == {3}
    assert 0.2 < len(kept) / 3000 < 0.3
