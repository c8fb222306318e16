"""Tiles own each point once and read its surroundings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from leafwood.errors import BadCloud
from leafwood.spatial.tiles import cut_plan, iter_tiles

plans = arrays(np.float32, st.tuples(st.integers(1, 200), st.just(2)), elements=st.floats(0, 60, width=32))


@settings(max_examples=60)
@given(plans, st.integers(1, 80), st.sampled_from([2.0, 5.0]))
def test_every_point_is_owned_once(xy, most, buffer):
    owned = np.concatenate([t.index[t.owned] for t in iter_tiles(xy, most, buffer)])
    assert sorted(owned) == list(range(len(xy)))


@settings(max_examples=30)
@given(plans, st.integers(1, 80))
def test_owned_points_have_their_surroundings(xy, most):
    buffer = 5.0
    for tile in iter_tiles(xy, most, buffer):
        read = set(tile.index)
        for point in tile.index[tile.owned]:
            near = np.flatnonzero(np.abs(xy - xy[point]).max(axis=1) < buffer)
            assert read.issuperset(near)


def test_tiles_are_no_larger_than_asked_where_cells_allow():
    xy = np.random.default_rng(0).uniform(0, 100, (20_000, 2)).astype(np.float32)
    sizes = [len(t.index) for t in iter_tiles(xy, 2_000, 5.0)]
    assert max(sizes) <= 2_000
    assert len(sizes) <= 64


def test_no_points_no_tiles():
    assert list(iter_tiles(np.empty((0, 2), dtype=np.float32), 10, 5.0)) == []


def test_two_points_a_continent_apart_are_refused():
    with pytest.raises(BadCloud, match="metres"):
        list(iter_tiles(np.array([[0, 0], [1e6, 1e6]], dtype=np.float32), 10, 5.0))


@settings(max_examples=60)
@given(
    arrays(np.int64, st.tuples(st.integers(1, 30), st.integers(1, 30)), elements=st.integers(0, 50)),
    st.integers(20, 2_000),
    st.integers(1, 3),
)
def test_boxes_cover_what_has_points_once_and_read_no_more_than_asked(counts, most, ring):
    times = np.zeros(counts.shape, dtype=int)
    for box in cut_plan(counts, most, ring):
        times[box.x0 : box.x1, box.y0 : box.y1] += 1
        wide = box.widened(ring)
        read = counts[max(wide.x0, 0) : wide.x1, max(wide.y0, 0) : wide.y1].sum()
        assert read <= most or max(box.x1 - box.x0, box.y1 - box.y0) <= 2 * ring
    assert (times[counts > 0] == 1).all()
    assert times.max() <= 1


def test_what_lies_beyond_the_buffer_is_told_from_what_lies_within():
    xy = np.random.default_rng(0).uniform(0, 60, (20_000, 2)).astype(np.float32)
    tiles = list(iter_tiles(xy, 6_000, 3.0, 8.0))
    assert len(tiles) > 2
    for tile in tiles:
        low, high = xy[tile.index[tile.owned]].min(axis=0), xy[tile.index[tile.owned]].max(axis=0)
        away = np.maximum(low - xy, xy - high).max(axis=1)
        assert set(np.flatnonzero(away < 2.5)) <= set(tile.index[tile.near])
        assert set(np.flatnonzero(away < 7.5)) <= set(tile.index)
        assert (away[tile.index[~tile.near]] > 2.5).all()
