"""Shortest paths from the foot of a tree: what lies beyond each place, and what they do not depend on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.graph.build import build_graph
from leafwood.graph.config import GraphConfig
from leafwood.graph.features import PATH_NAMES, tree_paths
from leafwood.spatial.neighbours import nearest

REACH, FED, FROM_FOOT, TO_TWIG, TO_LIMB = 0, 1, 2, 3, 5


def rod(begin, end, step=0.1):
    """Places in a row, the first left out."""
    begin, end = np.array(begin, float), np.array(end, float)
    count = round(float(np.linalg.norm(end - begin)) / step)
    return begin + (end - begin) * (np.arange(1, count + 1) / count)[:, None]


def fork():
    """A stem of 3 m, at 2 m a branch of 1 m, and a leaf 0.1 m beside the stem at 1 m."""
    stem = np.vstack([[0, 0, 0], rod((0, 0, 0), (0, 0, 3))])
    branch = rod((0, 0, 2), (1, 0, 2))
    return np.vstack([stem, branch, [[0, 0.12, 1.0]]]).astype(np.float32)


def paths(xyz, height=None, mass=None, k=7):
    neighbours, _ = nearest(xyz, k)
    height = xyz[:, 2] if height is None else height
    mass = np.ones(len(xyz), np.float32) if mass is None else mass
    return tree_paths(xyz, neighbours[:, 1:], np.asarray(height, np.float32), mass)


def at(xyz, place):
    return int(np.argmin(np.linalg.norm(xyz - np.array(place), axis=1)))


def test_paths_of_a_fork_are_those_that_can_be_seen():
    xyz = fork()
    found = paths(xyz)
    foot, junction, tip, leaf = (at(xyz, place) for place in ((0, 0, 0.2), (0, 0, 1.9), (1, 0, 2), (0, 0.12, 1)))
    assert found[foot, REACH] == pytest.approx(2.8, abs=1e-4)
    assert found[foot, FED] == len(xyz) - 2  # but the two other places lower than 0.3 m, which are roots too
    assert found[junction, REACH] == pytest.approx(1.1, abs=1e-4)
    assert found[junction, FED] == 22  # paths cut the corner: one long step is cheaper than two short ones
    assert found[tip, [REACH, FED]].tolist() == [0, 1]
    assert found[tip, FROM_FOOT] == pytest.approx(1.7 + np.sqrt(0.02) + 0.9, abs=1e-4)
    assert found[tip, TO_TWIG] == pytest.approx(0.3, abs=1e-4)  # the first place with 0.3 m beyond it
    assert found[tip, TO_LIMB] == pytest.approx(0.4 + np.sqrt(0.02) + 0.9, abs=1e-4)
    assert found[leaf, [REACH, FED]].tolist() == [0, 1]
    assert found[leaf, TO_LIMB] == pytest.approx(np.hypot(0.12, 0.1), abs=1e-4)


def test_what_hangs_together_with_nothing_below_begins_at_its_lowest_place():
    xyz = np.vstack([fork(), fork() + (50, 0, 10)]).astype(np.float32)
    found = paths(xyz)
    first, second = np.split(found, 2)
    lowest = at(xyz, (50, 0, 10)) - len(first)
    assert second[lowest, REACH] == pytest.approx(3.0, abs=1e-4)
    assert second[lowest, FED] > 0.9 * len(second)  # the tip of the branch is reached straight from the ground
    assert first[at(fork(), (0, 0, 0.2)), REACH] == pytest.approx(2.8, abs=1e-4)


def test_a_crown_does_not_hang_from_a_stem_far_away():
    first = fork() * (1, 1, 4)
    far = np.vstack([first, rod(first[-2], (60, 0, 8)), fork() + (60, 0, 8)]).astype(np.float32)
    found = paths(far)
    assert found[at(far, (0, 0, 0.2)), REACH] < 40  # of 73 m to the tip of the second
    assert found[at(far, (60, 0, 8)), FROM_FOOT] < 30


def crown(n, seed):
    """A stem and a crown of scattered places."""
    rng = np.random.default_rng(seed)
    leaves = rng.normal((0, 0, 6), (1.0, 1.0, 1.2), (n, 3))
    return np.vstack([fork() * 2, leaves[leaves[:, 2] > 1]]).astype(np.float32)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), angle=st.floats(0, 6.3), size=st.sampled_from([0.5, 2.0]))
def test_turned_and_scaled_trees_have_turned_and_scaled_paths(seed, angle, size):
    xyz = crown(300, seed)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    height = np.full(len(xyz), 9.0)  # no ground: one root for what hangs together, whatever the scale
    plain, moved = paths(xyz, height, k=13), paths((xyz @ turn.T * size).astype(np.float32), height, k=13)
    assert plain[:, FED].sum() == pytest.approx(moved[:, FED].sum(), rel=0.02)  # equal ways may be taken otherwise
    same = np.isclose(plain[:, REACH] * size, moved[:, REACH], atol=1e-3)
    assert same.mean() > 0.97


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), n=st.integers(0, 400))
def test_every_place_is_fed_from_one_root_and_lengths_fit_together(seed, n):
    xyz = crown(n, seed)
    found = paths(xyz, k=13)
    assert np.isfinite(found).all()
    roots = found[:, FROM_FOOT] == 0
    assert found[roots, FED].sum() == pytest.approx(len(xyz), rel=1e-5)
    assert (found[:, FROM_FOOT] + found[:, REACH]).max() <= found[roots, REACH].max() + 1e-3
    assert (np.diff(found[:, 3:], axis=1) >= -1e-5).all()  # thicker wood is never nearer
    assert (found[:, 3:] <= found[:, FROM_FOOT, None] + 1e-4).all()


FULL = GraphConfig(n_levels=3, k=16, scales=(10, 24), features=("eigen", "spacing", "count", "height", "paths"))


@pytest.mark.parametrize("n", [1, 2, 40, 3000])
def test_paths_are_columns_of_the_finest_level(n):
    xyz = crown(max(n, 50), 1)[-n:]
    xyz = xyz - xyz.min(axis=0)
    plain = replace(FULL, features=FULL.features[:-1])
    (with_paths, node), (without, _) = (build_graph(xyz, xyz[:, 2], config) for config in (FULL, plain))
    found = with_paths["x0"][:, FULL.columns("paths")]
    assert found.shape == (node.max() + 1, len(PATH_NAMES))
    assert np.isfinite(found).all()
    for name, table in without.items():
        np.testing.assert_array_equal(
            with_paths[name][:, : table.shape[1]] if name == "x0" else with_paths[name], table
        )


def test_without_heights_the_lowest_places_are_the_foot():
    xyz = crown(2000, 3) - crown(2000, 3).min(axis=0)
    known, unknown = (
        build_graph(xyz, height, FULL)[0]["x0"] for height in (xyz[:, 2], np.full_like(xyz[:, 2], np.nan))
    )
    paths = FULL.columns("paths")
    assert np.abs(known[:, paths] - unknown[:, paths]).mean() < 0.02  # the means of a voxel's heights and of its places


def test_a_thinned_crown_is_fed_as_much():
    rng = np.random.default_rng(5)
    ball = rng.uniform(-1, 1, (60_000, 3))
    xyz = np.vstack([fork(), ball[np.linalg.norm(ball, axis=1) < 1] + (0, 0, 3.5)]).astype(np.float32) + (1, 1, 0)
    third = rng.random(len(xyz)) < 0.34
    column = FULL.columns("paths").start + PATH_NAMES.index("most_crown_fed")
    clouds = [part.astype(np.float32) for part in (xyz, xyz[third])]
    whole, thinned = (build_graph(part, part[:, 2], FULL)[0]["x0"][:, column].max() for part in clouds)
    assert np.exp(thinned - whole) > 0.8
