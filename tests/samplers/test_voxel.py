"""Even samples: one point per voxel; a distance kept, and no room left."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist

from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud, BadConfig
from leafwood.samplers.voxel import PoissonDiskSampler, VoxelSampler
from leafwood.spatial.order import voxel_cells

clouds = arrays(np.float32, st.tuples(st.integers(1, 150), st.just(3)), elements=st.floats(0, 3, width=32))
sizes = st.floats(0.01, 5)
seeds = st.integers(0, 2**32 - 1)


def rng(seed=0):
    return np.random.default_rng(seed)


@given(clouds, sizes, st.sampled_from(["central", "first"]))
def test_every_voxel_has_one_point(xyz, size, keep):
    sample = VoxelSampler(size, keep)(PointCloud(xyz))
    cells = voxel_cells(xyz, size)
    kept = cells[sample.index]
    assert len(np.unique(kept, axis=0)) == len(kept) == len(np.unique(cells, axis=0))
    assert (np.diff(sample.index) > 0).all()
    assert (sample.weight == 1).all()


@given(clouds, sizes, seeds)
def test_central_points_do_not_depend_on_the_order(xyz, size, seed):
    order = rng(seed).permutation(len(xyz))
    one = xyz[VoxelSampler(size)(PointCloud(xyz)).index]
    two = xyz[order][VoxelSampler(size)(PointCloud(xyz[order])).index]
    assert set(map(tuple, one.tolist())) == set(map(tuple, two.tolist()))


def test_the_central_point_and_the_first_one():
    xyz = np.array([[0.1, 0.1, 0.1], [0.4, 0.6, 0.5], [1.9, 0.5, 0.5], [1.6, 0.5, 0.5]], dtype=np.float32)
    assert VoxelSampler(1.0)(PointCloud(xyz)).index.tolist() == [1, 3]
    assert VoxelSampler(1.0, "first")(PointCloud(xyz)).index.tolist() == [0, 2]


def test_tiles_of_a_cloud_share_voxels():
    xyz = rng().uniform(0, 20, (5000, 3)).astype(np.float32)
    whole = VoxelSampler(0.5)(PointCloud(xyz)).index
    east = np.flatnonzero(xyz[:, 0] >= 10.2)
    alone = east[VoxelSampler(0.5)(PointCloud(xyz).select(east)).index]
    far = xyz[:, 0] > 10.71
    assert np.array_equal(whole[far[whole]], alone[far[alone]])


@settings(deadline=None)
@given(clouds, sizes, seeds)
def test_poisson_disk_keeps_its_distance_and_leaves_no_room(xyz, distance, seed):
    index = PoissonDiskSampler(distance)(PointCloud(xyz), rng(seed)).index
    kept = xyz[index].astype(np.float64)
    assert (np.diff(index) > 0).all()
    assert pdist(kept).min(initial=np.inf) > distance * (1 - 1e-12)
    assert cKDTree(kept).query(xyz)[0].max() <= distance * (1 + 1e-12)


def test_poisson_disk_keeps_as_many_as_darts_thrown_one_by_one():
    xyz = np.column_stack([rng().uniform(0, 10, (6000, 2)), np.zeros(6000)]).astype(np.float32)
    free, darts = np.ones(6000, dtype=bool), 0
    for point, near in enumerate(cKDTree(xyz).query_ball_point(xyz, 0.5)):
        if free[point]:
            free[near] = False
            darts += 1
    assert len(PoissonDiskSampler(0.5)(PointCloud(xyz), rng()).index) == pytest.approx(darts, rel=0.05)


def test_poisson_disk_is_repeatable_and_varies_with_the_seed():
    cloud = PointCloud(rng().uniform(0, 5, (3000, 3)).astype(np.float32))
    one, two, other = (PoissonDiskSampler(0.3)(cloud, rng(seed)).index for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_points_at_one_place_leave_one():
    cloud = PointCloud(np.ones((50, 3), dtype=np.float32))
    for sampler in (VoxelSampler(0.1), PoissonDiskSampler(0.1)):
        assert len(sampler(cloud, rng()).index) == 1


def test_an_empty_cloud_gives_an_empty_sample():
    cloud = PointCloud(np.empty((0, 3), dtype=np.float32))
    for sampler in (VoxelSampler(0.1), PoissonDiskSampler(0.1)):
        sample = sampler(cloud, rng())
        assert len(sample.index) == len(sample.weight) == len(sample.to_points(sample.weight, cloud)) == 0


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_lengths_that_are_none_are_refused(bad):
    with pytest.raises(BadConfig, match="size"):
        VoxelSampler(bad)
    with pytest.raises(BadConfig, match="distance"):
        PoissonDiskSampler(bad)


def test_an_unknown_rule_is_refused():
    with pytest.raises(BadConfig, match="central or first"):
        VoxelSampler(0.1, "last")


def test_a_grid_finer_than_numbers_go_is_refused():
    cloud = PointCloud(np.array([[0, 0, 0], [900, 900, 0]], dtype=np.float32))
    for sampler in (VoxelSampler(1e-5), PoissonDiskSampler(1e-5)):
        with pytest.raises(BadCloud):
            sampler(cloud, rng())
