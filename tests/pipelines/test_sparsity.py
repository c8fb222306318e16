"""Thinning for `pipelines/sparsity.py`, and what its and the bars' truth leaves out."""

import numpy as np
import pytest
from bars import clear_echoes
from sparsity import FEWEST, of_pulses, thinned

from leafwood.classes import IGNORE, LEAF, WOOD, Part
from leafwood.cloud import PointCloud
from leafwood.graph.scale import spacing


@pytest.fixture
def tree():
    xyz = np.random.default_rng(0).uniform(0, 5, (8000, 3))
    return PointCloud(xyz), (np.arange(len(xyz)) % 2).astype(np.int8)


@pytest.mark.parametrize("wanted", [0.6, 0.9])
def test_a_tree_is_thinned_to_the_spacing_asked_for(tree, wanted):
    cloud, truth = thinned(tree, wanted)
    assert spacing(cloud.xyz) == pytest.approx(wanted, rel=0.03)
    assert FEWEST < len(cloud) == len(truth) < len(tree[0])
    where = {tuple(point): label for point, label in zip(tree[0].xyz, tree[1], strict=True)}
    assert [where[tuple(point)] for point in cloud.xyz] == truth.tolist()


def test_a_tree_that_is_sparser_or_would_be_too_small_is_left_out(tree):
    assert spacing(tree[0].xyz) > 0.4
    assert thinned(tree, 0.4) is None
    assert thinned(tree, 50.0) is None


def test_pulses_stay_or_go_whole():
    time = np.repeat(np.arange(1000.0), 3)
    kept = of_pulses(PointCloud(np.zeros((3000, 3)), columns={"gps_time": time}), 0.25)
    by_pulse = kept.reshape(-1, 3).sum(axis=1)
    assert set(by_pulse) == {0, 3}
    assert 0.2 < kept.mean() < 0.3


def test_twigs_and_mixed_echoes_are_not_scored():
    part = np.array([Part.LEAF, Part.LEAF, Part.STEM, Part.BRANCH, Part.TWIG], dtype=np.uint16)
    share = np.array([0.1, 0.4, 0.9, 0.6, 1.0], dtype=np.float32)
    columns = {"gt_part": part, "gt_wood_share": share, "gt_wood": (share > 0.5).astype(np.uint16)}
    found = clear_echoes(PointCloud(np.zeros((5, 3)), columns=columns))
    assert found.tolist() == [LEAF, IGNORE, WOOD, IGNORE, IGNORE]
