"""What a file contains, and whether it could be labelled: the facts that `leafwood info` prints."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import OUT_LEAF, OUT_NONE, OUT_WOOD
from leafwood.cloud import PointCloud, plan_keys
from leafwood.errors import FileWarning
from leafwood.io.labels import LEAFWOOD, our_name
from leafwood.io.las.crs import crs_of
from leafwood.io.las.extra import describe_records
from leafwood.io.las.layout import Layout, read_layout
from leafwood.io.las.points import read_records
from leafwood.io.las.records import Record, Vlr
from leafwood.io.las.standard import standard_values
from leafwood.io.loaders import is_las, read

__all__ = ["FileInfo", "describe"]

_TYPE_NAMES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64")
_CELL = 1.0  # metres
_CODES = (OUT_NONE, OUT_LEAF, OUT_WOOD)


@dataclass(frozen=True, eq=False)
class FileInfo:
    """What is known about a file.

    Attributes:
        path: the file.
        kind: such as ``LAS 1.4`` or ``text``.
        count: points.
        bounds: (2, 3) lower and upper corner in file units, or None without points.
        unit: metres per file unit, horizontal and vertical.
        point_format: LAS point format, or None.
        compressed: whether it is LAZ.
        copc: whether it is COPC.
        crs_name: name of the CRS, or None.
        epsg: its EPSG code, or None.
        vlrs: ``user/number description`` of each variable length record.
        evlrs: ``user/number description`` of each extended variable length record.
        extra_dims: ``name type [description]`` of each extra dimension.
        system: what made the points.
        software: what wrote the file.
        classes: points by `classification`, or None when not counted.
        returns: points by return number, or None when not counted.
        labels: points by `leafwood` code of an earlier run, or None.
        density: points per m², over the 1 m cells that have any, or None when not counted.
        problem: why segment would refuse the file, or None.
        warnings: what is odd, one line each.
    """

    path: Path
    kind: str
    count: int
    bounds: NDArray[np.float64] | None
    unit: tuple[float, float] = (1.0, 1.0)
    point_format: int | None = None
    compressed: bool = False
    copc: bool = False
    crs_name: str | None = None
    epsg: int | None = None
    vlrs: tuple[str, ...] = ()
    evlrs: tuple[str, ...] = ()
    extra_dims: tuple[str, ...] = ()
    system: str = ""
    software: str = ""
    classes: Mapping[int, int] | None = None
    returns: Mapping[int, int] | None = None
    labels: Mapping[int, int] | None = None
    density: float | None = None
    problem: str | None = None
    warnings: tuple[str, ...] = field(default=())


def describe(path: Path | str, *, full: bool = True) -> FileInfo:
    """Look at a file.

    Args:
        path: the file.
        full: read all points too, for classes, returns and density; otherwise LAS headers alone are read.

    Raises:
        BadFile: missing, damaged, or of an unknown format.
        BadCloud: a file that is not LAS with NaN or infinite coordinates.
    """
    path = Path(path)
    if path.is_file() and is_las(path):
        return _describe_las(path, full)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FileWarning)
        cloud = read(path)
    lines = tuple(str(warning.message).removeprefix(f"{path}: ") for warning in caught)
    return _describe_cloud(path, cloud, lines)


def _describe_las(path: Path, full: bool) -> FileInfo:
    layout = read_layout(path)
    crs = crs_of(layout)
    dims, _ = describe_records(layout)
    counted = _Counts(layout.scale * np.array([crs.unit[0], crs.unit[0], crs.unit[1]]))
    if full:
        leafwood = next((dim for dim in dims if our_name(dim.name) == LEAFWOOD and dim.dtype is not None), None)
        for records in read_records(layout):
            counted.add(
                np.ascontiguousarray(records[:, :12]).view("<i4"),
                standard_values(records, layout.point_format, "classification"),
                standard_values(records, layout.point_format, "return_number"),
                leafwood.values(records) if leafwood else None,
            )
    return FileInfo(
        path=path,
        kind=f"LAS 1.{layout.minor}",
        count=layout.count,
        bounds=layout.bounds if layout.count else None,
        unit=crs.unit,
        point_format=layout.point_format,
        compressed=layout.compressed,
        copc=layout.is_copc,
        crs_name=crs.crs.name if crs.crs is not None else None,
        epsg=crs.epsg,
        vlrs=_names(layout.vlrs),
        evlrs=_names(layout.evlrs),
        extra_dims=tuple(f"{d.name} {_type_name(d.raw[2])} {d.description}".rstrip() for d in dims),
        system=layout.system_identifier,
        software=layout.software,
        classes=counted.classes if full else None,
        returns=counted.returns if full else None,
        labels=counted.label_codes() if full else None,
        density=counted.density() if full else None,
        problem=crs.problem or _problem(layout),
        warnings=(*layout.warnings, *crs.warnings),
    )


def _describe_cloud(path: Path, cloud: PointCloud, lines: tuple[str, ...]) -> FileInfo:
    counted = _Counts(np.ones(3))
    number = cloud.columns.get("classification")
    counted.add(cloud.xyz, number, cloud.columns.get("return_number"), cloud.columns.get("leafwood"))
    bounds = np.stack([cloud.absolute().min(axis=0), cloud.absolute().max(axis=0)]) if len(cloud) else None
    no_crs = () if cloud.crs else ("has no CRS; units are taken as metres",)
    return FileInfo(
        path=path,
        kind=path.suffix.lstrip(".").upper() or "unknown",
        count=len(cloud),
        bounds=bounds,
        unit=cloud.unit,
        extra_dims=tuple(f"{name} {column.dtype}" for name, column in cloud.columns.items()),
        classes=counted.classes or None,
        returns=counted.returns or None,
        labels=counted.label_codes(),
        density=counted.density(),
        warnings=(*lines, *no_crs),
    )


def _problem(layout: Layout) -> str | None:
    numbers = np.concatenate([layout.scale, layout.offset])
    return None if np.isfinite(numbers).all() and layout.scale.all() else "its scale or offset is no usable number"


def _names(records: Iterable[Vlr | Record]) -> tuple[str, ...]:
    return tuple(f"{r.user}/{r.record_id} {r.description}".rstrip() for r in records)


def _type_name(kind: int) -> str:
    if kind == 0:
        return "bytes"
    name = _TYPE_NAMES[(kind - 1) % len(_TYPE_NAMES)]
    return name if kind <= len(_TYPE_NAMES) else f"{name}[{(kind - 1) // len(_TYPE_NAMES) + 1}]"


class _Counts:
    """Histograms and occupied cells, gathered chunk by chunk."""

    def __init__(self, step: NDArray[np.float64]) -> None:
        self._step = step
        self._cells = np.empty(0, dtype=np.int64)
        self._points = 0
        self.classes: dict[int, int] = {}
        self.returns: dict[int, int] = {}
        self.labels: dict[float, int] = {}

    def add(
        self,
        places: NDArray[Any],
        classes: NDArray[Any] | None,
        returns: NDArray[Any] | None,
        labels: NDArray[Any] | None,
    ) -> None:
        for counts, column in ((self.classes, classes), (self.returns, returns)):
            if column is not None and column.dtype.kind in "bui":
                for value, number in zip(*np.unique(column, return_counts=True), strict=True):
                    counts[int(value)] = counts.get(int(value), 0) + int(number)
        if labels is not None and labels.dtype.kind in "buif":
            for value, number in zip(*np.unique(labels, return_counts=True), strict=True):
                self.labels[float(value)] = self.labels.get(float(value), 0) + int(number)
        self._points += len(places)
        if np.isfinite(self._step).all():
            self._cells = np.union1d(self._cells, plan_keys(places[:, :2] * self._step[:2], _CELL))

    def label_codes(self) -> dict[int, int] | None:
        """Points by label, or None where there are none, or where the field `leafwood` is somebody else's."""
        if not self.labels or not set(self.labels) <= set(_CODES):
            return None
        return {int(code): number for code, number in self.labels.items()}

    def density(self) -> float | None:
        """Points per m² of the cells that have any."""
        return self._points / (len(self._cells) * _CELL**2) if len(self._cells) else None
