"""Vertical density decay: how a scan's pulses are used up on the way down, by ground cell and height bin.

A return stands for its share of a pulse, one over the number of returns of that pulse ("weighted returns", Armston et
al. 2013, Remote Sensing of Environment 134, 24-38); without return numbers every return is a pulse of its own. What
lies at or below a height has passed everything above it: sums from the ground up are the pulses that reach it, and
their decrease is the attenuation (:mod:`leafwood.density.attenuation`).

Shares are counted in whole 360360ths of a pulse, so counts of tiles add up to those of the scan exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import NOISE
from leafwood.cloud import PointCloud
from leafwood.density.attenuation import Attenuation, attenuation, fit_layer
from leafwood.errors import BadCloud, BadConfig

__all__ = ["ReturnCounts", "Strata", "count_returns", "countable", "inverse_weight"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_PULSE = 360_360  # divisible by every number of returns from 1 to 15
_MOST_RETURNS = 15
_HIGHEST = 150.0  # m above ground; what is higher is no tree but a bird or a false echo
_ANGLE_STEP = 0.006  # degrees, LAS 1.4
_WIDEST = 70.0  # degrees from nadir; a damaged angle must not become an endless path
_PARTS = 4  # a cell's covered area is known to a sixteenth
_PRIOR_PULSES = 20.0  # a cell with fewer takes the scan's decay rather than its own


@dataclass(frozen=True)
class Strata:
    """Ground cells and height bins.

    Attributes:
        cell: edge of a ground cell, m; cells begin at multiples of it in the file's coordinates.
        dz: thickness of a height bin, m.
        z0: height above ground at which the first bin begins, m; what is lower counts as reached ground.
    """

    cell: float = 5.0
    dz: float = 1.0
    z0: float = 0.5

    def __post_init__(self) -> None:
        for name, value in (("cell", self.cell), ("dz", self.dz)):
            if not 0.05 <= value <= 1000:
                raise BadConfig(f"{name} must lie between 0.05 and 1000 m, not {value}")
        if not -10 <= self.z0 <= 100:
            raise BadConfig(f"z0 must lie between -10 and 100 m, not {self.z0}")

    def level(self, height: NDArray[Any]) -> Ints:
        """Bin (n,) of heights (n,): 0 below z0, 1 for the first bin above it, and so on."""
        return np.maximum(np.floor((height - self.z0) / self.dz).astype(np.int64) + 1, 0)


@dataclass(frozen=True, eq=False)
class ReturnCounts:
    """Counts of a scan or a part of it; those of disjoint parts add up exactly, in any order.

    Attributes:
        strata: cells and bins.
        source: ``pulses`` where some points say that their pulse had several returns, else ``returns``.
        cells: (m, 2) numbers of the occupied ground cells along x and y, sorted; cell i begins at i times its edge.
        returns: (m, 1 + b) returns; the first column is everything below z0.
        first: (m, 1 + b) first returns.
        weight: (m, 1 + b) pulses, in 360360ths.
        path: (m, 1 + b) the same times the secant of the beam's angle from nadir.
        wood: (m, 1 + b) the part of `weight` that wood stopped; 0 where nobody said what is wood.
        cover: (m,) which sixteenths of the cell hold points, a bit each.
    """

    strata: Strata
    source: Literal["pulses", "returns"]
    cells: Ints
    returns: Ints
    first: Ints
    weight: Ints
    path: Ints
    wood: Ints
    cover: NDArray[np.uint16]

    def __add__(self, other: ReturnCounts) -> ReturnCounts:
        if self.strata != other.strata:
            raise BadConfig(f"counts of {self.strata} and of {other.strata} cannot be added")
        cells, place = _unique_cells(np.concatenate([self.cells, other.cells]))
        mine, theirs = place[: len(self.cells)], place[len(self.cells) :]
        bins = max(self.weight.shape[1], other.weight.shape[1])

        def total(one: Ints, two: Ints) -> Ints:
            out = np.zeros((len(cells), bins), dtype=np.int64)
            out[mine, : one.shape[1]] += one
            out[theirs, : two.shape[1]] += two
            return out

        cover = np.zeros(len(cells), dtype=np.uint16)
        cover[mine] |= self.cover
        cover[theirs] |= other.cover
        return ReturnCounts(
            strata=self.strata,
            source="pulses" if "pulses" in (self.source, other.source) else "returns",
            cells=cells,
            returns=total(self.returns, other.returns),
            first=total(self.first, other.first),
            weight=total(self.weight, other.weight),
            path=total(self.path, other.path),
            wood=total(self.wood, other.wood),
            cover=cover,
        )

    @property
    def z(self) -> Floats:
        """Midpoints of the height bins (b,), m above ground."""
        return self.strata.z0 + self.strata.dz * (np.arange(self.weight.shape[1] - 1) + 0.5)

    @property
    def area(self) -> Floats:
        """Covered ground area of each cell (m,), m²."""
        bits = np.unpackbits(self.cover.view(np.uint8)).reshape(len(self.cover), -1).sum(axis=1)
        return np.asarray(bits * (self.strata.cell / _PARTS) ** 2, dtype=np.float64)

    @property
    def completeness(self) -> float:
        """First returns per pulse: 1 for a whole scan, far from it where returns were filtered out of the file."""
        return float(self.first.sum() / max(self.pulses.sum(), 1e-9))

    @property
    def pulses(self) -> Floats:
        """Pulses that end in each cell and bin (m, 1 + b), in shares."""
        return self.weight / _PULSE

    @property
    def wood_contacts(self) -> Floats:
        """Pulses that wood stopped in each cell and bin (m, 1 + b), in shares."""
        return self.wood / _PULSE

    def attenuation(self) -> Attenuation:
        """Attenuation of the whole scan by height, arrays (b,)."""
        return attenuation(*self._whole(), self.strata.dz)

    def fit(self) -> Attenuation:
        """One attenuation for the whole scan; see :func:`~leafwood.density.attenuation.fit_layer`.

        Returns:
            Arrays of no dimension.
        """
        return fit_layer(*self._whole(), self.strata.dz)

    def attenuation_by_cell(self) -> Attenuation:
        """Attenuation of each cell by height, arrays (m, b)."""
        return attenuation(self.pulses, self.path / _PULSE, self.strata.dz)

    def fit_by_cell(self) -> Attenuation:
        """One attenuation for each cell, arrays (m,)."""
        return fit_layer(self.pulses, self.path / _PULSE, self.strata.dz)

    def _whole(self) -> tuple[Floats, Floats]:
        """Pulses and paths of the whole scan (1 + b,)."""
        return self.weight.sum(axis=0) / _PULSE, self.path.sum(axis=0) / _PULSE

    def intensity(self, cloud: PointCloud, height: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """How densely the scan samples the place of each point, from the pulses that the decay has left there.

        The density of the points found would not do, for it depends on what grows there. This is the number of returns
        per m³ that plants spread evenly through the canopy would give at the point's height in its cell: pulses that
        arrive, times the scan's attenuation, times returns per pulse. Where a cell has few pulses, the decay of the
        whole scan takes the place of its own.

        Args:
            cloud: n points; of this scan, or in cells of it.
            height: (n,) m above ground, as given to :func:`count_returns`.

        Returns:
            (n,) float32 points per m³, above 0; the scan's mean at that height for a point whose cell was not counted.

        Raises:
            BadCloud: heights that are not one number per point.
        """
        level = np.minimum(self.strata.level(_heights(cloud, height)), self.weight.shape[1] - 1)
        pulses = self.pulses.sum(axis=1, keepdims=True)
        if not pulses.any():
            return np.ones(len(cloud), dtype=np.float32)
        arriving = np.cumsum(self.pulses, axis=1) - self.pulses / 2
        share = (arriving + _PRIOR_PULSES * arriving.sum(axis=0) / pulses.sum()) / (pulses + _PRIOR_PULSES)
        fit = self.fit()
        contacts = float(fit.rate * fit.secant) if fit.rate > 0 else 1.0  # per m of height
        expected = pulses / self.area[:, None] * share * contacts * float(self.returns.sum() / pulses.sum())
        row = _rows(self.cells, _cells_of(cloud, self.strata)[0])
        return np.asarray(np.vstack([expected, expected.mean(axis=0)])[row, level], dtype=np.float32)


def count_returns(
    cloud: PointCloud,
    height: NDArray[np.floating[Any]],
    strata: Strata | None = None,
    *,
    plant: NDArray[np.bool_] | None = None,
    wood: NDArray[np.floating[Any]] | None = None,
) -> ReturnCounts:
    """Count a scan, or a tile of it.

    Noise and strays are left out; see :func:`countable`.

    Args:
        cloud: n points. Columns used where present: ``return_number``, ``number_of_returns``, ``scan_angle`` (0.006° if
            whole numbers, else degrees) or ``scan_angle_rank`` (degrees), ``classification``, ``withheld``.
        height: (n,) m above ground; all NaN for a tree without ground, whose lowest point then is height 0.
        strata: cells and bins.
        plant: (n,) points that stand for vegetation; the others (ground, buildings) are counted as reached ground,
            whatever their height.
        wood: (n,) share of each return that wood sent, 0..1: P(wood), or 0 and 1.

    Raises:
        BadCloud: heights that are not one number per point.
    """
    strata = strata or Strata()
    above = _heights(cloud, height)
    keep = np.flatnonzero(countable(cloud, above))
    number, total = _return_numbers(cloud, keep)
    secant = _secants(cloud, keep)
    key, part = _cells_of(cloud, strata, keep)
    cells, row = _unique_cells(key)
    level = strata.level(above[keep])
    if plant is not None:
        level[~plant[keep]] = 0
    bins = int(level.max(initial=0)) + 1
    slot = row * bins + level
    weight = _PULSE // total
    share = np.zeros(len(keep)) if wood is None else np.where(level > 0, wood[keep], 0.0)

    def table(values: Ints | None) -> Ints:
        # float64 sums of whole numbers are exact up to 2^53: 2.5e10 pulses
        counts = np.bincount(slot, weights=values, minlength=len(cells) * bins)
        return np.rint(counts).astype(np.int64).reshape(len(cells), bins)

    cover = np.zeros(len(cells), dtype=np.uint16)
    np.bitwise_or.at(cover, row, (1 << part).astype(np.uint16))
    return ReturnCounts(
        strata=strata,
        source="pulses" if (total > 1).any() else "returns",
        cells=cells,
        returns=table(None),
        first=table((number == 1).astype(np.int64)),
        weight=table(weight),
        path=table(np.rint(weight * secant).astype(np.int64)),
        wood=table(np.rint(weight * share).astype(np.int64)),
        cover=cover,
    )


def countable(cloud: PointCloud, height: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Points (n,) that are counted: no noise (classes 7, 18), withheld points, strays, or points above 150 m."""
    keep = ~cloud.strays() & ~(height > _HIGHEST) & ~cloud.withheld()
    if "classification" in cloud.columns:
        keep &= ~np.isin(cloud.columns["classification"], sorted(NOISE))
    return np.asarray(keep)


