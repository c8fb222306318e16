"""Tiles with a buffer: each point belongs to exactly one tile, and is seen with its surroundings.

The plan is cut along the lines of a coarse grid whose cells are as wide as the buffer. A tile owns the points of its
own cells (half-open by construction: a cell number is a floor) and reads one ring of cells more. Sorting the points by
cell once makes every read a few contiguous ranges, so many tiles cost no more than one pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leafwood.errors import BadCloud

__all__ = ["Tile", "iter_tiles"]

_MAX_CELLS = 50_000_000


@dataclass(frozen=True, eq=False)
class Tile:
    """Points of one tile.

    Attributes:
        index: (m,) positions of the points to read, ascending.
        owned: (m,) mask of those that belong to the tile.
    """

    index: NDArray[np.int64]
    owned: NDArray[np.bool_]


@dataclass(frozen=True)
class _Box:
    """Cells x0 <= x < x1, y0 <= y < y1."""

    x0: int
    x1: int
    y0: int
    y1: int


def iter_tiles(xy: NDArray[np.float32], max_points: int, buffer: float) -> Iterator[Tile]:
    """Cut a plan into tiles of at most `max_points` owned points, where the buffer's width allows it.

    Args:
        xy: (n, 2) local metres, non-negative.
        max_points: points a tile should own at most; a single cell is never cut.
        buffer: width of the ring that is read but not owned, metres.

    Yields:
        The tiles that own points, each point owned once.

    Raises:
        BadCloud: the plan is so wide for its points that a grid of it makes no sense.
    """
    if not len(xy):
        return
    cells = np.floor(np.asarray(xy, dtype=np.float64) / buffer).astype(np.int64)
    width, depth = (int(v) + 1 for v in cells.max(axis=0))
    if width * depth > _MAX_CELLS:
        raise BadCloud(f"the plan is {width * buffer / 1000:.0f} x {depth * buffer / 1000:.0f} km; are these metres?")
    key = cells[:, 0] * depth + cells[:, 1]
    order = np.argsort(key, kind="stable")
    counts = np.bincount(key, minlength=width * depth)
    first = np.concatenate([[0], np.cumsum(counts)])
    for box in _split(_Box(0, width, 0, depth), counts.reshape(width, depth), max_points):
        ring = _Box(max(box.x0 - 1, 0), min(box.x1 + 1, width), max(box.y0 - 1, 0), min(box.y1 + 1, depth))
        columns = range(ring.x0, ring.x1)
        index = np.concatenate([order[first[x * depth + ring.y0] : first[x * depth + ring.y1]] for x in columns])
        index.sort()
        cx, cy = cells[index, 0], cells[index, 1]
        yield Tile(index, (cx >= box.x0) & (cx < box.x1) & (cy >= box.y0) & (cy < box.y1))


def _split(box: _Box, counts: NDArray[np.int64], max_points: int) -> Iterator[_Box]:
    """Halve a box by points along its longer side until it is small enough."""
    inside = counts[box.x0 : box.x1, box.y0 : box.y1]
    total = int(inside.sum())
    if not total:
        return
    along_x = inside.shape[0] >= inside.shape[1]
    if total <= max_points or max(inside.shape) == 1:
        yield box
        return
    running = np.cumsum(inside.sum(axis=1 if along_x else 0))
    cut = int(np.clip(np.searchsorted(running, total / 2) + 1, 1, len(running) - 1))
    if along_x:
        halves = (_Box(box.x0, box.x0 + cut, box.y0, box.y1), _Box(box.x0 + cut, box.x1, box.y0, box.y1))
    else:
        halves = (_Box(box.x0, box.x1, box.y0, box.y0 + cut), _Box(box.x0, box.x1, box.y0 + cut, box.y1))
    for half in halves:
        yield from _split(half, counts, max_points)
