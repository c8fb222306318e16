"""Points of a file on disk, so that those of any part of the plan are a few reads away.

Each chunk of a file is sorted by the cells of a grid over the plan and written behind the one before; a table says
where the points of each cell and chunk lie. The grid begins at the zero of the coordinate system, so all files of a
survey share it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from leafwood.spatial.tiles import Box

__all__ = ["CELL", "CLASSED", "RECORD", "USABLE", "Records", "SpillWriter", "read_cells", "spilling"]

CELL = 3.0  # m, edge of a cell of the plan
USABLE, CLASSED = 1, 2  # bits of `flags`: may be ground or vegetation; is of a ground class besides
# Coordinates as the file has them, place in the file, return number and 16 times the number of returns, and what it may
# be.
RECORD = np.dtype([("xyz", "<i4", (3,)), ("index", "<u4"), ("returns", "u1"), ("flags", "u1")])
_RUN = np.dtype([("x", "<i4"), ("y", "<i4"), ("start", "<i8"), ("count", "<i8")])

Records = NDArray[np.void]


class SpillWriter:
    """Writes points of one file, chunk by chunk."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._written = 0
        self.runs: list[NDArray[np.void]] = []

    def add(self, cells: NDArray[np.int64], records: Records) -> None:
        """Write the points (m,) of a chunk by their cells (m, 2)."""
        if not len(records):
            return
        depth = int(np.ptp(cells[:, 1])) + 1
        key = (cells[:, 0] - cells[:, 0].min()) * depth + cells[:, 1] - cells[:, 1].min()
        order = np.argsort(key, kind="stable")
        first = np.flatnonzero(np.diff(key[order], prepend=-1))
        runs = np.empty(len(first), dtype=_RUN)
        runs["x"], runs["y"] = cells[order[first]].T
        runs["start"] = first + self._written
        runs["count"] = np.diff(first, append=len(order))
        self._stream.write(records[order].data)
        self._written += len(records)
        self.runs.append(runs)


@contextmanager
def spilling(path: Path) -> Iterator[SpillWriter]:
    """A new file of points at `path`, with its table beside it."""
    with path.open("wb") as stream:
        writer = SpillWriter(stream)
        yield writer
    np.save(path.with_suffix(".npy"), np.concatenate([np.empty(0, dtype=_RUN), *writer.runs]))


@lru_cache(maxsize=64)
def _table(path: Path) -> NDArray[np.void]:
    """Where the points of each cell and chunk lie."""
    table: NDArray[np.void] = np.load(path.with_suffix(".npy"), mmap_mode="r")
    return table


def read_cells(path: Path, box: Box) -> Records:
    """The points (m,) of a file that lie in the cells of a box, in the order they were written."""
    runs = _table(path)
    x, y = runs["x"], runs["y"]
    chosen = runs[(x >= box.x0) & (x < box.x1) & (y >= box.y0) & (y < box.y1)]
    if not len(chosen):
        return np.empty(0, dtype=RECORD)
    start, stop = chosen["start"], chosen["start"] + chosen["count"]
    joins = np.flatnonzero(start[1:] != stop[:-1])
    found = np.empty(int(chosen["count"].sum()), dtype=RECORD)
    begin = 0
    with path.open("rb") as stream:
        for low, high in zip(start[np.r_[0, joins + 1]], stop[np.r_[joins, len(stop) - 1]], strict=True):
            stream.seek(int(low) * RECORD.itemsize)
            part = found[begin : begin + int(high - low)]
            if stream.readinto(part.view(np.uint8).data) < part.nbytes:
                raise OSError(f"{path}: is cut short")
            begin += len(part)
    return found