def inverse_weight(intensity: NDArray[np.floating[Any]], most: float = 20.0) -> NDArray[np.float32]:
    """Weights that undo the decay: one over the intensity, with a mean of 1.

    Args:
        intensity: (n,) points per m³, above 0.
        most: no point weighs more than this many times the median one: below a closed canopy a handful of points would
            otherwise stand for everything.

    Returns:
        (n,) float32.
    """
    if not len(intensity):
        return np.zeros(0, dtype=np.float32)
    weight = 1.0 / np.maximum(np.asarray(intensity, dtype=np.float64), 1e-12)
    weight = np.minimum(weight, most * np.median(weight))
    return np.asarray(weight / weight.mean(), dtype=np.float32)


def _heights(cloud: PointCloud, height: NDArray[np.floating[Any]]) -> Floats:
    """Heights above ground (n,), above the lowest point where there is no ground."""
    if height.shape != (len(cloud),):
        raise BadCloud(f"expected {len(cloud)} heights, got an array of shape {height.shape}")
    if len(cloud) and np.isnan(height).all():
        return np.asarray(cloud.xyz[:, 2] - cloud.xyz[:, 2].min(), dtype=np.float64)
    return np.nan_to_num(np.asarray(height, dtype=np.float64))


def _return_numbers(cloud: PointCloud, keep: Ints) -> tuple[Ints, Ints]:
    """Return numbers and numbers of returns (k,), 1 of 1 where the file does not know them (0 in many TLS files)."""
    single = np.ones(len(keep), dtype=np.int64)
    if not {"return_number", "number_of_returns"} <= cloud.columns.keys():
        return single, single
    number, total = (cloud.columns[name][keep].astype(np.int64) for name in ("return_number", "number_of_returns"))
    total = np.clip(total, 1, _MOST_RETURNS)
    return np.clip(number, 1, total), total


