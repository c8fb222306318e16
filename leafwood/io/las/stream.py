"""A LAS, LAZ or COPC file read in chunks, for those who do not want all of it in memory."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import ASPRS, BEFORE_FORMAT_6, ClassMeaning
from leafwood.errors import BadCloud, FileWarning
from leafwood.io.labels import our_name
from leafwood.io.las.crs import crs_of, parse_user_crs
from leafwood.io.las.extra import ExtraDim, describe_records
from leafwood.io.las.layout import Layout, read_layout
from leafwood.io.las.points import read_records
from leafwood.io.las.standard import standard_columns, standard_values

__all__ = ["LasStream", "open_las", "open_noting", "scalar_dims"]


@dataclass(frozen=True, eq=False)
class LasStream:
    """A file whose header has been read.

    Attributes:
        layout: where everything lies in it.
        step: (3,) metres per integer step of its coordinates.
        shift: (3,) metres of its offset.
        unit: metres per file unit, horizontal and vertical.
        crs: WKT, or None.
        meaning: of its class codes.
    """

    layout: Layout
    step: NDArray[np.float64]
    shift: NDArray[np.float64]
    unit: tuple[float, float]
    crs: str | None
    meaning: ClassMeaning

    @property
    def bounds(self) -> NDArray[np.float64]:
        """(2, 3) lower and upper corner as the header has them, metres."""
        return np.asarray(self.layout.bounds * np.array([self.unit[0], self.unit[0], self.unit[1]]))

    def chunks(
        self, columns: Collection[str], first: int = 0, stop: int | None = None
    ) -> Iterator[tuple[NDArray[np.int32], dict[str, NDArray[Any]]]]:
        """Points in file order, some hundred thousand at a time.

        Args:
            columns: to be read beside the coordinates, where the file has them.
            first: place of the first of them.
            stop: place after the last; None for all that follow.

        Yields:
            Coordinates (m, 3) in integer steps, and the columns by name (m,).

        Raises:
            BadFile: the points are damaged or cut short.
        """
        dims = scalar_dims(describe_records(self.layout)[0])
        there = (*standard_columns(self.layout.point_format)[3:], *dims)
        names = [name for name in there if name in columns]
        for records in read_records(self.layout, columns=names, first=first, stop=stop):
            values = {
                name: dims[name].values(records)
                if name in dims
                else standard_values(records, self.layout.point_format, name)
                for name in names
            }
            yield np.ascontiguousarray(records[:, :12]).view("<i4"), values


def open_las(path: Path, crs: str | None = None) -> LasStream:
    """Read a file's header, and say what is odd about it.

    Args:
        path: LAS, LAZ or COPC.
        crs: to be used in place of the file's own.

    Raises:
        BadFile: damaged, or not LAS.
        BadCloud: degrees or geocentric coordinates, or a scale that is no number.
        BadConfig: an unknown `crs`.
    """
    layout = read_layout(path)
    system = parse_user_crs(crs) if crs else crs_of(layout)
    for line in (*layout.warnings, *system.warnings):
        warnings.warn(f"{path}: {line}", FileWarning, stacklevel=2)
    system.require_metric(path)
    _check_scale(layout)
    metres = np.array([system.unit[0], system.unit[0], system.unit[1]])
    meaning = BEFORE_FORMAT_6 if layout.point_format < 6 else ASPRS
    return LasStream(layout, layout.scale * metres, layout.offset * metres, system.unit, system.wkt, meaning)


def open_noting(path: Path, crs: str | None = None) -> tuple[LasStream, tuple[str, ...]]:
    """The same as :func:`open_las`, and what is odd about the header in lines, for whoever will say it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FileWarning)
        source = open_las(path, crs)
    return source, tuple(str(item.message) for item in caught if issubclass(item.category, FileWarning))


def scalar_dims(extras: Iterable[ExtraDim]) -> dict[str, ExtraDim]:
    """Scalar extra dimensions; leafwood's own under leafwood's spelling, the first of several spellings."""
    found: dict[str, ExtraDim] = {}
    for dim in extras:
        if dim.dtype is not None:
            found.setdefault(our_name(dim.name) or dim.name, dim)
    return found


def _check_scale(layout: Layout) -> None:
    """Refuse a scale or an offset that gives no places.

    Raises:
        BadCloud: one of them is no number, or a scale is 0.
    """
    if layout.count and not (np.isfinite([layout.scale, layout.offset]).all() and layout.scale.all()):
        raise BadCloud(
            f"{layout.path}: scale {layout.scale.tolist()} with offset {layout.offset.tolist()} gives no places"
        )
