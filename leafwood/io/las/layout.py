"""Where everything lies in a LAS or LAZ file, checked against the file's size before anything is decoded.

laspy rebuilds a header from the fields it knows: the order of VLRs, descriptor ranges, string padding and legacy counts
change on the way, and a wrong count makes it read for ever. A file that must come back byte for byte is therefore kept
as bytes here (ASPRS LAS 1.0 to 1.5), and only what must change is patched.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from leafwood.errors import BadFile
from leafwood.io.las.records import EVLR_HEADER, Record, Vlr, field_text, parse_vlrs

__all__ = ["HEADER_SIZES", "MOST_PER_BYTE", "RECORD_SIZES", "Layout", "read_layout"]

HEADER_SIZES = {0: 227, 1: 227, 2: 227, 3: 235, 4: 375, 5: 393}
RECORD_SIZES = (20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67)
_COMPRESSED = 0x80
# 50 000 equal points take some 100 bytes of LAZ; a header that promises far more per byte lies.
MOST_PER_BYTE = 10_000


@dataclass(frozen=True, eq=False)
class Layout:
    """A LAS or LAZ file, its points and extended records left where they are.

    Attributes:
        path: the file.
        size: its length in bytes.
        header: the public header block as it stands, with any bytes its writer added.
        vlrs: the records that could be read.
        gap: bytes between the last record and the first point.
        evlrs: the extended records that could be read (LAS 1.4 and later).
        waveform: (start, stop) of a waveform record outside the list of extended records (LAS 1.3), or None.
        warnings: what was odd, one line each, without the file's name.
    """

    path: Path
    size: int
    header: bytes
    vlrs: tuple[Vlr, ...]
    gap: bytes
    evlrs: tuple[Record, ...] = ()
    waveform: tuple[int, int] | None = None
    warnings: tuple[str, ...] = field(default=())

    def _u(self, offset: int, width: int) -> int:
        return int.from_bytes(self.header[offset : offset + width], "little")

    def _doubles(self, offset: int, count: int) -> NDArray[np.float64]:
        return np.frombuffer(self.header, "<f8", count, offset).astype(np.float64)

    @property
    def minor(self) -> int:
        """4 for LAS 1.4."""
        return self.header[25]

    @property
    def global_encoding(self) -> int:
        """Bit field: GPS time type, waveform place, WKT."""
        return self._u(6, 2)

    @property
    def system_identifier(self) -> str:
        """What made the points."""
        return field_text(self.header[26:58])

    @property
    def software(self) -> str:
        """What wrote the file."""
        return field_text(self.header[58:90])

    @property
    def points_start(self) -> int:
        """Bytes before the first point."""
        return self._u(96, 4)

    @property
    def point_format(self) -> int:
        """0 to 10."""
        return self.header[104] & 0x3F

    @property
    def compressed(self) -> bool:
        """Whether this is LAZ, whatever the suffix says."""
        return bool(self.header[104] & _COMPRESSED)

    @property
    def record_length(self) -> int:
        """Bytes per point, uncompressed."""
        return self._u(105, 2)

    @property
    def base_length(self) -> int:
        """Bytes per point of the point format alone."""
        return RECORD_SIZES[self.point_format]

    @property
    def count(self) -> int:
        """Points the header promises."""
        legacy = self._u(107, 4)
        return (self._u(247, 8) or legacy) if self.minor >= 4 else legacy

    @property
    def returns(self) -> NDArray[np.int64]:
        """Points by return number as the header has them, (5,) or (15,)."""
        wide, dtype, number, offset = self.minor >= 4, "<u8", 15, 255
        if not wide or not any(self.header[255:375]):
            dtype, number, offset = "<u4", 5, 111
        return np.frombuffer(self.header, dtype, number, offset).astype(np.int64)

    @property
    def scale(self) -> NDArray[np.float64]:
        """(3,) file units per integer step."""
        return self._doubles(131, 3)

    @property
    def offset(self) -> NDArray[np.float64]:
        """(3,) file units."""
        return self._doubles(155, 3)

    @property
    def bounds(self) -> NDArray[np.float64]:
        """(2, 3) lower and upper corner as the header has them, file units."""
        return self._doubles(179, 6).reshape(3, 2).T[::-1]

    @property
    def first_evlr(self) -> int:
        """Start of the first extended record, 0 when there is none."""
        return self._u(235, 8) if self.minor >= 4 else 0

    @property
    def evlr_count(self) -> int:
        """Extended records the header promises."""
        return self._u(243, 4) if self.minor >= 4 else 0

    @property
    def waveform_start(self) -> int:
        """Start of the waveform record, 0 when there is none."""
        return self._u(227, 8) if self.minor >= 3 else 0

    @property
    def points_stop(self) -> int:
        """First byte after uncompressed points; for LAZ the first byte a record may lie at."""
        return self.points_start + (0 if self.compressed else self.count * self.record_length)

    @property
    def is_copc(self) -> bool:
        """Whether the points are ordered as a cloud-optimised octree."""
        return ("copc", 1) in (v.key for v in self.vlrs)

    def find(self, user: str, record_id: int) -> Vlr | None:
        """The first record of that user and number."""
        return next((v for v in self.vlrs if v.key == (user, record_id)), None)

    def evlr_body(self, record: Record, limit: int = 1 << 24) -> bytes:
        """The first `limit` bytes of an extended record's body."""
        with self.path.open("rb") as stream:
            stream.seek(record.start + EVLR_HEADER.size)
            return stream.read(min(record.length, limit))


