"""Smoothing: what it may change and what not."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.postprocess.regularize import smooth
from leafwood.spatial.neighbours import nearest


def cloud(n: int, seed: int):
    rng = np.random.default_rng(seed)
    xyz = rng.uniform(0, 3, (n, 3)).astype(np.float32)
    return xyz, nearest(xyz, 16)[0], rng.normal(0, 2, n).astype(np.float32)


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(0, 100))
def test_margins_stay_within_those_that_were_there(n, seed):
    xyz, neighbours, margin = cloud(n, seed)
    found = smooth(margin, xyz, neighbours)
    assert found.dtype == np.float32
    assert found.shape == margin.shape
    assert found.min() >= min(margin.min(), 0) - 1e-4
    assert found.max() <= max(margin.max(), 0) + 1e-4


@settings(deadline=None)
@given(st.integers(20, 200), st.integers(0, 100), st.sampled_from([0.1, 3.0, 40.0]))
def test_a_cloud_of_another_size_is_smoothed_alike(n, seed, scale):
    xyz, neighbours, margin = cloud(n, seed)
    larger = smooth(margin, xyz * np.float32(scale), neighbours)
    np.testing.assert_allclose(smooth(margin, xyz, neighbours), larger, atol=2e-3)


def test_agreement_is_left_alone():
    xyz, neighbours, _ = cloud(300, 1)
    np.testing.assert_allclose(smooth(np.full(300, 1.5, np.float32), xyz, neighbours), 1.5, rtol=1e-5)


def test_a_lone_half_hearted_dissenter_is_outvoted_and_a_stem_among_leaves_is_not():
    rng = np.random.default_rng(3)
    stem = np.column_stack([rng.normal(0, 0.02, (150, 2)), rng.uniform(0, 3, 150)])
    leaves = rng.uniform([-2, -2, 0], [2, 2, 3], (1200, 3))
    xyz = np.concatenate([stem, leaves]).astype(np.float32)
    margin = np.repeat(np.array([2.0, -2.0], dtype=np.float32), [150, 1200])
    margin[700] = 0.3
    found = smooth(margin, xyz, nearest(xyz, 16)[0])
    assert found[700] < 0
    assert (found[:150] > 0).mean() > 0.95
    assert (found[150:] < 0).mean() > 0.97
