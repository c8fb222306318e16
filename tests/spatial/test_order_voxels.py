"""Morton codes and the voxel pyramid."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from leafwood.errors import BadCloud
from leafwood.spatial.order import morton_codes, voxel_cells
from leafwood.spatial.voxels import build_pyramid

clouds = arrays(np.float32, st.tuples(st.integers(1, 60), st.just(3)), elements=st.floats(0, 50, width=32))


def test_morton_codes_interleave_bits():
    cells = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [3, 0, 0], [2**21 - 1] * 3])
    assert morton_codes(cells).tolist() == [1, 2, 4, 9, 2**63 - 1]


@given(arrays(np.int64, (20, 3), elements=st.integers(0, 2**21 - 1)))
def test_morton_codes_are_unique_and_nested(cells):
    codes = morton_codes(cells)
    assert len(np.unique(codes)) == len(np.unique(cells, axis=0))
    np.testing.assert_array_equal(codes >> np.uint64(3), morton_codes(cells >> 1))


def test_points_on_cell_borders_do_not_depend_on_rounding():
    on_border = np.arange(1000)[:, None] * np.array([0.06, 0.06, 0.06])
    noisy = np.maximum(on_border + np.random.default_rng(0).normal(0, 1e-7, on_border.shape), 0)
    np.testing.assert_array_equal(voxel_cells(on_border, 0.06), voxel_cells(noisy, 0.06))


def test_kilometres_of_kilometres_are_refused():
    with pytest.raises(BadCloud, match="metres"):
        voxel_cells(np.array([[0.0, 0, 0], [1e6, 0, 0]]), 0.05)


@given(clouds)
def test_every_point_has_one_voxel_that_holds_it(xyz):
    pyramid = build_pyramid(xyz, 0.5, 3)
    assert pyramid.count.sum() == len(xyz)
    np.testing.assert_array_equal(np.bincount(pyramid.node, minlength=len(pyramid.count)), pyramid.count)
    assert (np.abs(pyramid.levels[0].xyz[pyramid.node] - xyz) <= 0.5 + 1e-3).all()


@given(clouds)
def test_parents_and_children_agree(xyz):
    levels = build_pyramid(xyz, 0.25, 4).levels
    for fine, coarse in itertools.pairwise(levels):
        for row, children in enumerate(coarse.children):
            assert set(children) == set(np.flatnonzero(fine.parent == row))
        assert (np.abs(coarse.xyz[fine.parent] - fine.xyz) <= coarse.size + 1e-3).all()
    assert len(levels[-1].parent) == 0
    assert len(levels[0].children) == 0


@settings(max_examples=30)
@given(clouds, st.randoms(use_true_random=False))
def test_order_of_points_does_not_matter(xyz, random):
    shuffled = np.array(random.sample(range(len(xyz)), len(xyz)))
    one, two = build_pyramid(xyz, 0.5, 3), build_pyramid(xyz[shuffled], 0.5, 3)
    np.testing.assert_array_equal(one.node[shuffled], two.node)
    np.testing.assert_allclose(one.levels[0].xyz, two.levels[0].xyz, rtol=1e-6)
