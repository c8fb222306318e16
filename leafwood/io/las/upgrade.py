"""Point formats 0 to 5 as 6 to 10 of LAS 1.4, whose classes reach beyond 31: what `--upgrade` does.

Field by field after the tables of LAS 1.4 R15. Class 12, which meant overlap, keeps its code and gains the flag.
"""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pyproj.exceptions import CRSError

from leafwood.io.las.crs import PROJECTION, WKT, FileCrs
from leafwood.io.las.layout import HEADER_SIZES, RECORD_SIZES, Layout
from leafwood.io.las.records import Vlr

__all__ = ["UPGRADES", "WKT_BIT", "upgrade_header", "upgrade_records", "wkt_vlr"]

UPGRADES = {0: 6, 1: 6, 2: 7, 3: 7, 4: 9, 5: 10}
WKT_BIT = 0x10
_OVERLAP_CLASS = 12
_ANGLE_STEP = 0.006
# Point format -> where its fields start, and those of the format it becomes: (from, to, bytes).
_MOVES: dict[int, tuple[tuple[int, int, int], ...]] = {
    0: (),
    1: ((20, 22, 8),),
    2: ((20, 30, 6),),
    3: ((20, 22, 8), (28, 30, 6)),
    4: ((20, 22, 8), (28, 30, 29)),
    5: ((20, 22, 8), (28, 30, 6), (34, 38, 29)),
}


def upgrade_records(records: NDArray[np.uint8], point_format: int) -> NDArray[np.uint8]:
    """The (m, length) records of point format 0 to 5 as records of :data:`UPGRADES`, extra bytes behind them."""
    old, new = RECORD_SIZES[point_format], RECORD_SIZES[UPGRADES[point_format]]
    out = np.zeros((len(records), records.shape[1] - old + new), dtype=np.uint8)
    out[:, :14] = records[:, :14]  # X, Y, Z, intensity
    bits, classes = records[:, 14], records[:, 15]
    out[:, 14] = (bits & 0x07) | ((bits >> 3) & 0x07) << 4
    code = classes & 0x1F
    out[:, 15] = (classes >> 5) | (code == _OVERLAP_CLASS).astype(np.uint8) << 3 | (bits & 0xC0)
    out[:, 16] = code
    out[:, 17] = records[:, 17]  # user data
    angle = np.round(records[:, 16].view(np.int8) / _ANGLE_STEP).astype("<i2")
    out[:, 18:20] = angle.view(np.uint8).reshape(-1, 2)
    out[:, 20:22] = records[:, 18:20]  # point source
    for start, to, size in _MOVES[point_format]:
        out[:, to : to + size] = records[:, start : start + size]
    out[:, new:] = records[:, old:]
    return out


def upgrade_header(layout: Layout, crs: FileCrs) -> tuple[Layout, tuple[str, ...]]:
    """The layout with a LAS 1.4 header and a WKT CRS; its points are still the old ones.

    Returns:
        The layout, and warnings.
    """
    header = bytearray(layout.header[: HEADER_SIZES[layout.minor]].ljust(HEADER_SIZES[4], b"\0"))
    size = HEADER_SIZES[max(layout.minor, 4)]
    returns = np.zeros(15, dtype="<u8")
    returns[: len(layout.returns)] = layout.returns
    header[25] = max(layout.minor, 4)
    header[107:131] = bytes(24)  # legacy counts are zero in formats above 5
    struct.pack_into("<Q", header, 247, layout.count)
    header[255:375] = returns.tobytes()
    extra = layout.header[HEADER_SIZES[layout.minor] :]
    header += extra
    struct.pack_into("<H", header, 94, size + len(extra))
    vlrs = layout.vlrs
    has_keys = any(v.user == PROJECTION for v in vlrs)
    if crs.crs is None and has_keys:
        warning = (
            "its CRS cannot be written as WKT; the GeoTIFF keys stay, which LAS 1.4 does not allow in this format",
        )
        return replace(layout, header=bytes(header)), warning
    struct.pack_into("<H", header, 6, layout.global_encoding | WKT_BIT)
    if crs.crs is not None and not any(record.key == WKT for record in layout.evlrs):
        vlrs = (*(v for v in vlrs if v.user != PROJECTION), wkt_vlr(crs))
    return replace(layout, header=bytes(header), vlrs=vlrs), ()


def wkt_vlr(crs: FileCrs) -> Vlr:
    """The CRS as WKT 1, which the specification means and every reader knows; WKT 2 where 1 cannot say it."""
    assert crs.crs is not None
    try:
        text = crs.crs.to_wkt("WKT1_GDAL")
    except CRSError:
        text = crs.crs.to_wkt()
    return Vlr.new(*WKT, text.encode("utf-8") + b"\0", "OGC WKT")
