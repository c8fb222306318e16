"""Whatever is sampled and however it is cut: every point of a scan is covered, once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from leafwood.cloud import PointCloud
from leafwood.samplers.chunks import chunk
from leafwood.samplers.decay import DecaySampler
from leafwood.samplers.gvd import GVDConfig, decompose
from leafwood.samplers.voxel import PoissonDiskSampler, VoxelSampler
from leafwood.spatial.tiles import iter_tiles
from leafwood.spatial.voxels import build_pyramid

SAMPLERS = (
    VoxelSampler(0.5),
    VoxelSampler(3.0, keep="first"),
    PoissonDiskSampler(0.5),
    PoissonDiskSampler(20.0),
    DecaySampler(0.5),
    DecaySampler(0.01),
)
scans = arrays(np.float32, st.tuples(st.integers(1, 150), st.just(3)), elements=st.floats(0, 40, width=32))
seeds = st.integers(0, 2**32 - 1)


def tiles(xyz, most):
    return iter_tiles(xyz[:, :2], most, 5.0)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
@settings(deadline=None, max_examples=25)
@given(xyz=scans, most=st.integers(1, 60), seed=seeds)
def test_what_is_found_on_samples_of_tiles_reaches_every_point(sampler, xyz, most, seed):
    rng = np.random.default_rng(seed)
    scan = PointCloud(xyz, columns={"height_ag": xyz[:, 2]})
    times, answered_by = np.zeros(len(xyz), dtype=int), np.full(len(xyz), -1)
    for tile in tiles(xyz, most):
        cloud = scan.select(tile.index)
        sample = sampler(cloud, rng)
        assert len(np.unique(sample.index)) == len(sample.index) == len(sample.weight) > 0
        assert np.isfinite(sample.weight).all()
        assert (sample.weight > 0).all()
        answer = sample.to_points(tile.index[sample.index], cloud)  # each sampled point answers with its own number
        off = xyz[answer[sample.index]] - xyz[tile.index[sample.index]]  # another of several at one place may answer
        assert np.abs(off).max() < 1e-6
        owned = tile.index[tile.owned]
        times[owned] += 1
        answered_by[owned] = answer[tile.owned]
    assert (times == 1).all()
    assert (answered_by >= 0).all()


@settings(deadline=None, max_examples=25)
@given(xyz=scans, most=st.integers(1, 60))
def test_every_point_has_a_voxel_of_the_graph(xyz, most):
    covered = np.zeros(len(xyz), dtype=int)
    for tile in tiles(xyz, most):
        pyramid = build_pyramid(xyz[tile.index], 0.06, 4)
        assert np.array_equal(np.unique(pyramid.node), np.arange(len(pyramid.count)))
        covered[tile.index[tile.owned]] += 1
    assert (covered == 1).all()


@settings(deadline=None, max_examples=25)
@given(xyz=scans, most=st.integers(1, 60), seed=seeds)
def test_every_point_is_in_a_sample_of_the_baseline(xyz, most, seed):
    covered = np.zeros(len(xyz), dtype=int)
    for tile in tiles(xyz, most):
        part = xyz[tile.index]
        pieces = decompose(part, GVDConfig(min_points=5, min_voxels=2))
        samples = chunk(part, pieces, 40, np.random.default_rng(seed))
        seen = np.zeros(len(part), dtype=bool)
        seen[samples.index] = True
        covered[tile.index[tile.owned & seen]] += 1
    assert (covered == 1).all()
