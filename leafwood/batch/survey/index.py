"""The first pass over a file: what has to be known of it before any tile, and its points on disk."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.batch.survey.spill import CELL, CLASSED, RECORD, USABLE, SpillWriter, spilling
from leafwood.classes import ClassMeaning
from leafwood.cloud import PointCloud
from leafwood.errors import FileWarning
from leafwood.io.las.stream import LasStream, open_las
from leafwood.spatial.ground import usable_points
from leafwood.spatial.terrain import LOWS, lowest_points, node_spacing

__all__ = ["FileIndex", "Grain", "index_file"]

_SPREAD = 1_000_000  # points that are kept of a survey, evenly thinned
_MOST_LOWS = 4_000_000  # lowest points of a file; where there are more, cells become wider
_WIDEST = 50_000.0  # m: a header that says more has strays in it
_STRIP = 100.0  # m: how finely it is known where the points lie along each axis
_COLUMNS = ("classification", "withheld", "leafwood", "return_number", "number_of_returns")


class Grain(NamedTuple):
    """How finely the files of a survey are looked at, so that what is kept of all of them fits into memory.

    Attributes:
        cell: edge of the cells whose lowest points are kept, metres.
        corner: (2,) where they begin, metres: the lower corner of the survey, as far as headers tell.
        spread: points that are kept of each file, evenly thinned.
    """

    cell: float
    corner: NDArray[np.float64]
    spread: int

    @classmethod
    def of(cls, headers: Sequence[LasStream]) -> Grain:
        """By the headers of the files."""
        points = sum(header.layout.count for header in headers)
        bounds = np.array([header.bounds[:, :2] for header in headers]).reshape(-1, 2, 2)
        bounds = bounds[np.isfinite(bounds).all(axis=(1, 2)) & (np.ptp(bounds, axis=1) < _WIDEST).all(axis=1)]
        if not len(bounds):
            return cls(LOWS, np.zeros(2), _SPREAD // max(len(headers), 1))
        low = bounds[:, 0].min(axis=0)
        nodes = node_spacing(points, low, bounds[:, 1].max(axis=0), 2 * LOWS)
        return cls(nodes / 2, low, _SPREAD // len(headers))


@dataclass(frozen=True, eq=False)
class FileIndex:
    """What is known of a file after the first pass.

    Attributes:
        path: the file.
        spill: its points on disk.
        count: how many there are.
        step: (3,) metres per integer step of its coordinates.
        shift: (3,) metres of its offset.
        unit: metres per file unit, horizontal and vertical.
        crs: WKT, or None.
        meaning: of its class codes.
        has_classes: whether it has any.
        foreign: points (256,) by class, of those that are the user's to define.
        most_returns: the greatest number of returns.
        cells: (k, 3) cells of the plan and how many points each has.
        lows: (m, 3) the lowest usable point of each cell of :class:`Grain`; metres.
        classed_lows: (m, 3) the same of points of ground classes.
        spread: (s, 3) evenly thinned points, metres.
        spread_flags: (s,) what they may be.
        points: (2,) how many are usable, and how many of those are of ground classes.
        strips: for each axis (r, 4): number of a strip, points in it, least and greatest coordinate, metres.
        remarks: what was odd about the file, for whoever asked to have it read: nothing is warned of here.
    """

    path: Path
    spill: Path
    count: int
    step: NDArray[np.float64]
    shift: NDArray[np.float64]
    unit: tuple[float, float]
    crs: str | None
    meaning: ClassMeaning
    has_classes: bool
    foreign: NDArray[np.int64]
    most_returns: int
    cells: NDArray[np.int64]
    lows: NDArray[np.float64]
    classed_lows: NDArray[np.float64]
    spread: NDArray[np.float64]
    spread_flags: NDArray[np.uint8]
    points: NDArray[np.int64]
    strips: tuple[NDArray[np.float64], ...]
    remarks: tuple[str, ...]

    def metres(self, raw: NDArray[np.int32]) -> NDArray[np.float64]:
        """Coordinates (n, 3) of integer steps."""
        return raw * self.step + self.shift

    def without_points(self) -> FileIndex:
        """The same without the points in it, for those who need to know where the file lies and no more."""
        none = np.zeros((0, 3))
        return replace(self, lows=none, classed_lows=none, spread=none, spread_flags=self.spread_flags[:0])


def index_file(path: Path, spill: Path, crs: str | None, labels: str | None, grain: Grain) -> FileIndex:
    """Read a file once, in chunks; write its points to `spill`.

    Args:
        path: LAS, LAZ or COPC.
        spill: file to be written.
        crs: to be used in place of the file's own, or None.
        labels: label preset that says what its classes mean, or None.
        grain: how finely it is looked at.

    Raises:
        BadFile: damaged.
        BadCloud: coordinates that are no lengths.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FileWarning)
        source = open_las(path, crs)
    remarks = [str(item.message) for item in caught if issubclass(item.category, FileWarning)]
    empty = PointCloud(np.zeros((0, 3), dtype=np.float32), meaning=source.meaning)
    seen = _Running(source, empty.meaning if labels is None else empty.under_preset(labels).meaning, grain)
    with spilling(spill) as writer:
        for raw, columns in source.chunks(_COLUMNS):
            seen.add(raw, columns, writer)
    return seen.index(path, spill, tuple(remarks))


