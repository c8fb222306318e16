"""Tiles with a buffer: each point belongs to exactly one tile, and is seen with its surroundings.

The plan is cut along the lines of a grid. A tile owns the points of its own cells (half-open by construction: a cell
number is a floor) and reads a ring of cells more: near ones in full, and farther ones, which matter little, to be
thinned by whoever reads them. How many points each cell has is all that the cutting needs to know, so it is the same
for a cloud in memory and for a survey on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import bounds
from leafwood.errors import BadCloud

__all__ = ["Box", "Tile", "cut_plan", "iter_tiles"]

_MAX_CELLS = 50_000_000
_ACROSS = (3, 1)  # cells across the buffer; one in plans that are too wide for more


@dataclass(frozen=True, eq=False)
class Tile:
    """Points of one tile.

    Attributes:
        index: (m,) positions of the points to read, ascending.
        owned: (m,) mask of those that belong to the tile.
        near: (m,) mask of those within the buffer; the others are its farther surroundings.
    """

    index: NDArray[np.int64]
    owned: NDArray[np.bool_]
    near: NDArray[np.bool_]


class Box(NamedTuple):
    """Cells x0 <= x < x1, y0 <= y < y1 of a grid over the plan."""

    x0: int
    x1: int
    y0: int
    y1: int

    def widened(self, ring: int) -> Box:
        """The box with so many cells more on every side."""
        return Box(self.x0 - ring, self.x1 + ring, self.y0 - ring, self.y1 + ring)

    def holds(self, cells: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
        """Which of some cells (n, 2) lie in it (n,)."""
        x, y = cells[:, 0], cells[:, 1]
        return np.asarray((x >= self.x0) & (x < self.x1) & (y >= self.y0) & (y < self.y1))

    def halves(self, counts: NDArray[np.int64], share: float = 0.5) -> tuple[Box, ...]:
        """The box cut across its longer side; itself where it is one cell.

        Args:
            counts: (width, depth) points of each of its cells.
            share: of its points that the first part should have.
        """
        if max(counts.shape) == 1:
            return (self,)
        along_x = counts.shape[0] >= counts.shape[1]
        running = np.cumsum(counts.sum(axis=1 if along_x else 0))
        cut = int(np.clip(np.searchsorted(running, running[-1] * share) + 1, 1, len(running) - 1))
        if along_x:
            return self._replace(x1=self.x0 + cut), self._replace(x0=self.x0 + cut)
        return self._replace(y1=self.y0 + cut), self._replace(y0=self.y0 + cut)


def iter_tiles(xy: NDArray[np.float32], max_points: int, buffer: float, around: float = 0.0) -> Iterator[Tile]:
    """Cut a plan into tiles that read at most `max_points` points, where the buffer's width allows it.

    Sorting the points by cell once makes every read a few contiguous ranges, so many tiles cost no more than one pass.

    Args:
        xy: (n, 2) local metres, non-negative.
        max_points: points a tile should have at most within its buffer; what is narrower than two buffers is not cut.
        buffer: width of the ring that is read but not owned, metres.
        around: how far its farther surroundings reach, metres; no farther than the buffer when less.

    Yields:
        The tiles that own points, each point owned once.

    Raises:
        BadCloud: the plan is so wide for its points that a grid of it makes no sense.
    """
    if not len(xy):
        return
    far_corner = bounds(xy)[1]
    edges = [buffer / across for across in _ACROSS if _grid(far_corner, buffer / across)[2]]
    if not edges:
        width, depth, _ = _grid(far_corner, 1000.0)
        raise BadCloud(f"the plan is {width} x {depth} km; are these metres?")
    if len(xy) <= max_points:
        everything = np.ones(len(xy), dtype=bool)
        yield Tile(np.arange(len(xy)), everything, everything)
        return
    ring, far = (int(np.ceil(wide / edges[0] - 1e-6)) for wide in (buffer, max(around, buffer)))
    width, depth, _ = _grid(far_corner, edges[0])
    x, y = (np.floor(xy[:, axis] / edges[0]).astype(np.int32) for axis in range(2))
    key = x * np.int32(depth) + y  # below _MAX_CELLS
    counts = np.bincount(key, minlength=width * depth)
    order = np.argsort(key, kind="stable").astype(np.int32 if len(xy) < 2**31 else np.int64)
    first = np.concatenate([[0], np.cumsum(counts)])
    del xy, x, y  # tiles take their time, and memory is short meanwhile
    for box in cut_plan(counts.reshape(width, depth), max_points, ring):
        wide = box.widened(far)
        bottom, top = max(wide.y0, 0), min(wide.y1, depth)
        columns = range(max(wide.x0, 0), min(wide.x1, width))
        index = np.concatenate([order[first[x * depth + bottom] : first[x * depth + top]] for x in columns])
        index.sort()
        cells = np.column_stack(np.divmod(key[index], depth))
        yield Tile(index.astype(np.int64), box.holds(cells), box.widened(ring).holds(cells))


def _grid(far_corner: NDArray[np.float32], edge: float) -> tuple[int, int, bool]:
    """Cells along and across a plan that ends there, and whether a table of them is of a reasonable size."""
    width, depth = (int(v / edge) + 1 for v in far_corner.astype(np.float64))
    return width, depth, width * depth <= _MAX_CELLS


def cut_plan(counts: NDArray[np.int64], max_points: int, ring: int = 1) -> Iterator[Box]:
    """Cut a grid over the plan into boxes, in two by points until what each reads is little enough.

    Args:
        counts: (width, depth) points of each cell.
        max_points: points that a box and the ring around it should have at most; what is narrower than two rings is
            not cut.
        ring: width of that ring in cells.

    Yields:
        The boxes that have points; they cover each cell with points once.
    """
    waiting = [Box(0, counts.shape[0], 0, counts.shape[1])]
    while waiting:
        box = waiting.pop()
        inside = counts[box.x0 : box.x1, box.y0 : box.y1]
        if not inside.any():
            continue
        wide = box.widened(ring)
        read = int(counts[max(wide.x0, 0) : wide.x1, max(wide.y0, 0) : wide.y1].sum())
        small = max(inside.shape) <= 2 * ring  # smaller ones would read little else than their surroundings
        parts = (box,) if small or read <= max_points else box.halves(inside, _first_share(inside, max_points, ring))
        if len(parts) == 1:
            yield box
        else:
            waiting.extend(reversed(parts))


def _first_share(counts: NDArray[np.int64], max_points: int, ring: int) -> float:
    """Share of the points of a box for the first of its two parts, so that all tiles of it become equally large.

    As many as it will be cut into: halves of halves would be up to twice as small as they might be.
    """
    filled = np.count_nonzero(counts)
    side = max(np.sqrt(max_points * filled / counts.sum()) - 2 * ring, ring)  # cells, with its ring as full as allowed
    tiles = max(2, int(np.ceil(filled / side**2)))
    return (tiles // 2) / tiles
