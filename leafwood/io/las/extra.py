"""Extra bytes: the descriptors of the dimensions a LAS file has beyond its point format.

The descriptors are kept as the 192 bytes they are (LAS 1.4 R15, section "Extra Bytes"), so ranges, no-data values and
descriptions that laspy would not write back survive. Names that no reader can tell apart (two alike, a dimension of the
point format's, none at all, or no UTF-8) get a number. Bytes that no descriptor covers stay too, described as type 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.io.las.layout import Layout
from leafwood.io.las.records import Vlr
from leafwood.io.las.standard import standard_columns

__all__ = ["EXTRA_BYTES", "ExtraDim", "describe_records", "extra_vlr", "free_name", "place"]

EXTRA_BYTES = ("LASF_Spec", 4)
_SIZE = 192
_TYPES = ("u1", "i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f4", "<f8")
_SCALE, _OFFSET = 0x08, 0x10
_MOST_UNDOCUMENTED = 255
# In a descriptor of type 0 the options are its size, but laspy takes these bits for a scale and an offset.
_MISREAD = _SCALE | _OFFSET
_NAME_BYTES = 32


@dataclass(frozen=True)
class ExtraDim:
    """One descriptor and where its values lie in the point record.

    Attributes:
        raw: the 192 bytes.
        start: first byte in the record.
        said: the name in the file, where another had to be given.
    """

    raw: bytes
    start: int
    said: str | None = None

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
        said = self.name if self.said is None else self.said
        return ExtraDim(self.raw[:4] + name.encode().ljust(_NAME_BYTES, b"\0") + self.raw[36:], self.start, said)

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


def describe_records(layout: Layout, point_format: int | None = None) -> tuple[list[ExtraDim], int]:
    """What the extra bytes of a file mean.

    Descriptors are taken in order as long as their bytes fit into the record; those that promise more than the record
    has are left out. Bytes left over become undocumented dimensions. The specification allows one record of
    descriptors; where there are several (PDAL appends its own), they are read as one.

    Args:
        layout: the file.
        point_format: the one whose dimensions' names are taken; the file's own by default.

    Returns:
        The dimensions, and how many descriptors had to be left out.
    """
    body = b"".join(_whole(part) for part in _bodies(layout))
    taken = set(standard_columns(layout.point_format if point_format is None else point_format))
    dims: list[ExtraDim] = []
    start, total = layout.base_length, len(body) // _SIZE
    for number in range(total):
        dim = ExtraDim(body[number * _SIZE : (number + 1) * _SIZE], start)
        if dim.size == 0 or start + dim.size > layout.record_length:
            break
        dim = _told_apart(dim, taken)
        taken.add(dim.name)
        dims.append(dim)
        start += dim.size
    left_out = total - len(dims)
    dims.extend(_undocumented(start, layout.record_length - start, taken))
    return dims, left_out


def _bodies(layout: Layout) -> Iterator[bytes]:
    yield from (vlr.body for vlr in layout.vlrs if vlr.key == EXTRA_BYTES)
    yield from (layout.evlr_body(record) for record in layout.evlrs if record.key == EXTRA_BYTES)


def _whole(body: bytes) -> bytes:
    return body[: len(body) // _SIZE * _SIZE]


def _told_apart(dim: ExtraDim, taken: set[str]) -> ExtraDim:
    """The dimension under a name that readers take: its own wherever possible, bytes and all."""
    raw = dim.raw[4:36].split(b"\0", 1)[0]
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        name = raw.decode("latin-1")
    bare = name.strip() and name
    if bare and bare not in taken and bare.encode() == raw:
        return dim
    return dim.renamed(free_name(bare or "unnamed", taken))


def free_name(name: str, taken: set[str]) -> str:
    """The name, cut to 32 bytes and with a number where it is taken."""
    number, found = 1, _cut(name, _NAME_BYTES)
    while found in taken:
        number += 1
        found = f"{_cut(name, _NAME_BYTES - len(str(number)) - 1)}_{number}"
    return found


def _cut(name: str, size: int) -> str:
    return name.encode()[:size].decode("utf-8", "ignore")


def _undocumented(start: int, length: int, taken: set[str]) -> Iterator[ExtraDim]:
    """Dimensions of type 0 for bytes without a descriptor, in blocks that laspy reads."""
    while length > 0:
        size = next(s for s in range(min(length, _MOST_UNDOCUMENTED), 0, -1) if not s & _MISREAD)
        name = free_name("ExtraBytes", taken)  # what laspy calls them
        taken.add(name)
        raw = bytearray(_SIZE)
        raw[3] = size
        raw[4 : 4 + len(name)] = name.encode()
        raw[160:183] = b"Un-registered ExtraByte"
        yield ExtraDim(bytes(raw), start)
        start, length = start + size, length - size


def place(dims: Iterable[ExtraDim], start: int) -> list[ExtraDim]:
    """The dimensions one behind the other, the first at byte `start` of the record."""
    out = []
    for dim in dims:
        out.append(replace(dim, start=start))
        start += dim.size
    return out


def extra_vlr(dims: Iterable[ExtraDim], like: Vlr | None) -> Vlr:
    """The record with these descriptors, keeping the header bytes of the one it replaces."""
    body = b"".join(dim.raw for dim in dims)
    return like.with_body(body) if like else Vlr.new(*EXTRA_BYTES, body, "Extra Bytes Record")
