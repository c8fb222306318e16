"""The point cloud that travels through leafwood: float64 origin, float32 local metres, named columns.

A UTM northing of 6 800 012.345 m does not fit a float32 (its spacing there is 0.5 m), so the origin is taken off in
float64 before anything is narrowed. Local coordinates are rounded to 10 µm, well below any scanner's noise and
well above float64 noise at 1e7 m: a scan and the same scan moved by 1e6 m have identical local coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import OUT_LEAF, OUT_NONE, OUT_WOOD
from leafwood.errors import BadCloud

if TYPE_CHECKING:
    from leafwood.report.notebook import CellView

__all__ = ["PointCloud"]

Column = NDArray[Any]
_LOCAL_DECIMALS = 5
_FAR = 50_000.0  # m


@dataclass(frozen=True, eq=False, repr=False)
class PointCloud:
    """Points with attributes, in local metres.

    Attributes:
        xyz: (n, 3) float32, metres from `origin`.
        origin: (3,) float64, file units.
        columns: named (n,) arrays in point order. Names are laspy's (``classification``, ``return_number``,
            ``number_of_returns``, ``gps_time``, ``withheld`` ...) and the extra dimensions' own.
        unit: metres per file unit, horizontal and vertical (0.3048 for feet).
        crs: WKT of the coordinate reference system, or None.
        path: the file it came from, or None.
    """

    xyz: NDArray[np.float32]
    origin: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    columns: Mapping[str, Column] = field(default_factory=dict)
    unit: tuple[float, float] = (1.0, 1.0)
    crs: str | None = None
    path: Path | None = None

    def __post_init__(self) -> None:
        if self.xyz.ndim != 2 or self.xyz.shape[1] != 3:
            raise BadCloud(f"expected xyz of shape (n, 3), got {self.xyz.shape}")
        for name, column in self.columns.items():
            if len(column) != len(self.xyz):
                raise BadCloud(f"column {name!r} has {len(column)} values for {len(self.xyz)} points")

    def __len__(self) -> int:
        return len(self.xyz)

    def __repr__(self) -> str:
        return f"PointCloud({', '.join(f'{name}: {value}' for name, value in self._summary())})"

    def _repr_html_(self) -> str:
        """What a notebook shows: counts, extent, labels and columns."""
        row = "<tr><th style='text-align:left'>{}</th><td style='text-align:left'>{}</td></tr>"
        rows = "".join(row.format(escape(name), escape(value)) for name, value in self._summary())
        return f"<table><caption style='text-align:left'>PointCloud</caption>{rows}</table>"

    def view(self) -> CellView:
        """A labelled cloud in 3D in a notebook's cell; the public verb :func:`leafwood.view` as a method."""
        import leafwood

        return leafwood.view(self)

    def _summary(self) -> Iterator[tuple[str, str]]:
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
    ) -> PointCloud:
        """Take absolute coordinates into local metres.

        Args:
            xyz: (n, 3) coordinates in file units, any float width (pass float64 for projected coordinates).
            columns: named (n,) arrays.
            unit: metres per file unit, horizontal and vertical.
            crs: WKT or None.
            path: the file, for messages.

        Returns:
            A cloud whose origin is the lower corner of its points, strays apart: points more than 50 km from the median
            would cost all others their precision (files with a few points at 0, 0, 0 are common).

        Raises:
            BadCloud: a wrong shape, or coordinates that are NaN or infinite.
        """
        points = np.asarray(xyz, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 3:
            raise BadCloud(f"expected xyz of shape (n, 3), got {points.shape}")
        if not np.isfinite(points).all():
            bad = int((~np.isfinite(points).all(axis=1)).sum())
            raise BadCloud(f"{bad} of {len(points)} points have NaN or infinite coordinates")
        origin = _lower_corner(points, unit[0])
        local = (points - origin) * np.array([unit[0], unit[0], unit[1]])
        return cls(
            xyz=np.round(local, _LOCAL_DECIMALS).astype(np.float32),
            origin=origin,
            columns=dict(columns or {}),
            unit=unit,
            crs=crs,
            path=path,
        )

    def strays(self) -> NDArray[np.bool_]:
        """Points so far from the others that they cannot belong to the same scan (n,)."""
        return np.asarray(((self.xyz < 0) | (self.xyz > 2 * _FAR)).any(axis=1))

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


def _lower_corner(points: NDArray[np.float64], unit: float) -> NDArray[np.float64]:
    """Least coordinates (3,) of the points near the median."""
    if not len(points):
        return np.zeros(3)
    corner = points.min(axis=0)
    if np.all(np.ptp(points, axis=0) * unit < _FAR):
        return corner
    middle = np.median(points[:: max(1, len(points) // 100_000)], axis=0)
    near = points[np.all(np.abs(points - middle) * unit < _FAR, axis=1)]
    return near.min(axis=0) if len(near) else corner
