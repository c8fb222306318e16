"""LAS, LAZ and COPC into a :class:`~leafwood.cloud.PointCloud`: LAS 1.0 to 1.5, point formats 0 to 10, in chunks."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import PRESETS
from leafwood.cloud import PointCloud, bounds, lower_corner
from leafwood.errors import BadCloud, BadFile, FileWarning
from leafwood.io.labels import OURS, WOOD_PROB
from leafwood.io.las.extra import ExtraDim, describe_records
from leafwood.io.las.labels import EQUAL_MEANING
from leafwood.io.las.layout import Layout
from leafwood.io.las.standard import standard_columns
from leafwood.io.las.stream import LasStream, open_las, scalar_dims

__all__ = ["read_las"]

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
_LABELS = frozenset(name for preset in PRESETS.values() for name in preset.columns) | set(OURS)
_LOCAL_DECIMALS = 5  # PointCloud rounds to 10 µm
_LEAST, _GREATEST = -(2**31), 2**31 - 1
_WRAPPED = 0.9 * 2**32
_LARGEST = 1e12  # metres; float32 overflows much later, but no scan is the size of the solar system


def read_las(
    path: Path | str, columns: Collection[str] | None = None, *, crs: str | None = None, extra: Collection[str] = ()
) -> PointCloud:
    """Read a LAS, LAZ or COPC file.

    Args:
        path: the file; its content decides what it is.
        columns: exactly these columns, where the file has them. By default classification, returns, scan angle,
            withheld, intensity, GPS time, point source, and extra dimensions that hold labels
            (:data:`~leafwood.classes.PRESETS`, ``gt_*``).
        crs: to be used in place of the file's own, such as ``EPSG:25832``.
        extra: more extra dimensions, beside those by default.

    Returns:
        The cloud in file order. ``withheld`` is bool, scaled extra dimensions are float64. The ``wood_prob`` of version
        0.1.0, which holds where leaf and wood are equally common, is called ``wood_prob_equal``.

    Raises:
        BadFile: damaged, cut short, or not LAS.
        BadCloud: degrees or geocentric coordinates, or a scale or offset that is no number.
        BadConfig: an unknown `crs`.
    """
    path = Path(path)
    source = open_las(path, crs)
    layout = source.layout
    extras, _ = describe_records(layout)
    try:
        raw, values = _read_columns(source, _wanted(layout, extras, columns, extra))
    except MemoryError as error:
        raise BadFile(f"{path}: {layout.count} points do not fit into memory") from error
    if any(dim.name == WOOD_PROB and dim.description == EQUAL_MEANING for dim in extras) and WOOD_PROB in values:
        values["wood_prob_equal"] = values.pop(WOOD_PROB)
    low, high = (edge.astype(np.int64) for edge in (bounds(raw) if len(raw) else np.zeros((2, 3))))
    for line in _limits(raw, low, high):
        warnings.warn(f"{path}: {line}", FileWarning, stacklevel=2)
    step = source.step
    with np.errstate(over="ignore"):
        extent = np.abs((high - low) * step)
    if not (extent < _LARGEST).all():
        raise BadCloud(f"{path}: with scale {layout.scale.tolist()} its points lie too far apart to be places")
    corner = lower_corner(raw, step, (low, high))
    return PointCloud(
        xyz=_local(raw, corner, step),
        origin=corner * layout.scale + layout.offset if len(raw) else np.zeros(3),
        columns=values,
        unit=source.unit,
        crs=source.crs,
        path=path,
        meaning=source.meaning,
    )


def _limits(raw: NDArray[np.int32], low: NDArray[np.int64], high: NDArray[np.int64]) -> list[str]:
    """What is to be said of coordinates that an integer of 32 bits did not hold when they were written."""
    lines = []
    if (low == _LEAST).any() or (high == _GREATEST).any():
        at = (raw == _LEAST) | (raw == _GREATEST)
        axes = ", ".join(axis for axis, there in zip("XYZ", at.any(axis=0), strict=True) if there)
        lines.append(
            f"{at.any(axis=1).sum():,} of {len(raw):,} points have {axes} at the limit of their integers: the program "
            "that wrote the file had no room for them; write it again with another offset or a coarser scale"
        )
    wrapped = (high - low > _WRAPPED) & (low > _LEAST) & (high < _GREATEST)
    if wrapped.any():
        axes = ", ".join(axis for axis, there in zip("XYZ", wrapped, strict=True) if there)
        lines.append(
            f"{axes} cover the whole range of their integers: they have probably overflowed when it was written"
        )
    return lines


def _wanted(
    layout: Layout, extras: Iterable[ExtraDim], columns: Collection[str] | None, extra: Collection[str]
) -> list[str]:
    scalars = list(scalar_dims(extras))
    there = [*standard_columns(layout.point_format)[3:], *scalars]
    if columns is not None:
        return [name for name in there if name in columns]
    return [name for name in there if name in _DEFAULT or name in extra or (name in scalars and _is_label(name))]


def _is_label(name: str) -> bool:
    return name in _LABELS or name.startswith("gt_")


def _read_columns(source: LasStream, names: list[str]) -> tuple[NDArray[np.int32], dict[str, NDArray[Any]]]:
    count = source.layout.count
    raw = np.empty((0, 3), dtype=np.int32)
    columns: dict[str, NDArray[Any]] = {}
    start = 0
    for places, values in source.chunks(names):
        if start == 0:  # not before the first chunk has shown that there are points at all
            raw = np.empty((count, 3), dtype=np.int32)
        stop = start + len(places)
        raw[start:stop] = places
        for name in names:
            part = values[name]
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
