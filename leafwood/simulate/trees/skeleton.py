"""Woody skeletons: tapered polylines, grown by modular-tree or built from arrays, and swept into triangles.

One sweep with 3 to 12 sides by radius meshes every family: twigs cost 6 triangles a segment, where modular-tree's own
meshers give a 40 cm stem and a 2 mm twig the same number of sides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import Part
from leafwood.simulate.mesh import LabelledMesh

__all__ = ["TWIG_RADIUS", "Skeleton", "sweep"]

TWIG_RADIUS = 0.01  # m; thinner wood is a twig
_CAP_RADIUS = 0.004  # m; thicker ends are closed with a disc
_SIDES = ((0.006, 3), (0.03, 5), (0.10, 8), (np.inf, 12))

Floats = NDArray[np.float64]
Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Branches as polylines with a radius at every node.

    Attributes:
        xyz: (n, 3) node positions, metres, branch after branch, base to tip.
        radius: (n,) metres.
        start: (b + 1,) first node of each branch.
        order: (b,) 0 stem, 1 branch on a stem, ...
        parent: (b,) branch number of the parent, always smaller than its own; -1 for stems.
        alive: (b,) whether it may bear leaves.
    """

    xyz: Floats
    radius: Floats
    start: NDArray[np.int64]
    order: NDArray[np.int64]
    parent: NDArray[np.int64]
    alive: NDArray[np.bool_]

    @classmethod
    def from_grid(
        cls, xyz: Floats, radius: Floats, *, order: int, parent: NDArray[Any] | None = None, alive: bool = True
    ) -> Skeleton:
        """Branches of m nodes each: `xyz` (b, m, 3), `radius` (b, m)."""
        b, m = radius.shape
        return cls(
            xyz=xyz.reshape(-1, 3).astype(np.float64),
            radius=radius.reshape(-1).astype(np.float64),
            start=np.arange(0, b * m + 1, m, dtype=np.int64),
            order=np.full(b, order, dtype=np.int64),
            parent=np.full(b, -1, dtype=np.int64) if parent is None else parent.astype(np.int64),
            alive=np.full(b, alive),
        )

    @classmethod
    def merge(cls, skeletons: Iterable[Skeleton], *, shared_parents: bool = True) -> Skeleton:
        """One skeleton of several.

        Args:
            skeletons: in order, not empty.
            shared_parents: parents are numbers in the merged skeleton already (twigs grown on the first one);
                otherwise each skeleton numbers its own.
        """
        all_ = list(skeletons)
        nodes = np.cumsum([0, *(len(s.xyz) for s in all_)])
        branches = np.cumsum([0, *(len(s.order) for s in all_)])
        shift = [0 if shared_parents else int(o) for o in branches[:-1]]
        return cls(
            xyz=np.concatenate([s.xyz for s in all_]),
            radius=np.concatenate([s.radius for s in all_]),
            start=np.concatenate([*(s.start[:-1] + o for s, o in zip(all_, nodes, strict=False)), nodes[-1:]]),
            order=np.concatenate([s.order for s in all_]),
            parent=np.concatenate([np.where(s.parent < 0, -1, s.parent + o) for s, o in zip(all_, shift, strict=True)]),
            alive=np.concatenate([s.alive for s in all_]),
        )

    @property
    def branch(self) -> NDArray[np.int64]:
        """(n,) branch number of each node."""
        return np.repeat(np.arange(len(self.order)), np.diff(self.start))

    def along(self) -> Floats:
        """(n,) distance from the branch's base, metres."""
        step = np.zeros(len(self.xyz))
        step[1:] = np.linalg.norm(np.diff(self.xyz, axis=0), axis=1)
        step[self.start[:-1]] = 0.0
        total = np.cumsum(step)
        return np.asarray(total - total[self.start[:-1]][self.branch])

    def lengths(self) -> Floats:
        """(b,) branch lengths, metres."""
        return self.along()[self.start[1:] - 1]

    def keep(self, mask: NDArray[np.bool_]) -> Skeleton:
        """The branches in `mask` (b,); a branch whose parent is dropped goes too."""
        mask = mask.copy()
        for order in range(1, int(self.order.max(initial=0)) + 1):
            own = np.flatnonzero(self.order == order)
            mask[own] &= (self.parent[own] < 0) | mask[self.parent[own]]
        number = np.cumsum(mask) - 1
        nodes = mask[self.branch]
        counts = np.diff(self.start)[mask]
        return Skeleton(
            xyz=self.xyz[nodes],
            radius=self.radius[nodes],
            start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            order=self.order[mask],
            parent=np.where(self.parent[mask] < 0, -1, number[self.parent[mask]]),
            alive=self.alive[mask],
        )

    def cut(self, low: float, high: float) -> Skeleton:
        """What lies between two heights: stems are shortened, branches outside drop with all they bear."""
        base = self.xyz[self.start[:-1], 2]
        top = np.maximum.reduceat(self.xyz[:, 2], self.start[:-1])
        inside = np.where(self.order == 0, (base < high) & (top > low), (base >= low) & (base < high))
        kept = self.keep(inside)
        z = kept.xyz[:, 2]
        nodes = (kept.order > 0)[kept.branch] | ((z >= low) & (z <= high))
        counts = np.add.reduceat(nodes.astype(np.int64), kept.start[:-1])
        start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        short = replace(kept, xyz=kept.xyz[nodes], radius=kept.radius[nodes], start=start)
        return short.keep(counts >= 2) if (counts < 2).any() else short

    def crown_radius(self) -> float:
        """Radius of a circle with the area of the branches' convex outline seen from above, m."""
        from scipy.spatial import ConvexHull

        xy = self.xyz[self.order[self.branch] > 0, :2]
        return float(np.sqrt(ConvexHull(xy).volume / np.pi)) if len(xy) > 8 else 0.1

    def moved(self, xyz: Floats) -> Skeleton:
        """The same branches with nodes at `xyz` (n, 3)."""
        return replace(self, xyz=xyz)


