"""Point records as bytes, in chunks of fixed size, in and out of LAS and LAZ.

lazrs is used directly: laspy's reader would interpret every record, and its writer would rewrite the header. Two kinds
of LASzip stream that lazrs refuses are read all the same: point-wise ones (no chunk table), and item version 4, which
differs from 3 only once the scanner channel changes and the record has more than the 30 bytes of point format 6
(LASzip issue 74; found equal here on streams of both versions).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol

import lazrs
import numpy as np
from numpy.typing import NDArray

from leafwood.errors import BadFile
from leafwood.io.decoder_guard import decoding
from leafwood.io.las_layout import Layout

__all__ = ["CHUNK", "LASZIP", "LasSink", "LazSink", "PointSink", "laszip_body", "read_records"]

CHUNK = 500_000
LASZIP = ("laszip encoded", 22204)
_HEAD = struct.Struct("<HHBBHIIqqH")
_POINTWISE, _CHUNKED, _LAYERED = 1, 2, 3
# A chunk this large is decoded point by point: the parallel decoder would hold it whole.
_PARALLEL_BYTES = 1 << 28
_NO_CHUNKS = 0xFFFFFFFE
_CHANNELS = 0x30
_WAVEPACKET = 9
_RECOMPRESS = "which lazrs cannot read; recompress it with LASzip 3.4"
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

Records = NDArray[np.uint8]


class PointSink(Protocol):
    """Where records go."""

    def write(self, records: Records) -> None:
        """Append (m, length) records."""

    def close(self) -> None:
        """Finish the point block; the stream stays open at its end."""


class LasSink:
    """Records as they are."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, records: Records) -> None:
        """Append (m, length) records."""
        self._stream.write(np.ascontiguousarray(records).data)

    def close(self) -> None:
        """Nothing is left to write."""


class LazSink:
    """Records through LASzip, in chunks of 50 000 points compressed in parallel."""

    def __init__(self, stream: BinaryIO, body: bytes) -> None:
        self._stream = stream
        self._compressor = lazrs.ParLasZipCompressor(stream, lazrs.LazVlr(body))

    def write(self, records: Records) -> None:
        """Append (m, length) records."""
        if len(records):
            self._compressor.compress_many(np.ascontiguousarray(records).reshape(-1))

    def close(self) -> None:
        """Write the chunk table."""
        self._compressor.done()
        self._stream.seek(0, 2)


def laszip_body(point_format: int, extra_bytes: int) -> bytes:
    """The body of the LASzip VLR for records of a point format with `extra_bytes` more."""
    body = bytes(lazrs.LazVlr.new_for_compression(point_format, extra_bytes).record_data())
    # lazrs calls its wave packets version 2; LASzip knows only version 1, which is what they are.
    items = [struct.unpack_from("<HHH", body, at) for at in range(_HEAD.size, len(body), 6)]
    named = (struct.pack("<HHH", kind, size, 1 if kind == _WAVEPACKET else version) for kind, size, version in items)
    return body[: _HEAD.size] + b"".join(named)


def read_records(layout: Layout, chunk: int = CHUNK) -> Iterator[Records]:
    """All point records in file order.

    Args:
        layout: the checked file.
        chunk: records at a time.

    Yields:
        (m, record_length) uint8, m at most `chunk`.

    Raises:
        BadFile: the points are cut short, damaged, or compressed in a way lazrs does not know.
    """
    if layout.count == 0:
        return
    read = _read_laz if layout.compressed else _read_las
    try:
        with layout.path.open("rb") as stream:
            stream.seek(layout.points_start)
            yield from read(layout, stream, chunk)
    except BadFile:
        raise
    except OSError as error:
        raise BadFile(f"{layout.path}: cannot be read: {error.strerror or error}") from error


def _sizes(count: int, chunk: int) -> Iterator[int]:
    yield from (min(chunk, count - start) for start in range(0, count, chunk))


