"""Eigen-features of known shapes."""

import numpy as np

from leafwood.graph.features import eigen_features, height_features, return_features, spacing_features
from leafwood.spatial.neighbours import nearest


def middle(xyz, k=30):
    """Features of the point nearest to the middle."""
    xyz = xyz.astype(np.float32)
    index, _ = nearest(xyz, k)
    row = int(np.argmin(np.linalg.norm(xyz - xyz.mean(axis=0), axis=1)))
    return dict(
        zip(("lin", "pla", "sca", "ver", "nz"), eigen_features(xyz, index, (k,))[row].round(2).tolist(), strict=True)
    )


def test_a_vertical_rod_is_linear_and_vertical():
    rng = np.random.default_rng(5)
    found = middle(np.column_stack([rng.normal(0, 0.002, (300, 2)), np.linspace(0, 3, 300)]))
    assert found["lin"] > 0.9
    assert found["ver"] > 0.95


def test_a_horizontal_rod_is_linear_and_not_vertical():
    rng = np.random.default_rng(5)
    found = middle(np.column_stack([np.linspace(0, 3, 300), rng.normal(0, 0.002, (300, 2))]))
    assert found["lin"] > 0.9
    assert found["ver"] < 0.05


def test_a_floor_is_planar_with_an_upright_normal():
    rng = np.random.default_rng(5)
    found = middle(np.column_stack([rng.uniform(0, 1, (900, 2)), rng.normal(0, 0.001, 900)]))
    assert found["pla"] > 0.5
    assert found["nz"] > 0.95


def test_a_ball_scatters():
    rng = np.random.default_rng(5)
    assert middle(rng.normal(0, 1, (900, 3)), 200)["sca"] > 0.6


def test_features_do_not_change_with_scale_or_place():
    rng = np.random.default_rng(5)
    xyz = rng.uniform(0, 2, (400, 3)).astype(np.float32)
    index, _ = nearest(xyz, 16)
    moved = (xyz * 4 + 8).astype(np.float32)
    np.testing.assert_allclose(
        eigen_features(xyz, index, (8, 16)), eigen_features(moved, index, (8, 16)), atol=0.02
    )  # pgeof steadies its ratios with 1 mm


def test_spacing_is_the_logarithm_of_distance():
    np.testing.assert_allclose(spacing_features(np.array([[0, 0.1, 1.0]], dtype=np.float32), (1, 2)), [[0, np.log(10)]])


def test_unknown_heights_are_all_zero():
    known, unknown = height_features(np.array([0.0, np.nan], dtype=np.float32))
    np.testing.assert_allclose(known, [1, 0, 1])
    np.testing.assert_allclose(unknown, [0, 0, 0])


def test_returns_of_a_pulse_and_unknown_ones():
    found = return_features(np.array([[1, 1], [1, 4], [4, 4], [2, 7], [0, 0], [0, 3], [3, 2]], dtype=np.uint8))
    expected = [[1, 1, 1, 0, 0], [1, 0, 0, 0, 1], [1, 0, 1, 1, 1], [1, 0, 0, 1 / 3, 1], *[[0] * 5] * 3]
    np.testing.assert_allclose(found, expected, atol=1e-6)
