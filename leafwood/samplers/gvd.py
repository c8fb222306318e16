"""Geodesic voxelisation decomposition (GVD): cut a forest into pieces that follow stems and branches.

From SOUL (Bai et al., NeurIPS 2023, arXiv 2305.16963). A piece grows over face-connected voxels from its lowest one and
stops after some steps of path, or where the path has become much longer than the straight line: at tortuous places, and
not, as a box or a ball would, across a branch.

The released code differs in three ways that are faults: its straight distance squares a coordinate instead of a
difference, so it hardly ever stops at tortuous places (`ier_limit=None` gives that); a piece that begins beside an
earlier one goes on counting from there; and the points of a small piece end up in whichever large one comes next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.errors import BadConfig
from leafwood.spatial.neighbours import nearest
from leafwood.spatial.order import voxel_cells

__all__ = ["Components", "GVDConfig", "decompose"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class GVDConfig:
    """How a cloud is cut.

    Attributes:
        voxel: voxel edge, metres.
        max_steps: longest path from a piece's first voxel, in voxels.
        ier_limit: a path this many times longer than the straight line (intrinsic-extrinsic ratio) is not followed
            further; None for never, as the released SOUL behaves.
        min_voxels: smaller pieces are joined to others.
        min_points: pieces of fewer points are, too. SOUL trains with 10 and predicts with 100.
    """

    voxel: float = 0.6
    max_steps: int = 10
    ier_limit: float | None = 1.5
    min_voxels: int = 10
    min_points: int = 100

    def __post_init__(self) -> None:
        if self.voxel <= 0 or self.max_steps < 1:
            raise BadConfig("a decomposition needs voxel > 0 and max_steps >= 1")


@dataclass(frozen=True, eq=False)
class Components:
    """The pieces of a cloud of n points.

    Attributes:
        component: (n,) int64, piece of each point, 0 to `count` - 1, lowest first voxel first.
        gd: (n,) int64, steps of path from the first voxel to the point's voxel. A piece that was joined to another
            keeps its own.
        ier: (n,) float64, that path in metres over the straight distance from the centroid of the first voxel's points.
        count: number of pieces.
    """

    component: Integers
    gd: Integers
    ier: NDArray[np.float64]
    count: int


@dataclass(frozen=True, eq=False)
class _Voxels:
    """Occupied voxels, ordered by z, then x, then y.

    Attributes:
        cell: (m, 3) place on the grid.
        of_point: (n,) voxel of each point.
        faces: (m, 6) voxel across each face, in the order +x -x +y -y +z -z; m where there is none.
    """

    cell: Integers
    of_point: Integers
    faces: Integers


def decompose(xyz: NDArray[np.floating[Any]], config: GVDConfig) -> Components:
    """Cut a cloud into pieces.

    Pieces below `min_voxels` or `min_points` are joined to the large piece they share most voxel faces with; without
    a shared face, to the nearest large piece; they stay as they are if there is no large piece at all.

    Args:
        xyz: (n, 3) metres; the grid starts at their lower corner.
        config: how it is cut.

    Returns:
        The pieces. Neither the order of the points nor a shift of all of them changes who is with whom.

    Raises:
        BadCloud: the points span more than 2**21 voxels.
    """
    if not len(xyz):
        return Components(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), 0)
    local = np.asarray(xyz, dtype=np.float64) - np.min(xyz, axis=0)
    voxels = _voxelise(local, config.voxel)
    component, gd, seeds = _grow(voxels, config)
    first = seeds[component]
    joined, count = _join_small(component, voxels, config)
    return Components(
        component=joined[voxels.of_point],
        gd=gd[voxels.of_point],
        ier=_ratios(local, voxels.of_point, first, gd, config.voxel),
        count=count,
    )


def _voxelise(local: NDArray[np.float64], size: float) -> _Voxels:
    """Occupied voxels of points and what lies across their faces."""
    cells = voxel_cells(local, size)
    nx, ny = (int(n) + 2 for n in cells[:, :2].max(axis=0))  # an empty row more: the next row is never a neighbour
    codes, of_point = np.unique((cells[:, 2] * nx + cells[:, 0]) * ny + cells[:, 1], return_inverse=True)
    m = len(codes)
    faces = np.full((m, 6), m)
    for column, step in ((0, ny), (2, 1), (4, nx * ny)):
        there = np.minimum(np.searchsorted(codes, codes + step), m - 1)
        lower = np.flatnonzero(codes[there] == codes + step)
        faces[lower, column] = there[lower]
        faces[there[lower], column + 1] = lower
    rows, y = np.divmod(codes, ny)
    z, x = np.divmod(rows, nx)
    return _Voxels(np.column_stack([x, y, z]), of_point, faces)


def _grow(voxels: _Voxels, config: GVDConfig) -> tuple[Integers, Integers, Integers]:
    """Piece (m,) and path steps (m,) of each voxel, and the first voxel of each piece.

    Whether a voxel is still free depends on every piece before, so this is a loop over voxels; plain lists are the
    fastest there, and voxels are far fewer than points.
    """
    m = len(voxels.cell)
    exists = voxels.faces < m
    flat = voxels.faces[exists].tolist()
    begin = np.concatenate([[0], np.cumsum(exists.sum(axis=1))]).tolist()
    x, y, z = (voxels.cell[:, axis].tolist() for axis in range(3))
    limit = float("inf") if config.ier_limit is None else config.ier_limit
    free = [True] * m
    order: list[int] = []  # voxels by piece and path steps
    seeds: list[int] = []
    lengths: list[
        int
    ] = []  # of the runs in `order`; the voxels of a run are equally many steps from the first voxel of their piece
    steps: list[int] = []  # of path from that first voxel to each of the runs
    for seed in range(m):
        if not free[seed]:
            continue
        free[seed] = False
        seeds.append(seed)
        front = [seed]
        sx, sy, sz = x[seed], y[seed], z[seed]
        for step in range(config.max_steps + 1):
            order += front
            lengths.append(len(front))
            steps.append(step)
            if step == config.max_steps:
                break
            if step >= limit:  # with fewer steps no ratio can be above the limit, as neighbours are one step apart
                straight = (step / limit) ** 2
                front = [v for v in front if (x[v] - sx) ** 2 + (y[v] - sy) ** 2 + (z[v] - sz) ** 2 > straight]
            ahead = []
            for v in front:
                for u in flat[begin[v] : begin[v + 1]]:
                    if free[u]:
                        free[u] = False
                        ahead.append(u)
            if not ahead:
                break
            front = ahead
    runs, away = np.asarray(lengths), np.asarray(steps)
    component, gd = np.empty(m, dtype=np.int64), np.empty(m, dtype=np.int64)
    component[order] = np.repeat(np.cumsum(away == 0) - 1, runs)
    gd[order] = np.repeat(away, runs)
    return component, gd, np.asarray(seeds)


def _join_small(component: Integers, voxels: _Voxels, config: GVDConfig) -> tuple[Integers, int]:
    """Pieces (m,) of the voxels after the small ones were joined to others, and how many are left."""
    n_voxels = np.bincount(component)
    n_points = np.bincount(component[voxels.of_point])
    large = (n_voxels >= config.min_voxels) & (n_points >= config.min_points)
    if large.all() or not large.any():
        return component, len(large)
    into = np.where(large, np.arange(len(large)), -1)
    row, face = np.nonzero(~large[component][:, None] & (voxels.faces < len(component)))
    small, other = component[row], component[voxels.faces[row, face]]
    _take_commonest(into, small[large[other]], other[large[other]])

    far = np.flatnonzero(into[component] < 0)
    if len(far):
        kept = np.flatnonzero(large[component])
        index, distance = nearest(voxels.cell[kept].astype(np.float32), 1, voxels.cell[far].astype(np.float32))
        by_distance = np.lexsort((component[kept[index[:, 0]]], distance[:, 0], component[far]))
        pieces, first = np.unique(component[far[by_distance]], return_index=True)
        into[pieces] = component[kept[index[by_distance[first], 0]]]
    names, joined = np.unique(into[component], return_inverse=True)
    return joined, len(names)


def _take_commonest(into: Integers, small: Integers, large: Integers) -> None:
    """Write into `into` the large piece that each small one is paired with most often (ties: the first)."""
    pairs, times = np.unique(small * len(into) + large, return_counts=True)
    small, large = np.divmod(pairs, len(into))
    best = np.lexsort((large, -times, small))
    pieces, first = np.unique(small[best], return_index=True)
    into[pieces] = large[best[first]]


def _ratios(
    local: NDArray[np.float64], of_point: Integers, first: Integers, gd: Integers, size: float
) -> NDArray[np.float64]:
    """Path over straight distance (n,); 0 in a piece's first voxel."""
    n = np.bincount(of_point)
    centroid = np.column_stack([np.bincount(of_point, weights=axis) / n for axis in local.T])
    straight = np.linalg.norm(local - centroid[first[of_point]], axis=1)
    path = gd[of_point] * size
    return np.divide(path, straight, out=np.zeros(len(path)), where=(path > 0) & (straight > 0))
