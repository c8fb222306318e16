"""A pyramid of nested voxels over a cloud: the levels of the graph network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.kernels import compiled
from leafwood.spatial.order import morton_order

__all__ = ["Level", "Pyramid", "build_pyramid", "runs", "sums_of_groups"]

_EIGHT = np.arange(8, dtype=np.int32)


@dataclass(frozen=True, eq=False)
class Level:
    """Occupied voxels of one size.

    Attributes:
        size: voxel edge, metres.
        xyz: (m, 3) float32, mean of the points (finest level) or of the child voxels.
        codes: (m,) Morton codes of their cells, ascending.
        children: (m, 8) int32 positions in the finer level, short rows filled with their first child;
            empty at the finest level.
        parent: (m,) int32 positions in the coarser level; empty at the coarsest level.
    """

    size: float
    xyz: NDArray[np.float32]
    codes: NDArray[np.uint64]
    children: NDArray[np.int32]
    parent: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.xyz)


@dataclass(frozen=True, eq=False)
class Pyramid:
    """Nested voxel levels, finest first, all in Morton order.

    Attributes:
        levels: finest to coarsest, each twice the size of the one before.
        node: (n,) int64, the finest voxel of each point.
        count: (m,) int64 points in each finest voxel.
    """

    levels: tuple[Level, ...]
    node: NDArray[np.int64]
    count: NDArray[np.int64]


def runs(sorted_codes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Start of each run of equal codes (m,) and the run of each element (n,)."""
    new = np.empty(len(sorted_codes), dtype=bool)
    new[:1] = True
    np.not_equal(sorted_codes[1:], sorted_codes[:-1], out=new[1:])
    return np.flatnonzero(new), np.cumsum(new) - 1


def sums_of_groups(
    values: NDArray[np.floating[Any]], group: NDArray[np.integer[Any]], groups: int
) -> NDArray[np.float64]:
    """Sums (groups, c) of the rows of each group, added one after the other.

    Args:
        values: (n, c) of points, float32 or float64, or of voxels, float64.
        group: (n,) the voxel of each point, int64, or the parent of each voxel, int32.
        groups: their number.
    """
    if kernels := compiled():
        return np.asarray(kernels.sums_of_groups(np.ascontiguousarray(values), group, groups))
    sums = [np.bincount(group, weights=column, minlength=groups) for column in values.T]
    return np.column_stack(sums) if sums else np.zeros((groups, 0))


def build_pyramid(xyz: NDArray[np.float32], size: float, n_levels: int) -> Pyramid:
    """Group points into voxels of `size`, those into voxels of twice the size, and so on.

    Args:
        xyz: (n, 3) metres, non-negative, n >= 1. The grid is anchored at 0, so tiles of one cloud share it.
        size: finest voxel edge, metres.
        n_levels: number of levels.

    Returns:
        The pyramid; the voxels of every level are in Morton order.

    Raises:
        BadCloud: the points span more than the grid can number.
    """
    order, codes = morton_order(xyz, size)
    starts, run = runs(codes)
    node = np.empty(len(xyz), dtype=np.int64)
    node[order] = run
    count = np.diff(starts, append=len(codes))
    means = sums_of_groups(xyz, node, len(count)) / count[:, None]
    codes = codes[starts]

    levels: list[Level] = []
    children = np.empty((0, 8), dtype=np.int32)
    for number in range(n_levels):
        xyz_level, codes_level, children_level = means.astype(np.float32), codes, children
        parent = np.empty(0, dtype=np.int32)
        if number + 1 < n_levels:
            codes = codes >> np.uint64(3)
            starts, run = runs(codes)
            parent = run.astype(np.int32)
            n_children = np.diff(starts, append=len(codes)).astype(np.int32)
            means = sums_of_groups(means, parent, len(starts)) / n_children[:, None]
            first = starts.astype(np.int32)
            children = first[:, None] + np.where(n_children[:, None] > _EIGHT, _EIGHT, np.int32(0))
            codes = codes[starts]
        levels.append(Level(size * 2**number, xyz_level, codes_level, children_level, parent))
    return Pyramid(tuple(levels), node, count)