def read_layout(path: Path, stream: BinaryIO | None = None) -> Layout:
    """Read a file's header and records, and check that what they say can be true.

    Args:
        path: a LAS or LAZ file (its content decides, not its suffix).
        stream: the file where it is open already, or lies where a path does not lead to.

    Raises:
        BadFile: not LAS, cut short, or a header that contradicts itself.
    """
    if stream is not None:
        return _read(path, stream)
    try:
        with path.open("rb") as opened:
            return _read(path, opened)
    except BadFile:
        raise
    except OSError as error:
        raise BadFile(f"{path}: cannot be read: {error.strerror or error}") from error


def _read(path: Path, stream: BinaryIO) -> Layout:
    size = stream.seek(0, 2)
    stream.seek(0)
    header = stream.read(HEADER_SIZES[5])
    _check_header(path, size, header)
    header_size, start, promised = struct.unpack_from("<HII", header, 94)
    stream.seek(0)
    header = stream.read(header_size)
    warnings: list[str] = []
    block = stream.read(start - header_size)
    vlrs, used = parse_vlrs(block, promised)
    if len(vlrs) != promised:
        warnings.append(f"the header promises {promised} VLRs, {len(vlrs)} can be read")
    layout = Layout(path, size, header, tuple(vlrs), block[used:])
    _check_points(layout)
    evlrs = tuple(_parse_evlrs(layout, stream))
    _check_none(layout, evlrs, stream)
    if len(evlrs) != layout.evlr_count:
        warnings.append(f"the header promises {layout.evlr_count} EVLRs, {len(evlrs)} can be read")
    waveform = _loose_waveform(layout, evlrs, warnings)
    return Layout(path, size, header, layout.vlrs, layout.gap, evlrs, waveform, tuple(warnings))


def _check_header(path: Path, size: int, header: bytes) -> None:
    if size == 0:
        raise BadFile(f"{path}: is empty")
    if header[:4] != b"LASF":
        raise BadFile(f"{path}: is not a LAS or LAZ file (it does not start with LASF)")
    if len(header) < HEADER_SIZES[0]:
        raise BadFile(f"{path}: is cut short: {size} bytes, a LAS header alone has {HEADER_SIZES[0]}")
    major, minor = header[24], header[25]
    if major != 1 or minor not in HEADER_SIZES:
        raise BadFile(f"{path}: says it is LAS {major}.{minor}; leafwood reads 1.0 to 1.5")
    header_size, start = struct.unpack_from("<HI", header, 94)
    if header_size < HEADER_SIZES[minor]:
        raise BadFile(f"{path}: header of {header_size} bytes, LAS 1.{minor} has {HEADER_SIZES[minor]}")
    if start < header_size:
        raise BadFile(f"{path}: points are said to start at byte {start}, inside the header of {header_size} bytes")
    if start > size:
        raise BadFile(f"{path}: is cut short: {size} bytes, points are said to start at byte {start}")
    if header[104] & 0x3F >= len(RECORD_SIZES):
        raise BadFile(f"{path}: point format {header[104] & 0x3F} does not exist")


def _check_points(layout: Layout) -> None:
    path, length, base = layout.path, layout.record_length, layout.base_length
    if length < base:
        raise BadFile(f"{path}: {length} bytes per point, point format {layout.point_format} has {base}")
    if layout.compressed:
        if layout.count > layout.size * MOST_PER_BYTE:
            raise BadFile(f"{path}: the header promises {layout.count} points, the file has {layout.size} bytes")
        return
    held = (layout.size - layout.points_start) // length
    if held < layout.count:
        raise BadFile(f"{path}: is cut short: the header promises {layout.count} points, the file holds {held}")


def _check_none(layout: Layout, evlrs: tuple[Record, ...], stream: BinaryIO) -> None:
    """Refuse a file with points whose header promises none: its writer was stopped before it knew their number."""
    if layout.count:
        return
    stop = min([r.start for r in evlrs if r.start >= layout.points_start], default=layout.size)
    stop = min(stop, layout.waveform_start) if layout.waveform_start >= layout.points_start else stop
    room = stop - layout.points_start
    if layout.compressed:
        stream.seek(layout.points_start)
        table = int.from_bytes(stream.read(8), "little", signed=True)
        room = max(table - layout.points_start - 8, 0)
    if room >= layout.record_length:
        raise BadFile(
            f"{layout.path}: its header promises no points, but {room:,} bytes of points follow: the program that "
            "wrote it was stopped before its end; let LAStools' lasinfo -repair or PDAL count them"
        )


def _parse_evlrs(layout: Layout, stream: BinaryIO) -> Iterator[Record]:
    position = layout.first_evlr
    if position < max(layout.points_stop, layout.points_start):
        return
    for _ in range(layout.evlr_count):
        if position + EVLR_HEADER.size > layout.size:
            return
        stream.seek(position)
        head = stream.read(EVLR_HEADER.size)
        _, user, record_id, length, description = EVLR_HEADER.unpack(head)
        record = Record(field_text(user), record_id, field_text(description), position, length)
        if record.stop > layout.size:
            return
        yield record
        position = record.stop


def _loose_waveform(layout: Layout, evlrs: tuple[Record, ...], warnings: list[str]) -> tuple[int, int] | None:
    """Waveforms that no extended record covers reach from their start to the end of the file or the next record."""
    start = layout.waveform_start
    if start == 0 or any(record.start <= start < record.stop for record in evlrs):
        return None
    if start < layout.points_stop or start + EVLR_HEADER.size > layout.size:
        warnings.append(f"waveforms are said to start at byte {start}, where there are none")
        return None
    return start, min((record.start for record in evlrs if record.start > start), default=layout.size)
