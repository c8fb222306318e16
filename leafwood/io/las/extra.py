"""Extra bytes: the descriptors of the dimensions a LAS file has beyond its point format.

The descriptors are kept as the 192 bytes they are (LAS 1.4 R15, section "Extra Bytes"), so ranges, no-data values and
descriptions that laspy would not write back survive. Bytes that no descriptor covers stay too, described as type 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.io.las.layout import Layout, Vlr

__all__ = ["EXTRA_BYTES", "ExtraDim", "describe_records", "extra_vlr"]

EXTRA_BYTES = ("LASF_Spec", 4)
_SIZE = 192
_TYPES = ("u1", "i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f4", "<f8")
_SCALE, _OFFSET = 0x08, 0x10
_MOST_UNDOCUMENTED = 255


@dataclass(frozen=True)
class ExtraDim:
    """One descriptor and where its values lie in the point record.

    Attributes:
        raw: the 192 bytes.
        start: first byte in the record.
    """

    raw: bytes
    start: int

    @classmethod
    def new(cls, name: str, dtype: str, description: str, start: int, scale: float | None = None) -> ExtraDim:
        """A scalar dimension of ours.

        Args:
            name: at most 32 bytes of UTF-8.
            dtype: numpy's name of one of the ten scalar types.
            description: at most 32 bytes, with the unit.
            start: first byte in the record.
            scale: value of one integer step, or None.
        """
        raw = bytearray(_SIZE)
        raw[2] = _TYPES.index(_little(dtype)) + 1
        raw[4 : 4 + len(name.encode())] = name.encode()
        raw[160 : 160 + len(description.encode())] = description.encode()
        if scale is not None:
            raw[3] = _SCALE
            raw[112:120] = np.array(scale, "<f8").tobytes()
        return cls(bytes(raw), start)

    @property
    def name(self) -> str:
        """The dimension's name."""
        return self.raw[4:36].split(b"\0", 1)[0].decode("utf-8", "replace")

    @property
    def description(self) -> str:
        """Free text, often with the unit."""
        return self.raw[160:192].split(b"\0", 1)[0].decode("utf-8", "replace")

    @property
    def size(self) -> int:
        """Bytes per point; 0 for a type that does not exist."""
        kind = self.raw[2]
        if kind == 0:
            return self.raw[3]
        if kind > 3 * len(_TYPES):
            return 0
        return np.dtype(_TYPES[(kind - 1) % len(_TYPES)]).itemsize * ((kind - 1) // len(_TYPES) + 1)

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """Type of the raw values, None for undocumented bytes and (deprecated) vectors."""
        return np.dtype(_TYPES[self.raw[2] - 1]) if 1 <= self.raw[2] <= len(_TYPES) else None

    @property
    def scale(self) -> float:
        """Value of one integer step."""
        return float(np.frombuffer(self.raw, "<f8", 1, 112)[0]) if self.raw[2] and self.raw[3] & _SCALE else 1.0

    @property
    def offset(self) -> float:
        """Value of integer zero."""
        return float(np.frombuffer(self.raw, "<f8", 1, 136)[0]) if self.raw[2] and self.raw[3] & _OFFSET else 0.0

    def renamed(self, name: str) -> ExtraDim:
        """The same dimension under another name (at most 32 bytes)."""
        return ExtraDim(self.raw[:4] + name.encode().ljust(32, b"\0") + self.raw[36:], self.start)

    def same_type(self, other: ExtraDim) -> bool:
        """Whether values written for `other` can be read as this one."""
        return self.raw[2] == other.raw[2] and (self.scale, self.offset) == (other.scale, other.offset)

    def values(self, records: NDArray[np.uint8]) -> NDArray[Any]:
        """Values (m,) of (m, length) records: float64 where scaled, else as stored."""
        dtype = self.dtype
        assert dtype is not None
        raw = np.ascontiguousarray(records[:, self.start : self.start + dtype.itemsize]).view(dtype)[:, 0]
        if (self.scale, self.offset) == (1.0, 0.0):
            return raw
        return raw * self.scale + self.offset


def _little(dtype: str) -> str:
    found = np.dtype(dtype)
    return found.str[1:] if found.itemsize == 1 else "<" + found.str[1:]


def describe_records(layout: Layout) -> tuple[list[ExtraDim], int]:
    """What the extra bytes of a file mean.

    Descriptors are taken in order as long as their bytes fit into the record; those that promise more than the record
    has are left out. Bytes left over become undocumented dimensions. The specification allows one record of
    descriptors; of several the first counts, as in laspy and PDAL.

    Returns:
        The dimensions, and how many descriptors had to be left out.
    """
    vlr = layout.find(*EXTRA_BYTES)
    body = vlr.body if vlr else b""
    dims: list[ExtraDim] = []
    start, total = layout.base_length, len(body) // _SIZE
    for number in range(total):
        dim = ExtraDim(body[number * _SIZE : (number + 1) * _SIZE], start)
        if dim.size == 0 or start + dim.size > layout.record_length:
            break
        dims.append(dim)
        start += dim.size
    left_out = total - len(dims)
    dims.extend(_undocumented(start, layout.record_length - start, {dim.name for dim in dims}))
    return dims, left_out


def _undocumented(start: int, length: int, taken: set[str]) -> Iterable[ExtraDim]:
    number = 0
    while length > 0:
        size = min(length, _MOST_UNDOCUMENTED)
        name = "ExtraBytes"  # what laspy calls them
        while name in taken:
            number += 1
            name = f"ExtraBytes{number}"
        taken.add(name)
        raw = bytearray(_SIZE)
        raw[3] = size
        raw[4 : 4 + len(name)] = name.encode()
        raw[160:183] = b"Un-registered ExtraByte"
        yield ExtraDim(bytes(raw), start)
        start, length = start + size, length - size


def extra_vlr(dims: Iterable[ExtraDim], like: Vlr | None) -> Vlr:
    """The record with these descriptors, keeping the header bytes of the one it replaces."""
    body = b"".join(dim.raw for dim in dims)
    return like.with_body(body) if like else Vlr.new(*EXTRA_BYTES, body, "Extra Bytes Record")
