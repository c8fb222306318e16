"""Thinning for a view: what is rare stays, and every part of the order shows the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafwood.report.thin import thin_for_view

LEAF, WOOD = 1, 2


@pytest.fixture(scope="module")
def stand():
    """A dense crown of leaves, a few wood points in it, and a sparse lower canopy."""
    rng = np.random.default_rng(0)
    crown = rng.normal(0, 1.5, (60_000, 3)) + [10, 10, 20]
    wood = rng.normal(0, 1.5, (300, 3)) + [10, 10, 20]
    below = rng.random((400, 3)) * [20, 20, 8]
    return np.vstack([crown, wood, below]), np.repeat([LEAF, WOOD, LEAF], [60_000, 300, 400])


def test_wood_and_the_sparse_lower_canopy_survive(stand):
    xyz, kind = stand
    kept = thin_for_view(xyz, kind, 12_000, first=WOOD)
    assert len(kept) == len(set(kept.tolist())) == 12_000
    low = xyz[:, 2] < 8
    assert np.isin(np.flatnonzero(kind == WOOD), kept).mean() > 0.95
    assert np.isin(np.flatnonzero(low), kept).mean() > 0.95
    crown = np.isin(np.flatnonzero((kind == LEAF) & ~low), kept).mean()
    assert crown < 0.25  # a draw at random would have taken a fifth of everything


def test_wood_comes_first_where_not_even_one_point_of_each_place_fits():
    rng = np.random.default_rng(1)
    xyz = rng.random((20_000, 3)) * 100
    kind = np.where(rng.random(20_000) < 0.05, WOOD, LEAF)
    kept = thin_for_view(xyz, kind, 2_000, first=WOOD)
    assert (kind[kept] == WOOD).sum() == min((kind == WOOD).sum(), 2_000)


def test_a_quarter_of_the_order_shows_the_whole(stand):
    xyz, kind = stand
    kept = thin_for_view(xyz, kind, 12_000, first=WOOD)
    quarter = kept[: len(kept) // 4]
    for axis in range(3):
        spread = [np.quantile(xyz[part, axis], [0.05, 0.5, 0.95]) for part in (kept, quarter)]
        np.testing.assert_allclose(*spread, atol=0.5)


@given(st.integers(0, 300), st.integers(1, 400), st.integers(0, 5))
def test_no_point_twice_and_none_lost_that_fits(count, most, seed):
    rng = np.random.default_rng(seed)
    xyz, kind = rng.random((count, 3)) * rng.choice([0.0, 1.0, 1e4]), rng.integers(0, 3, count)
    kept = thin_for_view(xyz, kind, most, first=WOOD)
    assert len(kept) == len(set(kept.tolist())) == min(count, most)
