"""LAS, LAZ and COPC into a :class:`~leafwood.cloud.PointCloud`: LAS 1.0 to 1.5, point formats 0 to 10, in chunks."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from laspy.point import dims as las_dims
from laspy.point.format import PointFormat
from numpy.typing import NDArray

from leafwood.classes import PRESETS
from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud, BadFile, FileWarning
from leafwood.io.las.crs import crs_of, parse_user_crs
from leafwood.io.las.extra import ExtraDim, describe_records
from leafwood.io.las.labels import EQUAL_MEANING, WOOD_PROB
from leafwood.io.las.layout import Layout, read_layout
from leafwood.io.las.points import read_records

__all__ = ["read_las", "standard_columns", "standard_values"]

_DEFAULT = (
    "classification",
    "return_number",
    "number_of_returns",
    "scan_angle",
    "scan_angle_rank",
    "withheld",
    "intensity",
    "gps_time",
    "point_source_id",
)
_LABELS = frozenset(name for preset in PRESETS.values() for name in preset.columns) | {"wood_prob"}
_LOCAL_DECIMALS = 5  # PointCloud rounds to 10 µm
_LARGEST = 1e12  # metres; float32 overflows much later, but no scan is the size of the solar system


@cache
def _standard(point_format: int) -> dict[str, tuple[str, int]]:
    """Dimension -> the record's field it lies in, and its bit mask (0: the whole field)."""
    fields = {name: (name, 0) for name in PointFormat(point_format).dtype().names or ()}
    for field, parts in las_dims.COMPOSED_FIELDS[point_format].items():
        fields.pop(field)
        fields.update({part.name: (field, int(part.mask)) for part in parts})
    return fields


def standard_columns(point_format: int) -> tuple[str, ...]:
    """The dimensions of a point format under the names laspy gives them, X, Y, Z first."""
    return tuple(_standard(point_format))


def standard_values(records: NDArray[np.uint8], point_format: int, name: str) -> NDArray[Any]:
    """Values (m,) of one standard dimension of (m, length) records, bit fields unpacked."""
    field, mask = _standard(point_format)[name]
    dtype, start = (PointFormat(point_format).dtype().fields or {})[field][:2]
    values = np.ascontiguousarray(records[:, start : start + dtype.itemsize]).view(dtype)[:, 0]
    if mask == 0:
        return values
    shift = (mask & -mask).bit_length() - 1
    return np.asarray((values & mask) >> shift, dtype=np.uint8)


def read_las(path: Path | str, columns: Collection[str] | None = None, *, crs: str | None = None) -> PointCloud:
    """Read a LAS, LAZ or COPC file.

    Args:
        path: the file; its content decides what it is.
        columns: exactly these columns, where the file has them. By default classification, returns, scan angle,
            withheld, intensity, GPS time, point source, and extra dimensions that hold labels
            (:data:`~leafwood.classes.PRESETS`, ``gt_*``).
        crs: to be used in place of the file's own, such as ``EPSG:25832``.

    Returns:
        The cloud in file order. ``withheld`` is bool, scaled extra dimensions are float64. The ``wood_prob`` of version
        0.1.0, which holds where leaf and wood are equally common, is called ``wood_prob_equal``.

    Raises:
        BadFile: damaged, cut short, or not LAS.
        BadCloud: degrees or geocentric coordinates, or a scale or offset that is no number.
        BadConfig: an unknown `crs`.
    """
    path = Path(path)
    layout = read_layout(path)
    system = parse_user_crs(crs) if crs else crs_of(layout)
    for line in (*layout.warnings, *system.warnings):
        warnings.warn(f"{path}: {line}", FileWarning, stacklevel=2)
    system.require_metric(path)
    _check_scale(layout)
    extras, _ = describe_records(layout)
    try:
        raw, values = _read_columns(layout, _wanted(layout, extras, columns), extras)
    except MemoryError as error:
        raise BadFile(f"{path}: {layout.count} points do not fit into memory") from error
    if any(dim.name == WOOD_PROB and dim.description == EQUAL_MEANING for dim in extras) and WOOD_PROB in values:
        values["wood_prob_equal"] = values.pop(WOOD_PROB)
    low = raw.min(axis=0) if len(raw) else np.zeros(3, dtype=np.int32)
    high = raw.max(axis=0) if len(raw) else low
    corner = np.where(layout.scale > 0, low, high)
    step = layout.scale * np.array([system.unit[0], system.unit[0], system.unit[1]])
    with np.errstate(over="ignore"):
        extent = np.abs((high.astype(np.float64) - low) * step)
    if len(raw) and not (extent < _LARGEST).all():
        raise BadCloud(f"{path}: with scale {layout.scale.tolist()} its points lie too far apart to be places")
    return PointCloud(
        xyz=_local(raw, corner, step),
        origin=corner * layout.scale + layout.offset if len(raw) else np.zeros(3),
        columns=values,
        unit=system.unit,
        crs=system.wkt,
        path=path,
    )


def _check_scale(layout: Layout) -> None:
    if layout.count and not (np.isfinite([layout.scale, layout.offset]).all() and layout.scale.all()):
        raise BadCloud(
            f"{layout.path}: scale {layout.scale.tolist()} with offset {layout.offset.tolist()} gives no places"
        )


def _wanted(layout: Layout, extras: Iterable[ExtraDim], columns: Collection[str] | None) -> list[str]:
    scalars = [dim.name for dim in extras if dim.dtype is not None]
    there = [*standard_columns(layout.point_format)[3:], *scalars]
    if columns is not None:
        return [name for name in there if name in columns]
    return [name for name in there if name in _DEFAULT or (name in scalars and _is_label(name))]


def _is_label(name: str) -> bool:
    return name in _LABELS or name.startswith("gt_")


def _read_columns(
    layout: Layout, names: list[str], extras: Iterable[ExtraDim]
) -> tuple[NDArray[np.int32], dict[str, NDArray[Any]]]:
    by_name = {dim.name: dim for dim in extras if dim.dtype is not None}
    fmt, count = layout.point_format, layout.count
    raw = np.empty((0, 3), dtype=np.int32)
    columns: dict[str, NDArray[Any]] = {}
    start = 0
    for records in read_records(layout):
        if start == 0:  # not before the first chunk has shown that there are points at all
            raw = np.empty((count, 3), dtype=np.int32)
        stop = start + len(records)
        raw[start:stop] = np.ascontiguousarray(records[:, :12]).view("<i4")
        for name in names:
            extra = by_name.get(name)
            part = extra.values(records) if extra else standard_values(records, fmt, name)
            if start == 0:
                columns[name] = np.empty(count, dtype=bool if name == "withheld" else part.dtype)
            columns[name][start:stop] = part
        start = stop
    for name in names if count == 0 else ():
        columns[name] = np.empty(0, dtype=bool if name == "withheld" else np.float64)
    return raw, columns


def _local(raw: NDArray[np.int32], corner: NDArray[Any], step: NDArray[np.float64]) -> NDArray[np.float32]:
    """Metres from the corner. Integers are subtracted first, so a moved scan has exactly the same local coordinates."""
    local = np.empty(raw.shape, dtype=np.float32)
    for axis in range(3):
        difference = raw[:, axis].astype(np.int64) - int(corner[axis])
        local[:, axis] = np.round(difference * step[axis], _LOCAL_DECIMALS)
    return local
