"""SOUL's descriptors of known shapes, and against their formulas."""

import numpy as np
import pytest

from leafwood.soul.features import RADII, soul_features

T = np.linspace(-1, 1, 21)
PLANE = np.stack(np.meshgrid(T, T), axis=-1).reshape(-1, 2)
CUBE = np.stack(np.meshgrid(T[::3], T[::3], T[::3]), axis=-1).reshape(-1, 3)


def middle(xyz):
    """The four descriptors over all of a shape, at its middle."""
    row = int(np.argmin(np.linalg.norm(xyz, axis=1)))
    return soul_features(xyz, radii=(100.0,))[row]


def test_a_horizontal_plane():
    np.testing.assert_allclose(middle(np.c_[PLANE, 0 * PLANE[:, 0]]), [0.5, 0, 0, 0], atol=1e-5)


def test_a_vertical_plane():
    assert middle(np.c_[PLANE[:, 0], 0 * PLANE[:, 0], PLANE[:, 1]])[3] == pytest.approx(1)


def test_a_block_of_2_by_1_by_half():
    np.testing.assert_allclose(middle(CUBE * [2, 1, 0.5])[:3], [0.761905, 0.75, 0.0625], atol=1e-5)


def cloud(n=900):
    return np.random.default_rng(2).normal(0, 0.5, (n, 3)) * (1, 0.6, 2)


def test_they_are_what_the_formulas_say():
    xyz = cloud()
    found = soul_features(xyz)
    for i in range(0, len(xyz), 7):
        gap = np.linalg.norm(xyz - xyz[i], axis=1)
        if (gap < RADII[0]).sum() < 3:
            assert np.isnan(found[i]).all()
            continue
        expected = []
        for radius in RADII:
            values, axes = np.linalg.eigh(np.cov(xyz[gap < radius].T, bias=True))
            l3, l2, l1 = values
            expected += [l1 / values.sum(), (l1 - l2) / l1, l3 / l1, 1 - abs(axes[2, 0])]
        np.testing.assert_allclose(found[i], expected, atol=1e-4)


def test_moving_and_turning_about_the_vertical_changes_nothing():
    xyz = cloud()
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    np.testing.assert_allclose(soul_features(xyz), soul_features(xyz @ turn + [5e5, 6e6, 300]), atol=1e-3)


def test_points_without_neighbours_have_no_shape():
    xyz = np.concatenate([cloud(200), [[50.0, 0, 0], [80, 0, 0], [80.1, 0, 0]], np.full((4, 3), 120.0)])
    found = soul_features(xyz)
    assert np.isnan(found[200:]).all()
    assert np.isfinite(found[:200]).all(axis=1).any()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_points(n):
    assert np.isnan(soul_features(np.zeros((n, 3)))).all()
    assert soul_features(np.zeros((n, 3))).shape == (n, 12)
