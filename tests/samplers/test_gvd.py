"""Geodesic voxelisation: the golden partitions, what every partition must obey, and what becomes of small pieces."""

import time
from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from leafwood.errors import BadConfig
from leafwood.io.loaders import read
from leafwood.samplers.gvd import GVDConfig, decompose

SIZE = 0.6
WHOLE = GVDConfig(min_voxels=1, min_points=1)
FACES = ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))


def middles(cells):
    """A point in the middle of each voxel."""
    return (np.asarray(cells, dtype=float) + 0.5) * SIZE


def block(nx, ny, nz, at=(0, 0, 0)):
    return np.argwhere(np.ones((nx, ny, nz), dtype=bool)) + at


def by_the_book(cells, steps, limit):
    """The decomposition as it is written down, voxel by voxel: piece and path steps of each cell."""
    free = {tuple(c) for c in cells.tolist()}
    found = {}
    piece = -1
    while free:
        piece += 1
        seed = min(free, key=lambda v: (v[2], v[0], v[1]))
        free.remove(seed)
        found[seed] = (piece, 0)
        queue = deque([seed])
        while queue:
            v = queue.popleft()
            away = found[v][1]
            if v != seed and (away >= steps or away / np.linalg.norm(np.subtract(v, seed)) >= limit):
                continue
            for face in FACES:
                u = tuple(np.add(v, face).tolist())
                if u in free:
                    free.remove(u)
                    found[u] = (piece, away + 1)
                    queue.append(u)
    return np.array([found[tuple(c)] for c in cells.tolist()])


def test_a_column_is_cut_by_its_length():
    parts = decompose(middles(block(1, 1, 25)), WHOLE)
    assert np.bincount(parts.component).tolist() == [11, 11, 3]
    assert parts.gd.max() == 10


def test_an_arm_is_one_piece_with_known_ratios():
    arm = np.concatenate([block(1, 1, 6), block(5, 1, 1, at=(1, 0, 5))])
    parts = decompose(middles(arm), WHOLE)
    assert parts.count == 1
    np.testing.assert_allclose(parts.ier[6:], [1.1767, 1.2999, 1.3720, 1.4056, 1.4142], atol=1e-4)


def test_columns_that_do_not_touch_are_two_pieces():
    assert decompose(middles(np.concatenate([block(1, 1, 4), block(1, 1, 4, at=(5, 0, 0))])), WHOLE).count == 2


def test_a_slab_is_one_piece():
    assert decompose(middles(block(5, 5, 1)), WHOLE).count == 1


@pytest.mark.parametrize(("limit", "count", "largest"), [(1.5, 43, 354), (None, 12, 421)])
def test_a_solid_cube(limit, count, largest):
    parts = decompose(middles(block(12, 12, 12)), GVDConfig(min_voxels=1, min_points=1, ier_limit=limit))
    sizes = np.bincount(parts.component)
    assert (parts.count, sizes.max(), sizes.sum()) == (count, largest, 1728)


clouds = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 400)).map(
    lambda drawn: np.unique(np.random.default_rng(drawn[0]).integers(0, (6, 5, 9), (drawn[1], 3)), axis=0)
)


@settings(deadline=None, max_examples=60)
@given(clouds, st.integers(1, 10), st.sampled_from([1.2, 1.5, 2.0, None]))
def test_voxel_by_voxel_it_is_what_is_written_down(cells, steps, limit):
    config = GVDConfig(min_voxels=1, min_points=1, max_steps=steps, ier_limit=limit)
    parts = decompose(middles(cells), config)
    cells = cells - cells.min(axis=0)
    expected = by_the_book(cells, steps, np.inf if limit is None else limit)
    np.testing.assert_array_equal(np.column_stack([parts.component, parts.gd]), expected)


@settings(deadline=None, max_examples=60)
@given(clouds)
def test_pieces_are_connected_and_within_reach(cells):
    parts = decompose(middles(cells), WHOLE)
    near = np.abs(cells[:, None] - cells[None]).sum(axis=2) == 1
    inside = near & (parts.component[:, None] == parts.component)
    assert connected_components(coo_matrix(inside))[0] == parts.count
    assert sorted(set(parts.component.tolist())) == list(range(parts.count))
    assert parts.gd.max() <= WHOLE.max_steps


