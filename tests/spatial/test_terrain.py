"""Surfaces from ground points: planes, steep slopes, far strays, big plans."""

import time

import numpy as np
import pytest

from leafwood.spatial.terrain import Outline, Terrain, bilinear, fit_plane, lowest_points, plan_cells, plan_extent


def test_lowest_points_one_per_cell_and_lowest():
    rng = np.random.default_rng(1)
    xyz = rng.random((20_000, 3)) * [10, 8, 5]
    found = lowest_points(xyz, 1.0)
    origin = xyz[:, :2].min(axis=0)
    cells = np.floor((xyz[:, :2] - origin) / 1.0).astype(int)
    lowest = {}
    for cell, z in zip(map(tuple, cells), xyz[:, 2], strict=True):
        lowest[cell] = min(lowest.get(cell, np.inf), z)
    assert sorted(xyz[found, 2]) == sorted(lowest.values())


def test_lowest_points_in_chunks(monkeypatch):
    xyz = np.random.default_rng(2).random((5_000, 3)) * [10, 8, 5]
    whole = lowest_points(xyz, 0.5)
    monkeypatch.setattr("leafwood.spatial.terrain._CHUNK", 700)
    assert np.array_equal(lowest_points(xyz, 0.5), whole)


def test_plane_under_a_canopy():
    rng = np.random.default_rng(3)
    xy = rng.random((4_000, 2)) * 30
    ground = 0.4 * xy[:, 0] - 0.2 * xy[:, 1] + 7
    canopy = rng.random(4_000) < 0.7
    z = ground + np.where(canopy, rng.random(4_000) * 20 + 2, 0)
    assert fit_plane(np.column_stack([xy, z]), quantile=0.1) == pytest.approx([0.4, -0.2, 7], abs=0.02)


@pytest.mark.parametrize("slope", [0.0, 0.5, np.tan(np.radians(40)), 2.0])
def test_heights_above_a_slope_reach_beyond_the_ground_points(slope):
    rng = np.random.default_rng(4)
    xy = rng.random((5_000, 2)) * 20
    cloud = np.column_stack([xy, slope * xy[:, 0] + 3.0])
    ground = cloud[np.linalg.norm(xy - 10, axis=1) < 6]
    assert np.abs(Terrain.from_points(ground, Outline.of(cloud)).heights(cloud) - 0).max() < 0.02


def test_heights_on_a_hill():
    rng = np.random.default_rng(5)
    xy = rng.random((20_000, 2)) * 40
    surface = 5 * np.sin(xy[:, 0] / 8) * np.cos(xy[:, 1] / 9)
    above = rng.random(20_000) * 20
    terrain = Terrain.from_points(np.column_stack([xy, surface])[::4], Outline.of(np.column_stack([xy, surface])))
    error = terrain.heights(np.column_stack([xy, surface + above])) - above
    inside = np.abs(xy - 20).max(axis=1) < 19
    assert np.abs(error[inside]).max() < 0.05
    assert np.sqrt(np.mean(error**2)) < 0.02


def test_a_stray_kilometres_off_does_not_stretch_the_plan():
    xyz = np.vstack([np.random.default_rng(6).random((5_000, 3)) * 25, [[9e5, 8e6, 0]]])
    low, high = plan_extent(xyz)
    assert (high - low < 40).all()
    assert (low <= 0.1).all()


def test_a_sparse_survey_of_100_square_kilometres_stays_small():
    xyz = np.random.default_rng(7).random((4_000, 3)) * [10_000, 10_000, 5]
    started = time.perf_counter()
    terrain = Terrain.from_points(xyz, Outline.of(xyz))
    assert terrain.departure.size < 10_000
    assert time.perf_counter() - started < 2


def test_ground_points_on_a_line():
    line = np.column_stack([np.linspace(0, 10, 50), np.zeros(50), np.linspace(0, 5, 50)])
    assert np.abs(Terrain.from_points(line, Outline.of(line)).heights(line)).max() < 0.05


@pytest.mark.parametrize("wide", [3.0, 3000.0])  # few cells, which are marked, and many, whose numbers are sorted
def test_plan_cells_are_the_occupied_ones_in_order(wide):
    xy = np.random.default_rng(4).uniform(-wide, wide, (500, 2)).astype(np.float32)
    expected = np.unique(np.floor(xy / 0.5).astype(np.int64), axis=0)
    assert np.array_equal(plan_cells(xy, 0.5), expected)
    assert plan_cells(xy[:0], 0.5).shape == (0, 2)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (5, 1), (3, 4)])
def test_bilinear_goes_through_its_nodes_and_is_linear_between_and_beyond(shape):
    x, y = np.indices(shape).astype(np.float64)
    grid = 2.0 * x - 3.0 * y + 1.0
    assert np.allclose(bilinear(grid, np.stack([x.ravel(), y.ravel()])), grid.ravel())
    if min(shape) > 1:
        at = np.array([[0.25, 1.5, -0.5, shape[0] + 1.0], [0.75, 2.5, 1.0, shape[1] + 2.0]])
        assert np.allclose(bilinear(grid, at), 2.0 * at[0] - 3.0 * at[1] + 1.0)
