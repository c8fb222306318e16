"""What is known of a file of a survey after the first pass, by all its points or by some that follow one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import ClassMeaning
from leafwood.io.las.stream import LasStream
from leafwood.spatial.terrain import LOWS, lowest_points, node_spacing

__all__ = ["FileIndex", "Grain", "Lows", "cells_summed", "strips_joined"]

_SPREAD = 1_000_000  # points that are kept of a survey, evenly thinned
_MOST_LOWS = 4_000_000  # lowest points of a file; where there are more, cells become wider
_WIDEST = 50_000.0  # m: a header that says more has strays in it


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
        spills: its points on disk, in their order.
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
    spills: tuple[Path, ...]
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

    @classmethod
    def of_parts(cls, parts: Sequence[FileIndex], grain: Grain) -> FileIndex:
        """What is known of a file by its parts, in their order.

        Args:
            parts: at least one.
            grain: how finely they were looked at.
        """
        if len(parts) == 1:
            return parts[0]
        return replace(
            parts[0],
            spills=tuple(spill for part in parts for spill in part.spills),
            count=sum(part.count for part in parts),
            has_classes=any(part.has_classes for part in parts),
            foreign=np.sum([part.foreign for part in parts], axis=0),
            most_returns=max(part.most_returns for part in parts),
            cells=cells_summed(np.concatenate([part.cells for part in parts])),
            lows=Lows.of_all([part.lows for part in parts], grain),
            classed_lows=Lows.of_all([part.classed_lows for part in parts], grain),
            spread=np.concatenate([part.spread for part in parts]),
            spread_flags=np.concatenate([part.spread_flags for part in parts]),
            points=np.sum([part.points for part in parts], axis=0),
            strips=tuple(strips_joined(np.concatenate(axis)) for axis in zip(*(p.strips for p in parts), strict=True)),
        )

    def without_points(self) -> FileIndex:
        """The same without the points in it, for those who need to know where the file lies and no more."""
        none = np.zeros((0, 3))
        return replace(self, lows=none, classed_lows=none, spread=none, spread_flags=self.spread_flags[:0])


class Lows:
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

    @classmethod
    def of_all(cls, parts: Sequence[NDArray[np.float64]], grain: Grain) -> NDArray[np.float64]:
        """The lowest points (m, 3) of those (k, 3) of parts."""
        together = cls(grain)
        for part in parts:
            together.add(part)
        return together.found()

    def _settle(self) -> None:
        everything = np.concatenate(self._kept)
        while len(lows := self._lowest(everything)) > _MOST_LOWS:
            self._cell *= 2
        self._kept, self._settled = [lows], len(lows)

    def _lowest(self, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        return xyz[lowest_points(xyz, self._cell, self._corner)]


def cells_summed(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cells and their points (k, 3) out of those of chunks."""
    places, inverse = np.unique(cells[:, :2], axis=0, return_inverse=True)
    counts = np.bincount(inverse.reshape(-1), weights=cells[:, 2], minlength=len(places))
    return np.column_stack([places, counts.astype(np.int64)])


def strips_joined(strips: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each strip once."""
    rows = []
    for strip in np.unique(strips[:, 0]):
        same = strips[strips[:, 0] == strip]
        rows.append((strip, same[:, 1].sum(), same[:, 2].min(), same[:, 3].max()))
    return np.array(rows, dtype=np.float64).reshape(-1, 4)
