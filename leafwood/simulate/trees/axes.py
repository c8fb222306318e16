"""The axes of broadleaved trees, grown by modular-tree (`m_tree`, MIT).

Its radii thin out without a floor and its meshes spend as many sides on a twig as on a stem, so only the axes are read
back, from the rings of its tubes; radii and triangles are made in :mod:`leafwood.simulate.trees.branching` and
:mod:`leafwood.simulate.trees.skeleton`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.simulate.trees.skeleton import Skeleton

__all__ = ["BranchLevel", "grow_axes"]

Floats = NDArray[np.float64]
Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class BranchLevel:
    """One order of branching as modular-tree grows it.

    Attributes:
        per_m: branches per metre of the parent.
        length: length at the parent's base and at its tip; for the first order as a share of the crown radius,
            for the others as a share of the parent order's length.
        angle: degrees from the parent's direction at its base and at its tip.
        start: share of the parent's length that stays bare.
        randomness: crookedness, 0 straight to 1 wild.
        up: upward attraction, negative hangs.
        gravity: bending under the branch's weight.
        flatness: 0 branches in all directions, 1 in a horizontal fan.
        split: forks per metre.
    """

    per_m: float
    length: tuple[float, float]
    angle: tuple[float, float]
    start: float = 0.1
    randomness: float = 0.4
    up: float = 0.25
    gravity: float = 8.0
    flatness: float = 0.3
    split: float = 0.2


def grow_axes(
    height: float,
    crown_base: float,
    crown_radius: float,
    levels: Sequence[BranchLevel],
    rng: Rng,
    *,
    crown_shape: str,
    crook: float,
) -> Skeleton:
    """Grow the axes of a tree with modular-tree.

    Args:
        height: length of the stem, m.
        crown_base: share of the stem without branches.
        crown_radius: m.
        levels: branch orders, coarse to fine.
        rng: gives modular-tree its seeds.
        crown_shape: a name of `m_tree.CrownShape`.
        crook: crookedness of the stem.

    Returns:
        A skeleton whose radii are still zero.
    """
    import m_tree

    def curve(ends: tuple[float, float]) -> object:
        prop = m_tree.SimpleCurveProperty()
        prop.x_min, prop.x_max, prop.y_min, prop.y_max, prop.power = 0.0, 1.0, ends[0], ends[1], 1.0
        wrapper = m_tree.PropertyWrapper()
        wrapper.set_simple_curve_property(prop)
        return wrapper

    trunk = m_tree.TrunkFunction()
    trunk.seed = int(rng.integers(1 << 30))
    trunk.length, trunk.start_radius, trunk.end_radius = height, 0.3, 0.05
    trunk.resolution, trunk.randomness, trunk.up_attraction = max(2.5, 16 / height), crook, 0.6
    above: Any = trunk
    reach = crown_radius
    for number, level in enumerate(levels):
        branch = m_tree.BranchFunction()
        branch.seed = int(rng.integers(1 << 30))
        branch.length = curve((level.length[0] * reach, level.length[1] * reach))
        branch.start_angle = curve(level.angle)
        branch.randomness = m_tree.PropertyWrapper(m_tree.ConstantProperty(level.randomness))
        branch.resolution = min(2.5 + 1.5 * number, max(1.2, 4.0 / max(level.length[0] * reach, 0.2)) + 1.0)
        branch.flatness, branch.break_chance = level.flatness, 0.02
        branch.gravity.strength, branch.gravity.up_attraction = level.gravity, level.up
        branch.split.probability, branch.split.angle, branch.split.radius = level.split, 35.0, 0.9
        branch.distribution.density, branch.distribution.start, branch.distribution.end = level.per_m, level.start, 0.98
        if number == 0:
            branch.distribution.start = crown_base
            branch.crown.shape = getattr(m_tree.CrownShape, crown_shape)
            branch.crown.base_size = crown_base
        above.add_child(branch)
        above = branch
        reach *= 0.5 * (level.length[0] + level.length[1])
    tree = m_tree.Tree()
    tree.set_trunk_function(trunk)
    tree.execute_functions()
    return _read_axes(m_tree.BasicMesher().mesh_tree(tree))


def _read_axes(mesh: Any) -> Skeleton:
    """Axes from modular-tree's tubes: every ring is a node, rings not joined by quads begin a new branch."""
    vertices = mesh.get_vertices().reshape(-1, 3).astype(np.float64)
    quads = mesh.get_polygons().reshape(-1, 4)
    sides = int(quads[0, 1] - quads[0, 0])
    centre = vertices.reshape(-1, sides, 3).mean(axis=1)
    joined = np.zeros(len(centre), dtype=bool)
    joined[np.unique(quads[:, 1] // sides)] = True
    # A node on top of the one before has no direction.
    apart = np.ones(len(centre), dtype=bool)
    apart[1:] = np.linalg.norm(np.diff(centre, axis=0), axis=1) > 2e-3
    keep = apart | ~joined
    centre, first = centre[keep], np.flatnonzero(~joined[keep])
    start = np.append(first, len(centre)).astype(np.int64)
    long_enough = np.diff(start) >= 2
    parent = _parents(centre, start)
    order = np.zeros(len(first), dtype=np.int64)
    for i in range(1, len(order)):
        order[i] = order[parent[i]] + 1
    whole = Skeleton(centre, np.zeros(len(centre)), start, order, parent, np.ones(len(order), dtype=bool))
    return whole.keep(long_enough)


def _parents(xyz: Floats, start: NDArray[np.int64]) -> NDArray[np.int64]:
    """The earlier branch that each branch starts on (modular-tree writes parents first)."""
    from scipy.spatial import cKDTree

    branch = np.repeat(np.arange(len(start) - 1), np.diff(start))
    k = min(24, len(xyz))
    _, near = cKDTree(xyz).query(xyz[start[:-1]], k=k)
    candidates = branch[near.reshape(len(start) - 1, k)]
    earlier = candidates < np.arange(len(start) - 1)[:, None]
    first = earlier.argmax(axis=1)
    parent = np.where(earlier.any(axis=1), candidates[np.arange(len(first)), first], 0)
    parent[0] = -1
    return np.asarray(parent, dtype=np.int64)