def _secants(cloud: PointCloud, keep: Ints) -> Floats:
    """One over the cosine of the scan angle (k,); 1 where the file has none."""
    for name in ("scan_angle", "scan_angle_rank"):
        if name in cloud.columns:
            angle = cloud.columns[name][keep]
            step = _ANGLE_STEP if name == "scan_angle" and angle.dtype.kind in "iu" else 1.0
            degrees = np.minimum(np.abs(angle * step), _WIDEST)
            return np.asarray(1.0 / np.cos(np.radians(degrees)), dtype=np.float64)
    return np.ones(len(keep))


def _cells_of(cloud: PointCloud, strata: Strata, keep: Ints | slice = slice(None)) -> tuple[Ints, Ints]:
    """Cell numbers (k, 2) of points, and the sixteenth of it (k,) they lie in."""
    plan = cloud.origin[:2] * cloud.unit[0] + cloud.xyz[keep, :2].astype(np.float64)
    fine = np.floor(plan / (strata.cell / _PARTS)).astype(np.int64)
    cells = fine // _PARTS
    x, y = (fine - _PARTS * cells).T
    return cells, _PARTS * x + y


def _unique_cells(cells: Ints) -> tuple[Ints, Ints]:
    """Distinct rows (m, 2), sorted, and the row of each."""
    if not len(cells):
        return np.zeros((0, 2), dtype=np.int64), np.zeros(0, dtype=np.int64)
    low = cells.min(axis=0)
    span = int(np.ptp(cells[:, 1])) + 1
    key, row = np.unique((cells[:, 0] - low[0]) * span + cells[:, 1] - low[1], return_inverse=True)
    return np.column_stack([key // span, key % span]) + low, row


def _rows(cells: Ints, wanted: Ints) -> Ints:
    """Row of each wanted cell (k, 2) among sorted cells (m, 2); m where it is not among them."""
    both, place = _unique_cells(np.concatenate([cells, wanted]))
    row = np.full(len(both), len(cells))
    row[place[: len(cells)]] = np.arange(len(cells))
    return row[place[len(cells) :]]