class _Running:
    """What is known of a file so far."""

    def __init__(self, source: LasStream, meaning: ClassMeaning, grain: Grain) -> None:
        self._source, self._meaning = source, meaning
        self._stride = max(1, source.layout.count // max(grain.spread, 1))
        self._count = self._most_returns = 0
        self._points = np.zeros(2, dtype=np.int64)
        self._foreign = np.zeros(256, dtype=np.int64)
        self._cells: list[NDArray[np.int64]] = []
        self._lows, self._classed = _Lows(grain), _Lows(grain)
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
        records["index"] = np.arange(self._count, self._count + len(raw))
        returns = [np.clip(columns.get(name, np.zeros(len(raw))), 0, 15).astype(np.uint8) for name in _COLUMNS[3:]]
        records["returns"] = returns[0] | (returns[1] << 4)
        records["flags"] = usable * USABLE + classed * CLASSED
        cells = np.floor(xyz[:, :2] / CELL).astype(np.int64)
        writer.add(cells, records)
        runs = writer.runs[-1]
        self._cells.append(np.column_stack([runs["x"], runs["y"], runs["count"]]).astype(np.int64))
        self._lows.add(xyz if usable.all() else xyz[usable])
        self._classed.add(xyz[classed])
        here = slice(-self._count % self._stride, None, self._stride)
        self._spread.append((xyz[here].copy(), records["flags"][here].copy()))  # a view would keep the whole chunk
        for axis, strips in enumerate(self._strips):
            strips.append(_strips(xyz[:, axis]))
        if "classification" in columns:
            self._has_classes = True
            foreign = columns["classification"][self._meaning.is_foreign(columns)]
            self._foreign += np.bincount(foreign, minlength=256)[:256]
        self._points += usable.sum(), classed.sum()
        self._most_returns = max(self._most_returns, *(int(part.max()) for part in returns))
        self._count += len(raw)

    def index(self, path: Path, spill: Path, remarks: tuple[str, ...]) -> FileIndex:
        """All that is known."""
        none = np.zeros((0, 3))
        return FileIndex(
            path,
            spill,
            self._count,
            self._source.step,
            self._source.shift,
            self._source.unit,
            self._source.crs,
            self._meaning,
            self._has_classes,
            self._foreign,
            self._most_returns,
            _summed(np.concatenate([none.astype(np.int64), *self._cells])),
            self._lows.found(),
            self._classed.found(),
            np.concatenate([none, *(part for part, _ in self._spread)]),
            np.concatenate([np.zeros(0, dtype=np.uint8), *(flags for _, flags in self._spread)]),
            self._points,
            tuple(_joined(np.concatenate([np.zeros((0, 4)), *strips])) for strips in self._strips),
            remarks,
        )


class _Lows:
    """The lowest point of each small cell, of those that have come so far."""

    def __init__(self, grain: Grain) -> None:
        self._kept: list[NDArray[np.float64]] = [np.zeros((0, 3))]
        self._settled = 0
        self._cell, self._corner = grain.cell, grain.corner

    def add(self, xyz: NDArray[np.float64]) -> None:
        """Take in points (n, 3); what has been kept is gone through again whenever it has doubled."""
        if len(xyz):
            self._kept.append(self._lowest(xyz))
        if sum(map(len, self._kept)) > 2 * self._settled + 1_000_000:
            self._settle()

    def found(self) -> NDArray[np.float64]:
        """The lowest points (m, 3)."""
        self._settle()
        return self._kept[0]

    def _settle(self) -> None:
        everything = np.concatenate(self._kept)
        while len(lows := self._lowest(everything)) > _MOST_LOWS:
            self._cell *= 2
        self._kept, self._settled = [lows], len(lows)

    def _lowest(self, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        return xyz[lowest_points(xyz, self._cell, self._corner)]


def _summed(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cells and their points (k, 3) out of those of chunks."""
    places, inverse = np.unique(cells[:, :2], axis=0, return_inverse=True)
    counts = np.bincount(inverse.reshape(-1), weights=cells[:, 2], minlength=len(places))
    return np.column_stack([places, counts.astype(np.int64)])


def _strips(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Strips of an axis that have points (r, 4): number, points, least and greatest value."""
    number = np.floor(values / _STRIP)
    rows = []
    for strip in np.unique(number):
        inside = values[number == strip]
        rows.append((strip, len(inside), inside.min(), inside.max()))
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def _joined(strips: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each strip once."""
    rows = []
    for strip in np.unique(strips[:, 0]):
        same = strips[strips[:, 0] == strip]
        rows.append((strip, same[:, 1].sum(), same[:, 2].min(), same[:, 3].max()))
    return np.array(rows, dtype=np.float64).reshape(-1, 4)
