"""The first pass over a file: its points go to disk, and what has to be known of them before any tile is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.batch.survey.index import FileIndex, Grain, Lows, cells_summed, strips_joined
from leafwood.batch.survey.spill import CELL, CLASSED, RECORD, USABLE, SpillWriter, spilling
from leafwood.classes import ClassMeaning
from leafwood.cloud import PointCloud
from leafwood.io.las.laszip import can_begin_anywhere
from leafwood.io.las.layout import Layout
from leafwood.io.las.stream import LasStream, open_noting
from leafwood.spatial.ground import usable_points

__all__ = ["Part", "index_part", "parts_of"]

_PART = 2_500_000  # points of a file that are read by one worker, whatever the number of workers
_STRIP = 100.0  # m: how finely it is known where the points lie along each axis
_COLUMNS = ("classification", "withheld", "leafwood", "return_number", "number_of_returns")


class Part(NamedTuple):
    """Points of a file that follow one another.

    Attributes:
        path: the file.
        spill: file that they are written to.
        first: place of the first of them in the file.
        stop: place after the last.
    """

    path: Path
    spill: Path
    first: int
    stop: int


def parts_of(path: Path, layout: Layout, folder: Path, number: int) -> Iterator[Part]:
    """The parts in which a file is read: one, where it can only be read from its beginning.

    Args:
        path: LAS, LAZ or COPC.
        layout: where everything lies in it.
        folder: for the points on disk.
        number: of the file.
    """
    size = _PART if can_begin_anywhere(layout) else max(layout.count, 1)
    for first in range(0, max(layout.count, 1), size):
        yield Part(path, folder / f"{number}_{first}.points", first, min(first + size, layout.count))


def index_part(part: Part, crs: str | None, labels: str | None, grain: Grain) -> FileIndex:
    """Read a part of a file once, in chunks; write its points to disk.

    Args:
        part: what to read.
        crs: to be used in place of the file's own, or None.
        labels: label preset that says what its classes mean, or None.
        grain: how finely it is looked at.

    Raises:
        BadFile: damaged.
        BadCloud: coordinates that are no lengths.
    """
    source, remarks = open_noting(part.path, crs)
    empty = PointCloud(np.zeros((0, 3), dtype=np.float32), meaning=source.meaning)
    meaning = empty.meaning if labels is None else empty.under_preset(labels).meaning
    seen = _Running(source, meaning, grain, part.first)
    with spilling(part.spill) as writer:
        for raw, columns in source.chunks(_COLUMNS, part.first, part.stop):
            seen.add(raw, columns, writer)
    return seen.index(part, remarks)


class _Running:
    """What is known of a part of a file so far."""

    def __init__(self, source: LasStream, meaning: ClassMeaning, grain: Grain, first: int) -> None:
        self._source, self._meaning, self._first = source, meaning, first
        self._stride = max(1, source.layout.count // max(grain.spread, 1))
        self._next, self._most_returns = first, 0
        self._points = np.zeros(2, dtype=np.int64)
        self._foreign = np.zeros(256, dtype=np.int64)
        self._cells: list[NDArray[np.int64]] = []
        self._lows, self._classed = Lows(grain), Lows(grain)
        self._spread: list[tuple[NDArray[np.float64], NDArray[np.uint8]]] = []
        self._strips: list[list[NDArray[np.float64]]] = [[], [], []]
        self._has_classes = False

    def add(self, raw: NDArray[np.int32], columns: dict[str, NDArray[Any]], writer: SpillWriter) -> None:
        """Take in a chunk, and write it."""
        xyz = raw * self._source.step + self._source.shift
        cloud = PointCloud(np.zeros((len(raw), 3), dtype=np.float32), columns=columns, meaning=self._meaning)
        usable, classed = usable_points(cloud, np.zeros(len(raw), dtype=bool))
        records = np.empty(len(raw), dtype=RECORD)
        records["xyz"] = raw
        records["index"] = np.arange(self._next, self._next + len(raw))
        returns = [np.clip(columns.get(name, np.zeros(len(raw))), 0, 15).astype(np.uint8) for name in _COLUMNS[3:]]
        records["returns"] = returns[0] | (returns[1] << 4)
        records["flags"] = usable * USABLE + classed * CLASSED
        cells = np.floor(xyz[:, :2] / CELL).astype(np.int64)
        writer.add(cells, records)
        runs = writer.runs[-1]
        self._cells.append(np.column_stack([runs["x"], runs["y"], runs["count"]]).astype(np.int64))
        self._lows.add(xyz if usable.all() else xyz[usable])
        self._classed.add(xyz[classed])
        here = slice(-self._next % self._stride, None, self._stride)
        self._spread.append((xyz[here].copy(), records["flags"][here].copy()))  # a view would keep the whole chunk
        for axis, strips in enumerate(self._strips):
            strips.append(_strips(xyz[:, axis]))
        if "classification" in columns:
            self._has_classes = True
            foreign = columns["classification"][self._meaning.is_foreign(columns)]
            self._foreign += np.bincount(foreign, minlength=256)[:256]
        self._points += usable.sum(), classed.sum()
        self._most_returns = max(self._most_returns, *(int(part.max()) for part in returns))
        self._next += len(raw)

    def index(self, part: Part, remarks: tuple[str, ...]) -> FileIndex:
        """All that is known."""
        none = np.zeros((0, 3))
        return FileIndex(
            part.path,
            (part.spill,),
            self._next - self._first,
            self._source.step,
            self._source.shift,
            self._source.unit,
            self._source.crs,
            self._meaning,
            self._has_classes,
            self._foreign,
            self._most_returns,
            cells_summed(np.concatenate([none.astype(np.int64), *self._cells])),
            self._lows.found(),
            self._classed.found(),
            np.concatenate([none, *(part for part, _ in self._spread)]),
            np.concatenate([np.zeros(0, dtype=np.uint8), *(flags for _, flags in self._spread)]),
            self._points,
            tuple(strips_joined(np.concatenate([np.zeros((0, 4)), *strips])) for strips in self._strips),
            remarks,
        )


def _strips(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Strips of an axis that have points (r, 4): number, points, least and greatest value."""
    number = np.floor(values / _STRIP)
    rows = []
    for strip in np.unique(number):
        inside = values[number == strip]
        rows.append((strip, len(inside), inside.min(), inside.max()))
    return np.array(rows, dtype=np.float64).reshape(-1, 4)
