"""Between the passes: what must be known of a survey as a whole before a tile of it can be seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.batch.survey.index import FileIndex
from leafwood.batch.survey.spill import CELL, CLASSED, RECORD, USABLE, Records, read_cells
from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud
from leafwood.graph.config import GraphConfig
from leafwood.graph.scale import NEIGHBOURS, scale_of_spacing
from leafwood.inference.labelling import check_metres
from leafwood.spatial.ground import GroundChoice, Surface, choose_ground, find_surface
from leafwood.spatial.neighbours import nearest
from leafwood.spatial.terrain import LOWS, Outline, lowest_points
from leafwood.spatial.tiles import Box

__all__ = ["Place", "Sample", "SurveyFacts", "find_facts"]

_MAX_CELLS = 50_000_000
_PLACES = 256  # cells of the plan that are looked at as they are
_SPACED, _QUERIES = 64, 20_000  # of these the spacing is taken, from so many points
_DENSE, _NEAR = 2_000, 1.0  # points of a cell in which the 24th nearest is nearer than so many metres
_MOST = 3_000_000  # points of these places
_APART, _FAR, _FEW_SHARE = 1_000.0, 50_000.0, 0.001  # metres and share, as in :func:`leafwood.cloud.far_away`

Floats = NDArray[np.float64]


class Sample(NamedTuple):
    """Points of some places of a survey.

    Attributes:
        xyz: (n, 3) metres from the survey's origin.
        flags: (n,) what they may be, see :mod:`leafwood.batch.survey.spill`.
        returns: (n, 2) return number and number of returns, 0 where unknown.
        file: (n,) number of each point's file.
        place: (n,) its place there.
    """

    xyz: Floats
    flags: NDArray[np.uint8]
    returns: NDArray[np.uint8]
    file: NDArray[np.uint16]
    place: NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Place:
    """Where a survey lies, and where its points are.

    Attributes:
        files: in the order in which the user named them.
        origin: (3,) lower corner of its points, metres.
        high: (3,) upper corner, metres from there.
        corner: (2,) first cell of its grid over the plan.
        counts: (width, depth) points of each cell.
        strays: whether points lie outside of these corners, which belong to no place.
    """

    files: tuple[FileIndex, ...]
    origin: Floats
    high: Floats
    corner: NDArray[np.int64]
    counts: NDArray[np.int64]
    strays: int

    @classmethod
    def of(cls, files: Sequence[FileIndex]) -> Place:
        """Put together what is known of the files.

        Raises:
            BadCloud: degrees, or a plan too wide for a table of it.
        """
        limits = [_limits([file.strips[axis] for file in files], sum(f.count for f in files)) for axis in range(3)]
        low, high = (np.array([limit[side] for limit in limits]) for side in (0, 1))
        cells = np.concatenate([file.cells for file in files])
        inside = ((cells[:, :2] >= np.floor(low[:2] / CELL)) & (cells[:, :2] <= np.floor(high[:2] / CELL))).all(axis=1)
        cells = cells[inside]
        corner = np.floor(low[:2] / CELL).astype(np.int64)
        width, depth = (int(v) + 1 for v in np.floor(high[:2] / CELL) - corner)
        if width * depth > _MAX_CELLS:
            raise BadCloud(f"the plan is {width * CELL / 1000:.0f} x {depth * CELL / 1000:.0f} km; are these metres?")
        counts = np.zeros((width, depth), dtype=np.int64)
        np.add.at(counts, tuple((cells[:, :2] - corner).T), cells[:, 2])
        corners = np.array([[0.0, 0.0, 0.0], high - low])
        unit = files[0].unit
        check_metres(PointCloud(corners.astype(np.float32), low / np.array([unit[0], unit[0], unit[1]])))
        return cls(tuple(files), low, high - low, corner, counts, sum(f.count for f in files) - int(counts.sum()))

    @property
    def points(self) -> int:
        """How many points there are, strays apart."""
        return int(self.counts.sum())

    def files_in(self, box: Box) -> list[int]:
        """Numbers of the files that have points in the cells of a box."""
        return [n for n, file in enumerate(self.files) if box.holds(file.cells[:, :2] - self.corner).any()]

    def read(self, box: Box, within: tuple[Floats, Floats] | None = None) -> Sample:
        """The points in the cells of a box, those of a file after those of the one before.

        Args:
            box: cells of the survey's grid.
            within: lower and upper plan corner (2,) to keep to besides, metres from the origin.
        """
        parts = [self._part(number, box, within) for number in self.files_in(box)]
        if not parts:
            parts = [_sample(self.files[0], 0, np.zeros(0, dtype=RECORD), self.origin)]
        return Sample(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def _part(self, number: int, box: Box, within: tuple[Floats, Floats] | None) -> Sample:
        file = self.files[number]
        x, y = (int(v) for v in self.corner)
        there = Box(box.x0 + x, box.x1 + x, box.y0 + y, box.y1 + y)
        found = np.concatenate([read_cells(spill, there) for spill in file.spills])
        part = _sample(file, number, found, self.origin)
        low, high = within or (np.full(2, -np.inf), np.full(2, np.inf))
        z = part.xyz[:, 2]
        kept = (z >= 0) & (z <= self.high[2] + 1e-4)
        for axis in range(2):
            place = part.xyz[:, axis]
            kept &= (place >= max(low[axis], 0.0)) & (place <= min(high[axis], self.high[axis] + 1e-4))
        return part if kept.all() else Sample(*(column[kept] for column in part))

    def corners(self, box: Box) -> tuple[Floats, Floats]:
        """Lower and upper plan corner (2,) of a box, metres from the origin."""
        cells = np.array([[box.x0, box.y0], [box.x1, box.y1]]) + self.corner
        low, high = cells * CELL - self.origin[:2]
        return low, high

    def some(self, seed: int = 0) -> list[Box]:
        """Cells that have points, each a box: all where there are few, else some, likelier where there are more."""
        filled = np.argwhere(self.counts)
        points = self.counts[tuple(filled.T)]
        if len(filled) > _PLACES or self.points > _MOST:
            wanted = int(np.clip(_MOST * len(filled) / self.points, 1, min(_PLACES, len(filled))))
            chosen = np.random.default_rng(seed).choice(len(filled), wanted, replace=False, p=points / points.sum())
            filled = filled[np.sort(chosen)]
        return [Box(x, x + 1, y, y + 1) for x, y in filled.tolist()]


@dataclass(frozen=True, eq=False)
class SurveyFacts:
    """What every tile must know of its survey.

    Attributes:
        place: where it lies.
        surface: its ground.
        scale: the factor by which the network sees it shrunk.
        with_returns: whether its return numbers say anything.
    """

    place: Place
    surface: Surface
    scale: float
    with_returns: bool


def find_facts(files: Sequence[FileIndex], graph: GraphConfig) -> tuple[SurveyFacts, Sample]:
    """Find out what the tiles of a survey must know of it, by the indexes of its files and some of its places.

    Returns:
        That, and all points of these places.

    Raises:
        BadCloud: degrees, or a plan too wide for a table of it.
    """
    place = Place.of(files)
    boxes = place.some()
    parts = [place.read(box) for box in boxes]
    sample = Sample(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    surface = _surface(place, sample)
    scale = scale_of_spacing(_spacing(place, boxes, surface), graph)
    place = replace(place, files=tuple(file.without_points() for file in files))
    return SurveyFacts(place, surface, scale, max(file.most_returns for file in files) > 1), sample


def _surface(place: Place, sample: Sample) -> Surface:
    """The ground of a survey."""
    usable, classed = (_outline(place, sample, bit) for bit in (USABLE, CLASSED))
    has_classes = any(file.has_classes for file in place.files)
    codes = {"classification": np.zeros(0, dtype=np.uint8)} if has_classes else {}
    empty = PointCloud(np.zeros((0, 3), dtype=np.float32), columns=codes, meaning=place.files[0].meaning)
    if not usable.points:
        return Surface(GroundChoice("cloth", False, None, "no point may be ground"), None)
    choice = choose_ground(usable, classed if classed.points else None, empty)
    return find_surface(usable, choice)


def _outline(place: Place, sample: Sample, bit: int) -> Outline:
    """What the search for the ground looks at, of usable points or of those of ground classes."""
    of_class = bit == CLASSED
    lows = np.concatenate([file.classed_lows if of_class else file.lows for file in place.files]) - place.origin
    lows = lows[_inside(lows, place.high)]
    spread = np.concatenate([file.spread[(file.spread_flags & bit) > 0] for file in place.files]) - place.origin
    spread = spread[_inside(spread, place.high)]
    points = int(sum(file.points[int(of_class)] for file in place.files))
    lows = lows[lowest_points(lows, LOWS, np.zeros(2))]
    if not len(spread):  # of a rare class the thinned points may have none
        spread = lows
    elif not of_class:  # the extent is that of all points
        spread = np.concatenate([spread, [[0.0, 0.0, spread[:, 2].min()], [*place.high[:2], spread[:, 2].min()]]])
    return Outline(points, lows, spread, sample.xyz[(sample.flags & bit) > 0])


def _inside(xyz: Floats, high: Floats) -> NDArray[np.bool_]:
    return np.asarray(((xyz >= -1e-4) & (xyz <= high + 1e-4)).all(axis=1))


def _spacing(place: Place, boxes: Sequence[Box], surface: Surface) -> float:
    """How far apart the points are that the network will see, as :func:`leafwood.graph.scale.spacing` has it."""
    distances = list(_distances(place, boxes, surface))
    return float(np.median(np.concatenate(distances))) if distances else 0.0


def _distances(place: Place, boxes: Sequence[Box], surface: Surface) -> Iterator[NDArray[np.float32]]:
    """To the 24th nearest point, from some points of some of the places."""
    everywhere = sum(int(place.counts[box.x0, box.y0]) for box in boxes) == place.points
    boxes = boxes[:: max(1, len(boxes) // _SPACED)]
    total = sum(int(place.counts[box.x0, box.y0]) for box in boxes)
    for box in boxes:
        count = int(place.counts[box.x0, box.y0])
        low, high = place.corners(box)
        reach = _NEAR if count > _DENSE else CELL
        around = place.read(box.widened(1), (low - reach, high + reach))
        usable, classed = (around.flags & USABLE) > 0, (around.flags & CLASSED) > 0
        xyz = around.xyz[usable & ~surface.under(around.xyz, usable, classed)[0]]
        inside = np.flatnonzero(((xyz[:, :2] >= low) & (xyz[:, :2] < high)).all(axis=1))
        if len(xyz) <= NEIGHBOURS or not len(inside):
            continue
        # places that were drawn by their points have equal parts, and those that are all there is by their points
        wanted = max(1, round(_QUERIES * (count / total if everywhere else 1 / len(boxes))))
        local = (xyz - xyz.min(axis=0)).astype(np.float32)
        _, distance = nearest(local, NEIGHBOURS, local[inside[:: max(1, len(inside) // wanted)]])
        yield distance[:, -1]


def _sample(file: FileIndex, number: int, found: Records, origin: Floats) -> Sample:
    """Points as they are on disk, as metres from the origin."""
    returns = np.column_stack([found["returns"] & 15, found["returns"] >> 4])
    return Sample(
        np.round(file.metres(found["xyz"]) - origin, 5),
        found["flags"],
        returns,
        np.full(len(found), number, dtype=np.uint16),
        found["index"],
    )


def _limits(strips: Sequence[NDArray[np.float64]], count: int) -> tuple[float, float]:
    """Least and greatest coordinate of an axis, without points so far from the others that they are of no place."""
    rows = np.concatenate(strips)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    kept = _body(rows[:, 2], rows[:, 3], rows[:, 1], count)
    return float(rows[kept, 2].min()), float(rows[kept, 3].max())


def _body(low: Floats, high: Floats, points: Floats, count: int) -> NDArray[np.bool_]:
    """Strips (r,) along an axis that are of the survey; the rule is that of :func:`leafwood.cloud.far_away`."""
    everything = np.ones(len(low), dtype=bool)
    if high.max() - low.min() <= _APART:
        return everything
    few = max(1.0, _FEW_SHARE * count, min(20.0, 0.05 * count))
    end = min(max(0.005, 2 * few / count), 0.4)
    before = np.cumsum(points) / count
    first, last = int(np.searchsorted(before, end)), int(np.searchsorted(before, 1 - end))
    if high[last] - low[first] > _FAR:
        return everything  # no body: nothing can be told to lie far from it
    away = np.maximum(low[first] - high, low - high[last])
    apart = away > _APART
    return ~apart if points[apart].sum() <= few else away <= _FAR
