"""Coordinates: exact to 10 µm wherever on earth the scan is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafwood.cloud import PointCloud, bounds, plan_keys
from leafwood.errors import BadCloud


def test_a_northing_of_6800_km_keeps_its_millimetres():
    xyz = np.array([[500_000.0, 6_800_012.345, 100.0], [500_001.001, 6_800_020.002, 101.0]])
    cloud = PointCloud.from_xyz(xyz)
    np.testing.assert_allclose(cloud.xyz[1], [1.001, 7.657, 1.0], atol=1e-5)
    np.testing.assert_allclose(cloud.absolute(), xyz, atol=1e-5)


@given(st.integers(-10_000_000, 10_000_000), st.integers(-10_000_000, 10_000_000))
def test_moving_a_scan_does_not_change_local_coordinates(dx, dy):
    xyz = np.random.default_rng(0).uniform(0, 300, (50, 3)).round(3)
    np.testing.assert_array_equal(PointCloud.from_xyz(xyz).xyz, PointCloud.from_xyz(xyz + (dx, dy, 0)).xyz)


def test_a_point_at_zero_does_not_cost_the_others_their_precision():
    rng = np.random.default_rng(8)
    xyz = rng.uniform(0, 50, (1000, 3)).round(3) + (500_000, 5_400_000, 0)
    cloud = PointCloud.from_xyz(np.concatenate([xyz, np.zeros((1, 3))]))
    assert cloud.strays().tolist() == [False] * 1000 + [True]
    np.testing.assert_array_equal(cloud.xyz[:1000], PointCloud.from_xyz(xyz).xyz)


def test_returns_are_unknown_where_all_are_1_of_1_or_no_column_says():
    rng = np.random.default_rng(8)
    xyz, ones = rng.uniform(0, 1, (4, 3)), np.ones(4, dtype=np.uint8)
    number, of = np.array([[1, 1, 2, 1], [1, 2, 2, 0]], dtype=np.uint8)
    for columns in ({}, {"return_number": ones, "number_of_returns": ones}, {"return_number": ones}):
        assert PointCloud.from_xyz(xyz, columns).returns().tolist() == [[0, 0]] * 4
    known = PointCloud.from_xyz(xyz, {"return_number": number, "number_of_returns": of})
    assert known.returns().tolist() == [[1, 1], [1, 2], [2, 2], [1, 0]]


def test_feet_become_metres():
    cloud = PointCloud.from_xyz(np.array([[0.0, 0, 0], [10, 0, 10]]), unit=(0.3048, 0.3048))
    np.testing.assert_allclose(cloud.xyz[1], [3.048, 0, 3.048])
    np.testing.assert_allclose(cloud.absolute()[1], [10, 0, 10])


@pytest.mark.parametrize("xyz", [np.zeros(3), np.zeros((4, 2)), np.array([[0.0, np.nan, 0.0]])])
def test_what_is_not_a_cloud_is_refused(xyz):
    with pytest.raises(BadCloud):
        PointCloud.from_xyz(xyz)


def test_columns_go_with_their_points():
    rng = np.random.default_rng(8)
    cloud = PointCloud.from_xyz(rng.uniform(0, 1, (5, 3)), {"intensity": np.arange(5)})
    assert cloud.select(np.array([3, 1])).columns["intensity"].tolist() == [3, 1]
    with pytest.raises(BadCloud, match="intensity"):
        cloud.with_columns(intensity=np.arange(4))


@pytest.mark.parametrize("place", [1e300, -1e300, 1e12])
def test_one_impossible_place_is_a_stray_and_many_are_no_cloud(place):
    xyz = np.random.default_rng(9).uniform(0, 50, (500, 3)).round(3) + (500_000, 5_400_000, 0)
    bent = xyz.copy()
    bent[7, 1] = place
    cloud = PointCloud.from_xyz(bent)
    assert np.flatnonzero(cloud.strays()).tolist() == [7]
    assert np.isfinite(cloud.xyz).all()
    rest = np.arange(500) != 7
    np.testing.assert_array_equal(cloud.xyz[rest], PointCloud.from_xyz(bent[rest]).xyz)
    bent[::2, 0] = place
    with pytest.raises(BadCloud, match="too large"):
        PointCloud.from_xyz(bent)


def test_codes_that_are_nan_are_unknown():
    cloud = PointCloud.from_xyz(np.eye(3), {"classification": np.array([2.0, np.nan, 5.0], dtype=np.float32)})
    assert cloud.columns["classification"].dtype == np.uint8
    assert cloud.columns["classification"].tolist() == [2, 0, 5]


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=30),
    st.sampled_from([0.1, 1.0]),
)
def test_points_have_the_same_plan_key_where_they_lie_in_the_same_square(plan, edge):
    plan = np.array(plan)
    cells = np.unique(np.floor(plan / edge), axis=0, return_inverse=True)[1].ravel()
    keys = plan_keys(plan, edge)
    np.testing.assert_array_equal(keys[:, None] == keys, cells[:, None] == cells)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
@pytest.mark.parametrize("n", [1, 255, 256, 1000])
def test_bounds_are_those_of_the_columns(n, dtype):
    table = (np.random.default_rng(n).normal(size=(n, 3)) * 1000).astype(dtype)
    for points in (table, np.asfortranarray(table), table[:, :2], table[::-1]):
        low, high = bounds(points)
        assert np.array_equal(low, points.min(axis=0))
        assert np.array_equal(high, points.max(axis=0))
        assert low.dtype == points.dtype