def _frames(skeleton: Skeleton) -> tuple[Floats, Floats]:
    """Two unit vectors (n, 3) across each node's direction, one reference per branch so tubes do not twist."""
    branch, xyz = skeleton.branch, skeleton.xyz
    last = skeleton.start[1:] - 1
    forward = np.zeros_like(xyz)
    forward[:-1] = xyz[1:] - xyz[:-1]
    forward[last] = xyz[last] - xyz[last - 1]
    backward = np.zeros_like(xyz)
    backward[1:] = xyz[1:] - xyz[:-1]
    backward[skeleton.start[:-1]] = forward[skeleton.start[:-1]]
    unit = [v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (forward, backward)]
    tangent = unit[0] + unit[1]
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-12)
    along = np.maximum.reduceat(np.abs(tangent), skeleton.start[:-1], axis=0)
    reference = np.eye(3)[along.argmin(axis=1)][branch]
    across = np.cross(reference, tangent)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12)
    return across, np.cross(tangent, across)


def sweep(skeleton: Skeleton, rng: Rng, *, bark: float = 0.0, part: Part | None = None) -> LabelledMesh:
    """Mesh a skeleton with prisms of 3 to 12 sides.

    A polygon inside a circle is narrower than the circle; radii are widened so that perimeters, hence bark areas and
    mean silhouettes, are the circle's.

    Args:
        skeleton: branches with radii.
        rng: for the bark.
        bark: relative standard deviation of the surface about the round, on wood thicker than 3 cm radius.
        part: one part for everything (deadwood); by order and radius otherwise.
    """
    across, up = _frames(skeleton)
    branch = skeleton.branch
    thickest = np.maximum.reduceat(skeleton.radius, skeleton.start[:-1])
    sides = np.select([thickest <= limit for limit, _ in _SIDES], [n for _, n in _SIDES])
    meshes = []
    for n in np.unique(sides):
        nodes = np.flatnonzero(sides[branch] == n)
        angle = 2 * np.pi * np.arange(n) / n
        radius = skeleton.radius[nodes, None] * (np.pi / n) / np.sin(np.pi / n)
        if bark and n >= 8:
            radius = radius * (1 + bark * np.clip(rng.standard_normal((len(nodes), n)), -2.5, 2.5))
        else:
            radius = np.repeat(radius, n, axis=1)
        ring = radius[..., None] * (
            np.cos(angle)[None, :, None] * across[nodes, None] + np.sin(angle)[None, :, None] * up[nodes, None]
        )
        vertices = (skeleton.xyz[nodes, None] + ring).reshape(-1, 3)
        meshes.append(_skin(skeleton, nodes, int(n), vertices, part))
    return LabelledMesh.merge(meshes)


def _skin(skeleton: Skeleton, nodes: NDArray[np.int64], n: int, vertices: Floats, part: Part | None) -> LabelledMesh:
    """Triangles between the rings of `nodes`, and discs on thick ends."""
    branch = skeleton.branch[nodes]
    lower = np.flatnonzero(branch[1:] == branch[:-1])
    i, j = np.arange(n), (np.arange(n) + 1) % n
    a, b = lower[:, None] * n + i, lower[:, None] * n + j
    sides = np.stack([np.stack([a, b, b + n], -1), np.stack([a, b + n, a + n], -1)], axis=2).reshape(-1, 3)
    ends = np.flatnonzero(np.append(branch[1:] != branch[:-1], True))
    starts = np.flatnonzero(np.append(True, branch[1:] != branch[:-1]))
    discs = np.concatenate([ends, starts[skeleton.order[branch[starts]] == 0]])
    discs = discs[skeleton.radius[nodes[discs]] > _CAP_RADIUS]
    fan = np.stack([np.zeros(n - 2), np.arange(1, n - 1), np.arange(2, n)], axis=-1).astype(np.int64)
    caps = (discs[:, None, None] * n + fan).reshape(-1, 3)
    triangles = np.concatenate([sides, caps])
    owner = np.concatenate([np.repeat(lower, 2 * n), np.repeat(discs, n - 2)])
    label = np.where(
        skeleton.order[branch[owner]] == 0,
        Part.STEM,
        np.where(skeleton.radius[nodes[owner]] < TWIG_RADIUS, Part.TWIG, Part.BRANCH),
    )
    return LabelledMesh(
        vertices=vertices.astype(np.float32),
        triangles=triangles.astype(np.int32),
        part=np.full(len(owner), part, dtype=np.uint8) if part is not None else label.astype(np.uint8),
        tree=np.zeros(len(owner), dtype=np.uint32),
    )
