"""The dimensions that a point format has by itself, under the names laspy gives them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from laspy.point import dims as las_dims
from laspy.point.format import PointFormat
from numpy.typing import NDArray

__all__ = ["standard_columns", "standard_values"]


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
