"""Occlusion from above: what a canopy hides, and what it leaves alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.samplers.occlusion import transmission


def tower(heights, x=0.15, y=0.15):
    return np.array([[x, y, z] for z in heights], dtype=np.float32)


def test_each_occupied_voxel_above_takes_the_same_share():
    found = transmission(tower([0.1, 3.1, 6.1, 6.15]), extinction=0.5)
    np.testing.assert_allclose(found, np.exp([-1.0, -0.5, 0.0, 0.0]))


def test_what_stands_beside_hides_nothing():
    xyz = np.concatenate([tower([0.1]), tower([5.1, 8.1], x=2.15)])
    np.testing.assert_allclose(transmission(xyz, 1.0), [1.0, np.exp(-1.0), 1.0])


def test_slanting_pulses_pass_through_what_lies_along_them():
    xyz = np.array([[0.15, 0.15, 0.1], [5.15, 0.15, 10.1]], dtype=np.float32)
    np.testing.assert_allclose(transmission(xyz, 1.0), 1.0)
    np.testing.assert_allclose(transmission(xyz, 1.0, lean=(0.5, 0.0)), [np.exp(-1.0), 1.0])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 2.0), st.floats(-0.6, 0.6), st.integers(1, 300))
def test_it_is_a_share_that_does_not_depend_on_the_order_of_points(seed, extinction, lean, n):
    rng = np.random.default_rng(seed)
    xyz = rng.uniform(0, (4, 4, 12), (n, 3)).astype(np.float32)
    found, order = transmission(xyz, extinction, (lean, -lean)), rng.permutation(n)
    assert ((found > 0) & (found <= 1)).all()
    assert found.max() == 1.0
    np.testing.assert_allclose(transmission(xyz[order], extinction, (lean, -lean)), found[order])


def test_no_points():
    assert transmission(np.zeros((0, 3), dtype=np.float32), 1.0).shape == (0,)


@pytest.mark.parametrize("extinction", [0.1, 0.3])
def test_a_crown_hides_its_lower_half_more_than_its_upper(extinction):
    rng = np.random.default_rng(0)
    xyz = rng.uniform(0, (6, 6, 20), (20_000, 3)).astype(np.float32)
    found = transmission(xyz, extinction)
    assert found[xyz[:, 2] > 15].mean() > 2 * found[xyz[:, 2] < 5].mean()
