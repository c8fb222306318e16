"""LASzip's own records, checked before lazrs sees them: what they say is allocated and followed without question.

A damaged chunk table or layer size makes lazrs allocate gigabytes (4 GB and ten seconds for a 10 kB file, tried here)
or abort; an unknown compressor or item makes it panic.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, BinaryIO

import lazrs

from leafwood.errors import BadFile
from leafwood.io.las.decoder_guard import decoding
from leafwood.io.las.layout import Layout

__all__ = [
    "LASZIP",
    "POINTWISE",
    "RECOMPRESS",
    "Layers",
    "can_begin_anywhere",
    "check_chunks",
    "checked_body",
    "chunks_of_any_size",
    "laszip_body",
    "without_chunks",
]

LASZIP = ("laszip encoded", 22204)
POINTWISE, _CHUNKED, _LAYERED = 1, 2, 3
_HEAD = struct.Struct("<HHBBHIIqqH")
_NO_CHUNKS, _OF_ANY_SIZE = 0xFFFFFFFE, 0xFFFFFFFF  # in place of the points of a chunk; COPC has the latter
_SHORT = 500_000  # points of a chunk, all of which are decoded where one of them is wanted
_WAVEPACKET = 9
RECOMPRESS = "which lazrs cannot read; recompress it with LASzip 3.4"
# Item type -> its size (None: as many extra bytes as there are) and the versions lazrs decodes.
_ITEMS: dict[int, tuple[int | None, tuple[int, ...]]] = {
    0: (None, (1, 2)),
    6: (20, (1, 2)),
    7: (8, (1, 2)),
    8: (6, (1, 2)),
    _WAVEPACKET: (29, (1, 2)),
    10: (30, (3, 4)),
    11: (6, (3, 4)),
    12: (8, (3, 4)),
    13: (29, (3, 4)),
    14: (None, (3, 4)),
}
# Layers per item in a layered chunk; extra bytes have one per byte.
_LAYERS = {10: 9, 11: 1, 12: 2, 13: 1}


def laszip_body(point_format: int, extra_bytes: int) -> bytes:
    """The body of the LASzip VLR for records of a point format with `extra_bytes` more."""
    body = bytes(lazrs.LazVlr.new_for_compression(point_format, extra_bytes).record_data())
    # lazrs calls its wave packets version 2; LASzip knows only version 1, which is what they are.
    items = [struct.unpack_from("<HHH", body, at) for at in range(_HEAD.size, len(body), 6)]
    named = (struct.pack("<HHH", kind, size, 1 if kind == _WAVEPACKET else version) for kind, size, version in items)
    return body[: _HEAD.size] + b"".join(named)


def without_chunks(body: bytes) -> bytes:
    """A point-wise record as lazrs takes it: a chunk size of 0 means "look it up" to it, but there is no table."""
    return body[:12] + struct.pack("<I", _NO_CHUNKS) + body[16:]


def checked_body(layout: Layout) -> tuple[bytes, bool]:
    """The LASzip VLR with version 4 items called 3, and whether that needs one scanner channel."""
    path, vlr = layout.path, layout.find(*LASZIP)
    if vlr is None:
        raise BadFile(f"{path}: says it is compressed, but the LASzip record is missing")
    if len(vlr.body) < _HEAD.size:
        raise BadFile(f"{path}: its LASzip record is cut short")
    compressor, coder, *_, number = _HEAD.unpack_from(vlr.body)
    if compressor not in (POINTWISE, _CHUNKED, _LAYERED) or coder != 0:
        raise BadFile(f"{path}: LASzip compressor {compressor} with coder {coder} does not exist")
    if number == 0 or len(vlr.body) < _HEAD.size + 6 * number:
        raise BadFile(f"{path}: its LASzip record is cut short")
    items = [struct.unpack_from("<HHH", vlr.body, _HEAD.size + 6 * i) for i in range(number)]
    for kind, size, version in items:
        right, versions = _ITEMS.get(kind, (None, ()))
        if size == 0 or (right is not None and size != right):
            raise BadFile(f"{path}: LASzip item {kind} of {size} bytes does not exist")
        if version not in versions:
            raise BadFile(f"{path}: is compressed with LASzip item {kind} version {version}, {RECOMPRESS}")
    length = sum(size for _, size, _ in items)
    if length != layout.record_length:
        raise BadFile(f"{path}: LASzip items of {length} bytes, the header says {layout.record_length} bytes per point")
    known = b"".join(struct.pack("<HHH", kind, size, min(version, 3)) for kind, size, version in items)
    is_v4 = len(items) > 1 and any(version == 4 for *_, version in items)
    return vlr.body[: _HEAD.size] + known, is_v4


def can_begin_anywhere(layout: Layout) -> bool:
    """Whether points in the middle of a file can be read without most of those before them."""
    if not layout.compressed:
        return True
    body, _ = checked_body(layout)
    short = int.from_bytes(body[12:16], "little") <= _SHORT
    return chunks_of_any_size(body) or (short and int.from_bytes(body[:2], "little") != POINTWISE)


def chunks_of_any_size(body: bytes) -> bool:
    """Whether the chunks of a file hold different numbers of points, as those of COPC do, by its LASzip record."""
    return int.from_bytes(body[:2], "little") != POINTWISE and int.from_bytes(body[12:16], "little") == _OF_ANY_SIZE


def check_chunks(layout: Layout, stream: BinaryIO, body: bytes, vlr: Any, wanted: range) -> list[tuple[int, int]]:
    """The chunks (points, bytes), once their table and those with wanted points are known to fit the file."""
    path, start = layout.path, layout.points_start
    damaged = f"{path}: is cut short or damaged: its chunk table"
    table = int.from_bytes(stream.read(8), "little", signed=True)
    if table == -1:
        stream.seek(-8, 2)
        table = int.from_bytes(stream.read(8), "little", signed=True)
    if not start + 8 <= table <= layout.size - 8:
        raise BadFile(f"{damaged} is said to be at byte {table} of {layout.size}")
    stream.seek(table)
    version, number = struct.unpack("<II", stream.read(8))
    if version != 0 or number * layout.base_length > layout.size:
        raise BadFile(f"{damaged} lists {number} chunks in {layout.size} bytes")
    stream.seek(start)
    with decoding(path, "its chunk table is damaged"):
        chunks = lazrs.read_chunk_table(stream, vlr)
    points, used = (sum(column) for column in zip(*chunks, strict=True)) if chunks else (0, 0)
    if start + 8 + used > table:
        raise BadFile(f"{damaged} says that {used} bytes hold points, there are {table - start - 8}")
    if points < layout.count:
        raise BadFile(f"{path}: is cut short: the header promises {layout.count} points, the chunks hold {points}")
    if body[0] == _LAYERED:
        _check_layers(layout, stream, body, chunks, wanted)
    stream.seek(start)
    return list(chunks)


def _check_layers(
    layout: Layout, stream: BinaryIO, body: bytes, chunks: Sequence[tuple[int, int]], wanted: range
) -> None:
    """Refuse chunks that say they are larger than they are, of those (points, bytes) in which wanted points lie."""
    layers = Layers(layout, body)
    position, begin = layout.points_start + 8, 0
    for points, size in chunks:
        before, behind = begin + points < wanted.start, begin > wanted.stop and wanted.stop < layout.count
        if not before and not behind:
            stream.seek(position)
            layers.check(stream.read(layers.head), size)
        position, begin = position + size, begin + points


class Layers:
    """A layered chunk: its first point, the number of points, the size of each layer, the layers.

    Args:
        layout: the file.
        body: of its LASzip record.
    """

    def __init__(self, layout: Layout, body: bytes) -> None:
        number = (len(body) - _HEAD.size) // 6
        items = [struct.unpack_from("<HHH", body, _HEAD.size + 6 * i) for i in range(number)]
        self._sizes = struct.Struct(f"<{sum(_LAYERS.get(kind, size) for kind, size, _ in items)}I")
        self._start = layout.record_length + 4
        self._path = layout.path
        self.head = self._start + self._sizes.size

    def check(self, head: bytes, size: int) -> None:
        """Refuse a chunk whose layers would not fit into it.

        Args:
            head: its first `self.head` bytes, or more.
            size: bytes of the whole chunk.

        Raises:
            BadFile: they would not.
        """
        if len(head) < self.head or sum(self._sizes.unpack_from(head, self._start)) > size - self.head:
            raise BadFile(f"{self._path}: its compressed points are damaged (a layer is larger than its chunk)")