def _read_las(layout: Layout, stream: BinaryIO, chunk: int) -> Iterator[Records]:
    length = layout.record_length
    for number in _sizes(layout.count, chunk):
        block = stream.read(number * length)
        if len(block) < number * length:
            raise BadFile(f"{layout.path}: became shorter while it was read")
        yield np.frombuffer(block, np.uint8).reshape(number, length)


def _read_laz(layout: Layout, stream: BinaryIO, chunk: int) -> Iterator[Records]:
    body, is_v4 = _checked_body(layout)
    decoder = _open_decoder(layout, stream, body)
    v4 = f"uses several scanner channels in LASzip item version 4, {_RECOMPRESS}"
    for number in _sizes(layout.count, chunk):
        records = np.empty((number, layout.record_length), dtype=np.uint8)
        with decoding(layout.path, v4 if is_v4 else "its compressed points are damaged"):
            decoder.decompress_many(records.reshape(-1))
        if is_v4 and (records[:, 15] & _CHANNELS).any():
            raise BadFile(f"{layout.path}: {v4}")
        yield records


def _open_decoder(layout: Layout, stream: BinaryIO, body: bytes) -> Any:
    what = "its LASzip record is damaged"
    with decoding(layout.path, what):
        vlr = lazrs.LazVlr(body)
    pointwise = int.from_bytes(body[:2], "little") == _POINTWISE
    if pointwise:
        # No chunks and no chunk table; lazrs takes a chunk size of 0 for "look it up" and panics.
        body = body[:12] + struct.pack("<I", _NO_CHUNKS) + body[16:]
    largest = layout.count if pointwise else _check_chunks(layout, stream, vlr)
    parallel = not pointwise and largest * layout.record_length <= _PARALLEL_BYTES
    with decoding(layout.path, what):
        return (lazrs.ParLasZipDecompressor if parallel else lazrs.LasZipDecompressor)(stream, body)


def _checked_body(layout: Layout) -> tuple[bytes, bool]:
    """The LASzip VLR with version 4 items called 3, and whether that needs one scanner channel."""
    path, vlr = layout.path, layout.find(*LASZIP)
    if vlr is None:
        raise BadFile(f"{path}: says it is compressed, but the LASzip record is missing")
    if len(vlr.body) < _HEAD.size:
        raise BadFile(f"{path}: its LASzip record is cut short")
    compressor, coder, *_, number = _HEAD.unpack_from(vlr.body)
    if compressor not in (_POINTWISE, _CHUNKED, _LAYERED) or coder != 0:
        raise BadFile(f"{path}: LASzip compressor {compressor} with coder {coder} does not exist")
    if number == 0 or len(vlr.body) < _HEAD.size + 6 * number:
        raise BadFile(f"{path}: its LASzip record is cut short")
    items = [struct.unpack_from("<HHH", vlr.body, _HEAD.size + 6 * i) for i in range(number)]
    for kind, size, version in items:
        right, versions = _ITEMS.get(kind, (None, ()))
        if size == 0 or (right is not None and size != right):
            raise BadFile(f"{path}: LASzip item {kind} of {size} bytes does not exist")
        if version not in versions:
            raise BadFile(f"{path}: is compressed with LASzip item {kind} version {version}, {_RECOMPRESS}")
    length = sum(size for _, size, _ in items)
    if length != layout.record_length:
        raise BadFile(f"{path}: LASzip items of {length} bytes, the header says {layout.record_length} bytes per point")
    known = b"".join(struct.pack("<HHH", kind, size, min(version, 3)) for kind, size, version in items)
    is_v4 = len(items) > 1 and any(version == 4 for *_, version in items)
    return vlr.body[: _HEAD.size] + known, is_v4


def _check_chunks(layout: Layout, stream: BinaryIO, vlr: Any) -> int:
    """Largest chunk in points, once the chunk table is known to fit the file."""
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
    stream.seek(start)
    return max(count for count, _ in chunks)
