"""The dimensions that a point format has by itself, under the names laspy gives them.

laspy has the same tables, and importing it takes longer than reading a small scan; a test compares the two.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["standard_columns", "standard_values"]

Fields = dict[str, str]
Masks = dict[str, int]

# Fields of a record in their order, by NumPy's type; those whose bits are dimensions of their own are in the masks.
_PLACE: Fields = {"X": "<i4", "Y": "<i4", "Z": "<i4", "intensity": "<u2", "bit_fields": "u1"}
_TIME: Fields = {"gps_time": "<f8"}
_COLOUR: Fields = {"red": "<u2", "green": "<u2", "blue": "<u2"}
_INFRARED: Fields = {"nir": "<u2"}
_WAVE: Fields = {
    "wavepacket_index": "u1",
    "wavepacket_offset": "<u8",
    "wavepacket_size": "<u4",
    "return_point_wave_location": "<f4",
    "x_t": "<f4",
    "y_t": "<f4",
    "z_t": "<f4",
}
_BEFORE_6: Fields = _PLACE | {
    "raw_classification": "u1",
    "scan_angle_rank": "i1",
    "user_data": "u1",
    "point_source_id": "<u2",
}
_FROM_6: Fields = _PLACE | {
    "classification_flags": "u1",
    "classification": "u1",
    "user_data": "u1",
    "scan_angle": "<i2",
    "point_source_id": "<u2",
    **_TIME,
}
_FIELDS: tuple[Fields, ...] = (
    _BEFORE_6,
    _BEFORE_6 | _TIME,
    _BEFORE_6 | _COLOUR,
    _BEFORE_6 | _TIME | _COLOUR,
    _BEFORE_6 | _TIME | _WAVE,
    _BEFORE_6 | _TIME | _COLOUR | _WAVE,
    _FROM_6,
    _FROM_6 | _COLOUR,
    _FROM_6 | _COLOUR | _INFRARED,
    _FROM_6 | _WAVE,
    _FROM_6 | _COLOUR | _INFRARED | _WAVE,
)
_MASKS_BEFORE_6: dict[str, Masks] = {
    "bit_fields": {
        "return_number": 0x07,
        "number_of_returns": 0x38,
        "scan_direction_flag": 0x40,
        "edge_of_flight_line": 0x80,
    },
    "raw_classification": {"classification": 0x1F, "synthetic": 0x20, "key_point": 0x40, "withheld": 0x80},
}
_MASKS_FROM_6: dict[str, Masks] = {
    "bit_fields": {"return_number": 0x0F, "number_of_returns": 0xF0},
    "classification_flags": {
        "synthetic": 0x01,
        "key_point": 0x02,
        "withheld": 0x04,
        "overlap": 0x08,
        "scanner_channel": 0x30,
        "scan_direction_flag": 0x40,
        "edge_of_flight_line": 0x80,
    },
}


class _Dimension(NamedTuple):
    """Where a dimension lies in a record: its first byte, its type, and its bits, 0 for all of them."""

    start: int
    dtype: np.dtype[Any]
    mask: int


@cache
def _standard(point_format: int) -> dict[str, _Dimension]:
    """The dimensions of a point format, those that are bits of a field behind the others."""
    masks = _MASKS_BEFORE_6 if point_format < 6 else _MASKS_FROM_6
    start, found, of_bits = 0, {}, {}
    for field, name in _FIELDS[point_format].items():
        dtype = np.dtype(name)
        for part, mask in masks.get(field, {}).items():
            of_bits[part] = _Dimension(start, dtype, mask)
        if field not in masks:
            found[field] = _Dimension(start, dtype, 0)
        start += dtype.itemsize
    return found | of_bits


def standard_columns(point_format: int) -> tuple[str, ...]:
    """The dimensions of a point format under the names laspy gives them, X, Y, Z first."""
    return tuple(_standard(point_format))


def standard_values(records: NDArray[np.uint8], point_format: int, name: str) -> NDArray[Any]:
    """Values (m,) of one standard dimension of (m, length) records, bit fields unpacked."""
    start, dtype, mask = _standard(point_format)[name]
    values = np.ascontiguousarray(records[:, start : start + dtype.itemsize]).view(dtype)[:, 0]
    if mask == 0:
        return values
    shift = (mask & -mask).bit_length() - 1
    return np.asarray((values & mask) >> shift, dtype=np.uint8)
