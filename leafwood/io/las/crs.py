"""The coordinate reference system of a LAS file: WKT or GeoTIFF keys in, WKT and metres per unit out."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyproj
from pyproj.exceptions import CRSError, ProjError

from leafwood.errors import BadCloud, BadConfig
from leafwood.io.las.layout import Layout

__all__ = ["PROJECTION", "WKT", "FileCrs", "crs_of", "parse_user_crs"]

PROJECTION = "LASF_Projection"
WKT = (PROJECTION, 2112)
_WKTS = (WKT, (PROJECTION, 4224))  # the second is WKT 2, from LAS 1.5 on
_GEOTIFF = (PROJECTION, 34735)
_MODEL, _GEOGRAPHIC, _PROJECTED, _LINEAR, _VERTICAL, _VERTICAL_UNIT = 1024, 2048, 3072, 3076, 4096, 4099
_DEGREES, _GEOCENTRIC = 2, 3
_LINEAR_UNITS = {9001: 1.0, 9002: 0.3048, 9003: 1200 / 3937, 9005: 0.3047972654}
_CODES = range(1024, 32767)


@dataclass(frozen=True)
class FileCrs:
    """What is known about a file's coordinates.

    Attributes:
        crs: the system, or None when the file has none that can be understood.
        unit: metres per file unit, horizontal and vertical (1 when unknown).
        problem: why the file cannot be labelled as it is (degrees, geocentric), or None.
        warnings: one line each.
    """

    crs: pyproj.CRS | None = None
    unit: tuple[float, float] = (1.0, 1.0)
    problem: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def wkt(self) -> str | None:
        """WKT 2:2019, or None."""
        return _wkt_of(self.crs) if self.crs is not None else None

    @property
    def epsg(self) -> int | None:
        """EPSG code of the system, or of its horizontal part."""
        if self.crs is None:
            return None
        plane = self.crs.sub_crs_list[0] if self.crs.sub_crs_list else self.crs
        try:
            code = self.crs.to_epsg() or plane.to_epsg()
        except ProjError:
            return None
        return int(code) if code else None

    def require_metric(self, path: Path | None) -> None:
        """Refuse coordinates that are not lengths.

        Raises:
            BadCloud: the system is geographic or geocentric.
        """
        if self.problem:
            raise BadCloud(f"{path}: {self.problem}")


def parse_user_crs(text: str) -> FileCrs:
    """A CRS given by the user: ``EPSG:25832``, WKT, PROJ string.

    Raises:
        BadConfig: PROJ does not know it.
    """
    try:
        return _from_crs(pyproj.CRS.from_user_input(text))
    except Exception as error:  # see `crs_of`
        raise BadConfig(f"{text!r} is no coordinate reference system that PROJ knows") from error


def crs_of(layout: Layout) -> FileCrs:
    """The CRS a file states: WKT first, then GeoTIFF keys; never raises."""
    warnings: list[str] = []
    for text in _wkt_texts(layout):
        try:
            return _from_crs(pyproj.CRS.from_wkt(text), tuple(warnings))
        except Exception:  # what a file holds may raise errors of pyproj's, of its parsers' and of Python's own
            warnings.append("its CRS (WKT) cannot be understood; units are taken as metres")
    keys = _geotiff_keys(layout)
    if keys:
        try:
            return _from_keys(keys, warnings)
        except Exception:
            warnings.append("its CRS (GeoTIFF keys) cannot be understood; units are taken as metres")
    return FileCrs(warnings=tuple(dict.fromkeys(warnings)) or ("has no CRS; units are taken as metres",))


def _wkt_texts(layout: Layout) -> Iterator[str]:
    bodies = [(v.key, v.body) for v in layout.vlrs if v.key in _WKTS]
    bodies += [(r.key, layout.evlr_body(r)) for r in layout.evlrs if r.key in _WKTS]
    for body in (body for key in _WKTS for found, body in bodies if found == key):
        text = body.split(b"\0", 1)[0].decode("utf-8", "replace").strip()
        if text:
            yield text


def _geotiff_keys(layout: Layout) -> dict[int, int]:
    """Keys whose value stands in the directory itself."""
    vlr = layout.find(*_GEOTIFF)
    if vlr is None or len(vlr.body) < 8:
        return {}
    number = struct.unpack_from("<H", vlr.body, 6)[0]
    fits = (len(vlr.body) - 8) // 8
    entries = [struct.unpack_from("<4H", vlr.body, 8 + 8 * i) for i in range(min(number, fits))]
    return {key: value for key, location, _, value in entries if location == 0}


def _from_keys(keys: dict[int, int], warnings: list[str]) -> FileCrs:
    crs = _epsg(keys.get(_PROJECTED)) if keys.get(_MODEL) != _DEGREES else None
    if crs is None and (keys.get(_MODEL) == _DEGREES or _PROJECTED not in keys):
        crs = _epsg(keys.get(_GEOGRAPHIC))
    linear = _LINEAR_UNITS.get(keys.get(_LINEAR, 0), 1.0)
    if crs is None:
        warnings.append("its CRS (GeoTIFF keys) cannot be understood; only its unit is used")
        problem = _problem(keys.get(_MODEL) == _DEGREES, keys.get(_MODEL) == _GEOCENTRIC)
        found = FileCrs(None, (linear, linear), problem)
    else:
        vertical = _epsg(keys.get(_VERTICAL))
        # Compound codes (EPSG:7415 ...) stand in the key of the projected system in some files.
        if vertical is not None and vertical.is_vertical and not crs.is_compound and not crs.is_geocentric:
            try:
                crs = pyproj.crs.CompoundCRS(f"{crs.name} + {vertical.name}", [crs, vertical])
            except ProjError:
                warnings.append(f"its vertical CRS ({vertical.name}) does not go with {crs.name} and is not used")
        found = _from_crs(crs)
    up = _LINEAR_UNITS.get(keys.get(_VERTICAL_UNIT, 0), found.unit[1])
    return FileCrs(found.crs, (found.unit[0], up), found.problem, tuple(warnings))


def _wkt_of(crs: pyproj.CRS) -> str | None:
    try:
        return str(crs.to_wkt())
    except ProjError:
        return None


def _epsg(code: int | None) -> pyproj.CRS | None:
    if code is None or code not in _CODES:
        return None
    try:
        return pyproj.CRS.from_epsg(code)
    except CRSError:
        return None


def _from_crs(crs: pyproj.CRS, warnings: tuple[str, ...] = ()) -> FileCrs:
    base = crs.source_crs if crs.is_bound and crs.source_crs is not None else crs
    parts = base.sub_crs_list or [base]
    plane = parts[0].source_crs if parts[0].is_bound and parts[0].source_crs is not None else parts[0]
    problem = _problem(plane.is_geographic, plane.is_geocentric)
    factors = [axis.unit_conversion_factor or 1.0 for axis in plane.axis_info]
    horizontal = factors[0] if factors else 1.0
    # Without a vertical system heights are in the unit of the map: that is how survey feet are delivered.
    up = factors[2] if len(factors) > 2 else horizontal
    for part in parts[1:]:
        if part.is_vertical and part.axis_info:
            up = part.axis_info[0].unit_conversion_factor or 1.0
    unit = (1.0, 1.0) if problem else (float(horizontal), float(up))
    return FileCrs(crs, unit, problem, warnings)


def _problem(degrees: bool, geocentric: bool) -> str | None:
    if degrees:
        return "its coordinates are degrees, not lengths; reproject it, or give the right projected CRS as `crs`"
    if geocentric:
        return "its coordinates are geocentric, so z is not up; reproject it to a projected CRS"
    return None
