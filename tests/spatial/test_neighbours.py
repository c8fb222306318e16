"""Nearest neighbours against scipy's tree."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from leafwood.spatial.neighbours import nearest


def test_distances_agree_with_scipy():
    xyz = np.random.default_rng(3).uniform(0, 5, (500, 3)).astype(np.float32)
    _, distance = nearest(xyz, 12)
    np.testing.assert_allclose(distance, cKDTree(xyz).query(xyz, 12)[0], atol=1e-5)


def test_other_places_can_be_asked():
    xyz = np.array([[0, 0, 0], [1, 0, 0], [5, 0, 0]], dtype=np.float32)
    index, distance = nearest(xyz, 2, query=np.array([[4.5, 0, 0]], dtype=np.float32))
    assert index.tolist() == [[2, 1]]
    np.testing.assert_allclose(distance, [[0.5, 3.5]])


@pytest.mark.parametrize("n", [1, 3])
def test_few_points_repeat_their_last_neighbour(n):
    xyz = np.arange(n * 3, dtype=np.float32).reshape(n, 3)
    index, distance = nearest(xyz, 5)
    assert index.shape == distance.shape == (n, 5)
    assert (index[:, n - 1 :] == index[:, [n - 1]]).all()
