"""A virtual scan as a delivered file: LAS 1.4, point format 6, a CRS, the truth as extra dimensions."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from leafwood._version import __version__
from leafwood.cloud import PointCloud
from leafwood.io.target import writing

__all__ = ["write_scan"]

# Every virtual drone takes off at the same moment, 2025-06-02 10:00 UTC in adjusted standard GPS time: the same
# seed writes the same bytes.
_TAKE_OFF = 432_893_618.0
_DAY = date(2025, 6, 2)
_SCALE = 0.001
_TRUTH = {
    "gt_wood": "truth: 1 wood, 0 not wood",
    "gt_part": "truth: part of the plant",
    "gt_tree": "truth: tree, 0 none",
}
_PLAIN = (
    "return_number",
    "number_of_returns",
    "scan_angle",
    "point_source_id",
    "intensity",
    "classification",
)


def write_scan(
    cloud: PointCloud, path: Path, *, epsg: int = 32633, corner: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> None:
    """Write a cloud of :func:`~leafwood.simulate.scanners.scanner.scan` as LAZ, under a temporary name until done.

    Args:
        cloud: the points, in local metres.
        path: the target, ``.laz`` or ``.las``.
        epsg: code of the projected CRS.
        corner: easting, northing and height of the stand's local origin, m.
    """
    import laspy
    from pyproj import CRS

    header = laspy.LasHeader(version="1.4", point_format=6)
    header.scales = np.full(3, _SCALE)
    header.offsets = np.floor(np.array(corner))
    header.add_crs(CRS.from_epsg(epsg), keep_compatibility=False)
    header.global_encoding.gps_time_type = laspy.header.GpsTimeType.STANDARD
    header.system_identifier = "leafwood simulate"
    header.generating_software = f"leafwood {__version__}"
    header.creation_date = _DAY
    header.add_extra_dims(
        [laspy.ExtraBytesParams(name, np.uint16, description) for name, description in _TRUTH.items()]
        + [
            laspy.ExtraBytesParams(
                "gt_wood_share", np.uint16, "truth: echo energy from wood", offsets=np.zeros(1), scales=np.full(1, 1e-4)
            )
        ]
    )
    las = laspy.LasData(header)
    las.xyz = cloud.absolute() + np.array(corner)
    for name in (*_PLAIN, *_TRUTH, "gt_wood_share"):
        las[name] = cloud.columns[name]
    las.gps_time = cloud.columns["gps_time"] + _TAKE_OFF
    with writing(path, None, overwrite=True) as stream:
        las.write(stream, do_compress=path.suffix.lower() == ".laz")
