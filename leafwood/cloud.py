"""The point cloud that travels through leafwood: float64 origin, float32 local metres, named columns.

A UTM northing of 6 800 012.345 m does not fit a float32 (its spacing there is 0.5 m), so the origin is taken off in
float64 before anything is narrowed. Local coordinates are rounded to 10 µm, well below any scanner's noise and
well above float64 noise at 1e7 m: a scan and the same scan moved by 1e6 m have identical local coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import ASPRS, OUT_LEAF, OUT_NONE, OUT_WOOD, ClassMeaning
from leafwood.errors import BadCloud
from leafwood.shown import as_line, as_table

if TYPE_CHECKING:
    from leafwood.report.notebook import CellView

__all__ = ["PointCloud", "bounds", "far_away", "lower_corner", "plan_keys"]

Column = NDArray[Any]
_LOCAL_DECIMALS = 5
_APART = 1_000.0  # m beyond the body of a scan: a few points there are strays
_FAR = 50_000.0  # m beyond the body: nothing there is of the same scan, however many points
_BODY = 0.005  # quantile of each axis at which the body of a scan begins and, from above, ends
_FEW, _FEW_SHARE, _FEW_OF_SMALL = 20, 0.001, 0.05
_SAMPLE = 100_000
_ABREAST = 256  # rows that are taken for one
_CODES = frozenset({"classification", "return_number", "number_of_returns", "withheld"})
_LARGEST = 1e9  # m; what lies farther away is no place on earth
_NOWHERE = -1.0  # m from the lower corner, where points without coordinates, or with impossible ones, are put


@dataclass(frozen=True, eq=False, repr=False)
class PointCloud:
    """Points with attributes, in local metres.

    Attributes:
        xyz: (n, 3) float32, metres from `origin`.
        origin: (3,) float64, file units.
        columns: named (n,) arrays in point order, or (n, k) where a field has several values. Names are laspy's
            (``classification``, ``return_number``, ``number_of_returns``, ``gps_time``, ``withheld`` ...) and the extra
            dimensions' own.
        unit: metres per file unit, horizontal and vertical (0.3048 for feet).
        crs: WKT of the coordinate reference system, or None.
        path: the file it came from, or None.
        meaning: what the codes in the column ``classification`` mean in this file.
    """

    xyz: NDArray[np.float32]
    origin: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    columns: Mapping[str, Column] = field(default_factory=dict)
    unit: tuple[float, float] = (1.0, 1.0)
    crs: str | None = None
    path: Path | None = None
    meaning: ClassMeaning = ASPRS

    def __post_init__(self) -> None:
        if self.xyz.ndim != 2 or self.xyz.shape[1] != 3:
            raise BadCloud(f"expected xyz of shape (n, 3), got {self.xyz.shape}")
        for name, column in self.columns.items():
            if len(column) != len(self.xyz):
                raise BadCloud(f"column {name!r} has {len(column)} values for {len(self.xyz)} points")

    def __len__(self) -> int:
        return len(self.xyz)

    def __repr__(self) -> str:
        return as_line("PointCloud", self.summary())

    def _repr_html_(self) -> str:
        """What a notebook shows: counts, extent, labels and columns."""
        return as_table("PointCloud", self.summary())

    def view(self) -> CellView:
        """A labelled cloud in 3D in a notebook's cell; the public verb :func:`leafwood.view` as a method."""
        import leafwood

        return leafwood.view(self)

    def summary(self) -> Iterator[tuple[str, str]]:
        """What there is, a name and a few words each."""
        yield "points", f"{len(self):,}"
        if len(self):
            yield "extent", " x ".join(f"{edge:.1f}" for edge in np.ptp(self.xyz, axis=0)) + " m"
        if "leafwood" in self.columns:
            label = self.columns["leafwood"]
            named = ((OUT_LEAF, "leaf"), (OUT_WOOD, "wood"), (OUT_NONE, "not labelled"))
            yield "labels", "; ".join(f"{np.count_nonzero(label == code):,} {name}" for code, name in named)
        yield "columns", " ".join(f"{name}:{column.dtype}" for name, column in self.columns.items()) or "none"
        yield "CRS", self.crs.split('"')[1] if self.crs and '"' in self.crs else "none"
        if self.path is not None:
            yield "file", str(self.path)

    @classmethod
    def from_xyz(
        cls,
        xyz: NDArray[np.floating[Any]],
        columns: Mapping[str, Column] | None = None,
        *,
        unit: tuple[float, float] = (1.0, 1.0),
        crs: str | None = None,
        path: Path | None = None,
        unmeasured: bool = False,
    ) -> PointCloud:
        """Take absolute coordinates into local metres.

        Args:
            xyz: (n, 3) coordinates in file units, any float width (pass float64 for projected coordinates).
            columns: named (n,) arrays.
            unit: metres per file unit, horizontal and vertical.
            crs: WKT or None.
            path: the file, for messages.
            unmeasured: whether coordinates may be NaN or infinite, for points that were not measured, as in images of a
                scanner's rows and columns; they become strays.

        Returns:
            A cloud whose origin is the lower corner of its points, strays apart: points kilometres away would cost all
            others their precision (files with a few points at 0, 0, 0 are common).

        Raises:
            BadCloud: a wrong shape, or coordinates that are NaN, infinite, or too large to be places.
        """
        points = np.asarray(xyz, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 3:
            raise BadCloud(f"expected xyz of shape (n, 3), got {points.shape}")
        metres = np.array([unit[0], unit[0], unit[1]])
        measured = np.isfinite(points).all(axis=1)
        if not measured.all() and not (unmeasured and measured.any()):
            bad = int((~measured).sum())
            raise BadCloud(f"{bad} of {len(points)} points have NaN or infinite coordinates")
        with np.errstate(over="ignore", invalid="ignore"):
            origin = lower_corner(points[measured] if not measured.all() else points, metres)
            local = (points - origin) * metres
            beyond = measured & ~(np.abs(local) < _LARGEST).all(axis=1)
            if beyond.any() and not far_away(points[measured], metres)[beyond[measured]].all():
                raise BadCloud(f"{beyond.sum()} of {len(points)} points have coordinates too large to be places")
        local[~measured | beyond] = _NOWHERE
        return cls(
            xyz=np.round(local, _LOCAL_DECIMALS).astype(np.float32),
            origin=origin,
            columns={name: _known(name, np.asarray(column)) for name, column in (columns or {}).items()},
            unit=unit,
            crs=crs,
            path=path,
        )

    def strays(self) -> NDArray[np.bool_]:
        """Points so far from the others that they cannot belong to the same scan (n,); see :func:`far_away`."""
        if not len(self):
            return np.zeros(0, dtype=bool)
        known = bounds(self.xyz)
        far = far_away(self.xyz, np.ones(3), known)
        return far if (known[0] >= 0).all() else far | (self.xyz < 0).any(axis=1)

    def withheld(self) -> NDArray[np.bool_]:
        """Points that the file marks as withheld (n,); none where it does not say."""
        marked = self.columns.get("withheld")
        return np.zeros(len(self), dtype=bool) if marked is None else np.asarray(marked).astype(bool)

    def returns(self) -> NDArray[np.uint8]:
        """Return number and number of returns of each point's pulse (n, 2).

        Both are 0 where the file does not say, and everywhere if it says 1 of 1 everywhere: that is what is written
        where they are not known.
        """
        unknown = np.zeros(len(self), dtype=np.uint8)
        pair = [self.columns.get(name, unknown) for name in ("return_number", "number_of_returns")]
        table = np.column_stack([np.clip(column, 0, 255).astype(np.uint8) for column in pair])
        return table if table.max(initial=0) > 1 else np.zeros_like(table)

    def absolute(self) -> NDArray[np.float64]:
        """Coordinates in file units, (n, 3) float64."""
        metres = np.array([self.unit[0], self.unit[0], self.unit[1]])
        return np.asarray(self.origin + self.xyz / metres, dtype=np.float64)

    def select(self, index: NDArray[Any]) -> PointCloud:
        """The points at `index` (a mask or integer positions), same origin."""
        return replace(self, xyz=self.xyz[index], columns={k: v[index] for k, v in self.columns.items()})

    def with_columns(self, **columns: Column) -> PointCloud:
        """A copy with columns added or replaced."""
        return replace(self, columns={**self.columns, **columns})

    def under_preset(self, preset: str) -> PointCloud:
        """The cloud with its class codes read as a label preset means them.

        Raises:
            BadConfig: no such preset.
        """
        return replace(self, meaning=self.meaning.under_preset(preset))


def _known(name: str, column: Column) -> Column:
    """A column of codes as integers, NaN (unknown) as 0; other columns as they are."""
    if name not in _CODES or column.dtype.kind != "f":
        return column
    filled = np.nan_to_num(column, nan=0.0)
    whole = ((filled >= 0) & (filled <= 255) & (filled == np.round(filled))).all()
    return filled.astype(np.uint8) if whole else filled


def bounds(points: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Least and greatest values (d,) of the columns of a table (n, d), n >= 1.

    NumPy takes ten times as long for a minimum along the first axis of a narrow table as for those of its columns, and
    a quarter of that where many rows are taken for one.
    """
    return _extreme(points, np.minimum), _extreme(points, np.maximum)


def _extreme(points: NDArray[Any], of_two: np.ufunc) -> NDArray[Any]:
    """The least or the greatest value (d,) of each column of a table (n, d), whichever of two `of_two` takes."""
    whole = len(points) // _ABREAST * _ABREAST if points.flags.c_contiguous else 0
    if whole:
        abreast = of_two.reduce(points[:whole].reshape(-1, _ABREAST * points.shape[1]), axis=0)
        points = np.concatenate([abreast.reshape(_ABREAST, -1), points[whole:]])
    return np.array([of_two.reduce(column) for column in points.T])


def far_away(
    points: NDArray[Any], metres: NDArray[np.float64], known: tuple[NDArray[Any], NDArray[Any]] | None = None
) -> NDArray[np.bool_]:
    """Points so far from the others that they cannot belong to the same scan.

    The body of a scan reaches on each axis from the 0.5 % to the 99.5 % quantile (further in for small clouds). Points
    more than 1 km outside of it are strays where they are few (at most 0.1 % of the points, or 20 in a small cloud),
    such as records of zeros, coordinates at the limit of their integers, or faults of satellite navigation.
    Points more than 50 km outside are strays however many they are.

    Args:
        points: (n, 3) coordinates or integer steps.
        metres: (3,) metres per unit of `points`, of either sign.
        known: least and greatest values of the points, (3,) each, if they are known already.

    Returns:
        (n,) bool.
    """
    out = np.zeros(len(points), dtype=bool)
    if len(points) < 3:
        return out
    least, greatest = known or bounds(points)
    extent = (greatest.astype(np.float64) - least) * np.abs(metres)
    if (extent <= _APART).all():
        return out
    few = max(1.0, _FEW_SHARE * len(points), min(_FEW, _FEW_OF_SMALL * len(points)))
    sample = points[:: max(1, len(points) // _SAMPLE)].astype(np.float64)
    end = min(max(_BODY, 2 * few / len(points)), 0.4)  # so that the few of a small cloud lie outside
    low, high = np.quantile(sample, (end, 1 - end), axis=0, method="nearest")
    if ((high - low) * np.abs(metres) > _FAR).any():
        return out  # no body of a scan: nothing can be told to lie far from it
    outside = np.zeros(len(points))
    for axis in np.flatnonzero(extent > _APART):
        values = points[:, axis].astype(np.float64)
        beyond = np.maximum(low[axis] - values, values - high[axis]) * abs(metres[axis])
        outside = np.maximum(outside, beyond)
    apart = outside > _APART
    return np.asarray(apart if apart.sum() <= few else outside > _FAR)


def lower_corner(
    points: NDArray[Any], metres: NDArray[np.float64], known: tuple[NDArray[Any], NDArray[Any]] | None = None
) -> NDArray[Any]:
    """Least coordinates (3,) of the points that are no strays; zeros without points.

    Args:
        points: (n, 3) coordinates or integer steps.
        metres: (3,) metres per unit of `points`; where it is negative, the greatest integer is the least coordinate.
        known: least and greatest values of the points, (3,) each, if they are known already.
    """
    if not len(points):
        return np.zeros(3, dtype=points.dtype)
    low, high = known or bounds(points)
    if (np.abs((high - low) * metres) > _APART).any():
        strays = far_away(points, metres, (low, high))
        if strays.any() and not strays.all():
            low, high = bounds(points[~strays])
    return np.where(metres > 0, low, high)


def plan_keys(plan: NDArray[Any], edge: float) -> NDArray[np.int64]:
    """A number (n,) for the square of the plan that each point lies in; two squares within 2**31 edges never share one.

    Args:
        plan: (n, 2) metres, or whatever unit `edge` is in.
        edge: edge of the squares.
    """
    cells = np.floor(plan / edge).astype(np.int64)
    return np.asarray((cells[:, 0] << 32) ^ (cells[:, 1] & 0xFFFFFFFF))
