"""Samples of equal size: everything is in them, bottom up, in the unit cube."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.samplers.chunks import chunk, to_unit_cube
from leafwood.samplers.gvd import Components, GVDConfig, decompose


def pieces(component, gd):
    component, gd = np.asarray(component), np.asarray(gd)
    return Components(component, gd, np.zeros(len(gd)), int(component.max()) + 1)


def test_two_points_in_the_unit_cube():
    found = to_unit_cube(np.array([[0, 0, 0], [1, 2, 4.0]]))
    np.testing.assert_allclose(found, [[0.375, 0.25, 0], [0.625, 0.75, 1]])


def test_one_place_is_the_middle():
    np.testing.assert_allclose(to_unit_cube(np.array([[7.0, 8, 9]] * 2)), 0.5)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 500), st.integers(1, 60))
def test_samples_hold_every_point_and_only_one_piece_each(seed, n, size):
    rng = np.random.default_rng(seed)
    xyz = rng.uniform(0, 6, (n, 3))
    parts = decompose(xyz, GVDConfig(min_points=5, min_voxels=2))
    samples = chunk(xyz, parts, size, rng)
    assert samples.index.shape == (len(samples), size)
    assert set(samples.index.ravel().tolist()) == set(range(n))
    assert (parts.component[samples.index] == parts.component[samples.index[:, :1]]).all()
    assert ((samples.unit >= 0) & (samples.unit <= 1)).all()
    for piece in range(parts.count):
        inside = samples.unit[parts.component == piece]
        if len(inside) > 1:
            np.testing.assert_allclose(np.ptp(inside, axis=0).max(), 1, atol=1e-6)


def test_the_bottom_comes_first_and_file_order_decides_among_equals():
    parts = pieces([0, 0, 0, 0, 1, 1], [2, 0, 1, 0, 5, 4])
    samples = chunk(np.arange(18.0).reshape(6, 3), parts, 2, np.random.default_rng(0))
    assert samples.index.tolist() == [[1, 3], [2, 0], [5, 4]]


def test_the_last_sample_is_filled_from_those_before_it():
    parts = pieces([0] * 10, range(10))
    samples = chunk(np.arange(30.0).reshape(10, 3), parts, 8, np.random.default_rng(0))
    assert samples.index[1, :2].tolist() == [8, 9]
    assert samples.index[1, 2:].max() < 8


def test_a_piece_smaller_than_a_sample_is_filled_from_itself():
    samples = chunk(np.arange(9.0).reshape(3, 3), pieces([0, 0, 0], [0, 1, 2]), 50, np.random.default_rng(0))
    assert samples.index.shape == (1, 50)
    assert set(samples.index[0].tolist()) == {0, 1, 2}


def test_no_points_no_samples():
    none = decompose(np.empty((0, 3)), GVDConfig())
    assert chunk(np.empty((0, 3)), none, 10, np.random.default_rng(0)).index.shape == (0, 10)