def scattered(n=3000):
    rng = np.random.default_rng(8)
    return rng.uniform(0, (6, 5, 12), (n, 3)).round(3)


def test_every_point_has_one_piece_and_no_piece_is_small():
    config = GVDConfig(min_points=30)
    parts = decompose(scattered(), config)
    points = np.bincount(parts.component)
    assert len(points) == parts.count
    assert points.sum() == 3000
    assert points.min() >= 30


def test_order_and_place_of_the_points_do_not_matter():
    xyz, shuffled = scattered(), np.random.default_rng(1).permutation(3000)
    here = decompose(xyz, GVDConfig())
    there = decompose(xyz[shuffled] + [4e5, 6e6, 100], GVDConfig())
    np.testing.assert_array_equal(here.component[shuffled], there.component)
    np.testing.assert_array_equal(here.gd[shuffled], there.gd)
    np.testing.assert_allclose(here.ier[shuffled], there.ier, rtol=1e-6)


def test_a_piece_in_its_first_voxel_has_no_ratio():
    assert decompose(np.zeros((5, 3)), GVDConfig()).ier.tolist() == [0] * 5


def test_a_small_piece_joins_the_one_it_shares_most_faces_with():
    """The top of a long column is cut off with 3 voxels; it joins the column under it, not the nearer-numbered one."""
    far, column = block(2, 2, 5), block(1, 1, 25, at=(9, 0, 0))
    parts = decompose(middles(np.concatenate([far, column])), GVDConfig(min_points=1))
    assert parts.count == 3
    assert set(parts.component[20 + 22 :]) == set(parts.component[20 + 11 : 20 + 22])


@settings(deadline=None, max_examples=60)
@given(clouds, st.integers(2, 12))
def test_small_pieces_join_by_faces_and_else_by_distance(cells, least):
    before = decompose(middles(cells), WHOLE).component
    after = decompose(middles(cells), GVDConfig(min_voxels=least, min_points=1)).component
    large = np.bincount(before) >= least
    if not large.any():
        assert (after == before).all()
        return
    home = {int(after[before == piece][0]): piece for piece in np.flatnonzero(large)}
    assert len(home) == large.sum() == after.max() + 1
    gap = np.linalg.norm(cells[:, None] - cells[None], axis=2)
    for piece in np.flatnonzero(~large):
        (joined,) = set(after[before == piece].tolist())
        rows = gap[before == piece]
        faces = [int((rows[:, before == other] == 1).sum()) * large[other] for other in range(len(large))]
        if max(faces):
            assert home[joined] == int(np.argmax(faces))
        else:
            assert rows[:, before == home[joined]].min() == rows[:, large[before]].min()


def test_a_small_piece_alone_joins_the_nearest():
    cells = np.concatenate([block(3, 3, 3), block(3, 3, 3, at=(20, 0, 0)), block(1, 1, 1, at=(15, 1, 1))])
    parts = decompose(middles(cells), GVDConfig(min_points=1))
    assert parts.count == 2
    assert parts.component[-1] == parts.component[30]


def test_small_pieces_among_themselves_stay():
    cells = np.concatenate([block(1, 1, 2), block(1, 1, 2, at=(5, 0, 0))])
    assert decompose(middles(cells), GVDConfig()).component.tolist() == [0, 0, 1, 1]


def test_pieces_of_few_points_are_small_too():
    cells = np.concatenate([block(3, 3, 3), block(3, 3, 3, at=(6, 0, 0))])
    xyz = np.concatenate([middles(cells), np.repeat(middles(cells[:27]), 3, axis=0)])
    assert decompose(xyz, GVDConfig(min_points=50)).count == 1
    assert decompose(xyz, GVDConfig(min_points=20)).count == 2


def test_no_points_no_pieces():
    parts = decompose(np.empty((0, 3)), GVDConfig())
    assert (parts.count, len(parts.component), len(parts.ier)) == (0, 0, 0)


def test_senseless_settings_are_refused():
    with pytest.raises(BadConfig, match="voxel"):
        GVDConfig(voxel=0)


def test_a_million_points_a_second(shared_data):
    """Processor time, so that a busy machine does not decide; with room for a slow one."""
    xyz = read(shared_data / "scans" / "UAS_Clip.laz").xyz
    started = time.process_time()
    decompose(xyz, GVDConfig())
    assert len(xyz) / (time.process_time() - started) > 700_000
