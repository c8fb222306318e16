"""A cloud that came from no LAS file as LAZ 1.4, point format 6 or 7, every column of numbers kept."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import laspy
import numpy as np
import pyproj

from leafwood._version import __version__
from leafwood.cloud import PointCloud
from leafwood.errors import FileWarning
from leafwood.io.las.extra import free_name

__all__ = ["write_plain"]

_SCALE = 1e-4
_MOST_STEPS = 2**30
_DESCRIPTION = "from the source"


def write_plain(cloud: PointCloud, target: Path, skip: Iterable[str] = ()) -> None:
    """Write a cloud's points and columns.

    Columns with a LAS dimension's name go there, as far as their values fit; all others become extra dimensions, names
    cut to 32 bytes. Coordinates are in file units with steps of 1e-4, or coarser where the cloud is larger than 100 km.

    Args:
        cloud: the points.
        target: ``.las`` or ``.laz``, replaced if it is there.
        skip: columns to leave out.
    """
    colours = {"red", "green", "blue"} <= set(cloud.columns)
    header = laspy.LasHeader(version="1.4", point_format=7 if colours else 6)
    header.generating_software = f"leafwood {__version__}"
    header.system_identifier = "leafwood"
    xyz = cloud.absolute()
    extent = float(np.ptp(xyz, axis=0).max()) if len(cloud) else 0.0
    header.scales = np.full(3, max(_SCALE, extent / _MOST_STEPS))
    header.offsets = np.floor(cloud.origin)
    if cloud.crs:
        header.add_crs(pyproj.CRS.from_wkt(cloud.crs), keep_compatibility=False)
    header.global_encoding.wkt = True
    columns = {name: np.asarray(c) for name, c in cloud.columns.items() if name not in set(skip)}
    lost = [name for name, c in columns.items() if c.ndim != 1 or c.dtype.kind not in "buif"]
    if lost:
        what = f"fields that LAS has no room for are not written: {', '.join(lost)}"
        warnings.warn(f"{cloud.path or 'the cloud'}: {what}", FileWarning, stacklevel=2)
    columns = {name: c for name, c in columns.items() if name not in lost}
    standard = set(header.point_format.dimension_names)
    fits = {name for name, column in columns.items() if name in standard and _fits(name, column, header)}
    names = _extra_names([name for name in columns if name not in fits], standard)
    header.add_extra_dims(
        [laspy.ExtraBytesParams(new, _las_type(columns[old]), description=_DESCRIPTION) for old, new in names.items()]
    )
    las = laspy.LasData(header)
    las.xyz = xyz
    for name in fits:
        las[name] = columns[name]
    for old, new in names.items():
        las[new] = columns[old].astype(_las_type(columns[old]))
    las.write(target)


def _las_type(column: np.ndarray[Any, np.dtype[Any]]) -> np.dtype[Any]:
    if column.dtype.kind == "b":
        return np.dtype(np.uint8)
    return np.dtype(np.float32) if column.dtype == np.float16 else column.dtype.newbyteorder("<")


def _fits(name: str, column: np.ndarray[Any, np.dtype[Any]], header: laspy.LasHeader) -> bool:
    """Whether every value survives in the LAS dimension of that name."""
    info = header.point_format.dimension_by_name(name)
    if column.dtype.kind == "b" or info.kind.name == "FloatingPoint":
        return True
    if not len(column):
        return True
    whole = column.dtype.kind in "ui" or bool((np.isfinite(column) & (column == np.round(column))).all())
    return whole and info.min <= column.min() and column.max() <= info.max


def _extra_names(names: Iterable[str], taken: set[str]) -> dict[str, str]:
    """Unique names of at most 32 bytes."""
    out: dict[str, str] = {}
    for name in names:
        out[name] = free_name(name or "column", taken | set(out.values()))
    return out
