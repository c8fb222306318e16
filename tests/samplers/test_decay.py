"""Decay-aware samples: as much from below as from above, as far as the scan goes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig
from leafwood.samplers.decay import DecaySampler, keep_probability, sampling_intensity

intensities = arrays(np.float64, st.integers(1, 80), elements=st.floats(0.01, 1e4))


def rng(seed=0):
    return np.random.default_rng(seed)


def decaying(n=60_000, rate=0.15, top=20.0):
    """Returns of pulses that come from above and are used up on the way down: exp(-rate x depth)."""
    depth = rng().exponential(1 / rate, n)
    height = np.clip(top - depth, 0, None)
    xyz = np.column_stack([rng(1).uniform(0, 20, (n, 2)), height]).astype(np.float32)
    return PointCloud(xyz, columns={"height_ag": height.astype(np.float32)})


def per_metre(cloud, index=None, weight=None):
    """Points, or their weight, in each metre of the canopy above 1 m, bottom up."""
    height = cloud.columns["height_ag"][slice(None) if index is None else index]
    return np.histogram(height, bins=np.arange(1, 20), weights=weight)[0]


def test_the_sample_is_even_where_the_cloud_decays():
    cloud = decaying()
    before = per_metre(cloud)
    sample = DecaySampler(0.15)(cloud, rng())
    after = per_metre(cloud, sample.index)
    assert before[-3:].mean() > 8 * before[:3].mean()
    assert after[-3:].mean() == pytest.approx(after[:3].mean(), rel=0.2)
    assert after.std() < 0.15 * after.mean()


@pytest.mark.parametrize("share", [0.15, 0.5, 0.8, 1.0])
def test_weights_make_up_for_what_thinning_cannot(share):
    cloud = decaying()
    sample = DecaySampler(share)(cloud, rng())
    weighted = per_metre(cloud, sample.index, sample.weight)
    assert weighted.std() < 0.15 * weighted.mean()
    assert sample.weight.mean() == pytest.approx(1, abs=1e-3)


@given(intensities, st.floats(0.01, 1))
def test_probabilities_have_the_share_as_mean_and_even_out_what_is_dense(intensity, share):
    keep = keep_probability(intensity, share)
    assert ((keep > 0) & (keep <= 1)).all()
    assert keep.mean() == pytest.approx(share, rel=1e-6)
    thinned, left = keep < 1 - 1e-9, intensity * keep
    if thinned.any():
        np.testing.assert_allclose(left[thinned], left[thinned][0], rtol=1e-6)
        assert (left <= left[thinned][0] * (1 + 1e-6)).all()


def test_probabilities_by_hand():
    np.testing.assert_allclose(keep_probability(np.array([1.0, 1, 4, 4]), 0.625), [1, 1, 0.25, 0.25])
    np.testing.assert_allclose(keep_probability(np.array([1.0, 2, 4]), 7 / 12), [1, 0.5, 0.25])
    np.testing.assert_allclose(keep_probability(np.array([8.0, 2, 4]), 1.0), 1)


def test_a_sample_is_repeatable_and_of_the_share_asked_for():
    cloud = decaying(20_000)
    one, two = (DecaySampler(0.3)(cloud, rng(7)) for _ in range(2))
    assert np.array_equal(one.index, two.index)
    assert len(one.index) == pytest.approx(0.3 * len(cloud), rel=0.05)


def test_ground_is_looked_for_where_heights_are_not_given():
    cloud = decaying(20_000)
    bare = PointCloud(cloud.xyz)
    assert np.corrcoef(sampling_intensity(bare), sampling_intensity(cloud))[0, 1] > 0.99


def test_a_tree_without_ground_is_measured_from_its_foot():
    cloud = decaying(20_000)
    unknown = cloud.with_columns(height_ag=np.full(len(cloud), np.nan, dtype=np.float32))
    np.testing.assert_allclose(sampling_intensity(unknown), sampling_intensity(cloud), rtol=1e-5)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_any_points(n):
    xyz = np.arange(3 * n, dtype=np.float32).reshape(n, 3)
    sample = DecaySampler(0.01)(PointCloud(xyz, columns={"height_ag": xyz[:, 2]}), rng())
    assert len(sample.index) == len(sample.weight) == min(n, 1)


@pytest.mark.parametrize("share", [0, -0.5, 1.5, float("nan")])
def test_shares_that_are_none_are_refused(share):
    with pytest.raises(BadConfig, match="share"):
        DecaySampler(share)
