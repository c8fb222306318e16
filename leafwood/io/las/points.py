"""Point records as bytes, in chunks of fixed size, in and out of LAS and LAZ.

lazrs is used directly: laspy's reader would interpret every record, and its writer would rewrite the header. Two kinds
of LASzip stream that lazrs refuses are read all the same: point-wise ones (no chunk table), and item version 4, which
differs from 3 only once the scanner channel changes and the record has more than the 30 bytes of point format 6
(LASzip issue 74; found equal here on streams of both versions).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, Protocol

import lazrs
import numpy as np
from numpy.typing import NDArray

from leafwood.errors import BadFile
from leafwood.io.las.decoder_guard import compressing, decoding
from leafwood.io.las.laszip import (
    POINTWISE,
    RECOMPRESS,
    check_chunks,
    checked_body,
    chunks_of_any_size,
    without_chunks,
)
from leafwood.io.las.layout import Layout

__all__ = ["CHUNK", "LasSink", "LazSink", "PointSink", "decoded_chunks", "read_records"]

CHUNK = 500_000
_CHANNELS = 0x30
_V4 = f"uses several scanner channels in LASzip item version 4, {RECOMPRESS}"
# A chunk this large is decoded point by point: the parallel decoder would hold it whole.
_PARALLEL_BYTES = 1 << 28
# The layers of point formats 6 to 10 that dimensions lie in; those of places, returns and channels are always read.
_LAYERS: dict[str, int] = {
    **dict.fromkeys(("return_number", "number_of_returns", "scanner_channel"), 0),
    "classification": lazrs.SELECTIVE_DECOMPRESS_CLASSIFICATION,
    **dict.fromkeys(("synthetic", "key_point", "withheld", "overlap"), lazrs.SELECTIVE_DECOMPRESS_FLAGS),
    "intensity": lazrs.SELECTIVE_DECOMPRESS_INTENSITY,
    "scan_angle": lazrs.SELECTIVE_DECOMPRESS_SCAN_ANGLE,
    "point_source_id": lazrs.SELECTIVE_DECOMPRESS_POINT_SOURCE_ID,
    "gps_time": lazrs.SELECTIVE_DECOMPRESS_GPS_TIME,
}

Records = NDArray[np.uint8]


def decoded_chunks(
    layout: Layout,
    body: bytes,
    data: bytes,
    chunks: Sequence[tuple[int, int]],
    selection: lazrs.DecompressionSelection | None = None,
    damaged: str = "its compressed points are damaged",
) -> Records:
    """All records of some chunks.

    Args:
        layout: the file.
        body: of its LASzip record.
        data: the bytes of the chunks, one behind the other.
        chunks: points and bytes of each.
        selection: the layers that are decoded; all when None.
        damaged: what to say if they cannot be.

    Raises:
        BadFile: they are damaged.
    """
    records = np.empty((sum(points for points, _ in chunks), layout.record_length), dtype=np.uint8)
    if selection is None:
        selection = lazrs.DecompressionSelection(int(lazrs.SELECTIVE_DECOMPRESS_ALL))
    with decoding(layout.path, damaged):
        lazrs.decompress_points_with_chunk_table(data, body, records.reshape(-1), list(chunks), selection)
    return records


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


class _Watched:
    """A stream for lazrs, which forgets why it could not write."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._failure: OSError | None = None
        self.seek, self.tell, self.flush = stream.seek, stream.tell, stream.flush

    def write(self, data: bytes) -> int:
        """Write, and remember what went wrong."""
        try:
            return self._stream.write(data)
        except OSError as error:
            self._failure = error
            raise

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Raise the stream's own error in place of what lazrs makes of it."""
        try:
            with compressing():
                yield
        except OSError as error:
            raise self._failure or error from error


class LazSink:
    """Records through LASzip, in chunks of 50 000 points compressed in parallel.

    Raises:
        OSError: the stream cannot be written to, as it would raise itself; lazrs wraps it in an error of its own.
    """

    def __init__(self, stream: BinaryIO, body: bytes) -> None:
        self._stream = _Watched(stream)
        with self._stream.reporting():
            self._compressor = lazrs.ParLasZipCompressor(self._stream, lazrs.LazVlr(body))

    def write(self, records: Records) -> None:
        """Append (m, length) records."""
        if len(records):
            with self._stream.reporting():
                self._compressor.compress_many(np.ascontiguousarray(records).reshape(-1))

    def close(self) -> None:
        """Write the chunk table."""
        with self._stream.reporting():
            self._compressor.done()
        self._stream.seek(0, 2)


def read_records(
    layout: Layout,
    chunk: int = CHUNK,
    *,
    columns: Collection[str] | None = None,
    first: int = 0,
    stop: int | None = None,
) -> Iterator[Records]:
    """Point records in file order.

    Args:
        layout: the checked file.
        chunk: records at a time.
        columns: dimensions that are asked for beside the coordinates; all when None. Others may hold anything.
        first: place of the first of them; see :func:`~leafwood.io.las.laszip.can_begin_anywhere`.
        stop: place after the last; None for all that follow.

    Yields:
        (m, record_length) uint8, m at most `chunk`.

    Raises:
        BadFile: the points are cut short, damaged, or compressed in a way lazrs does not know.
    """
    stop = layout.count if stop is None else stop
    if stop <= first:
        return
    starts = range(first, stop, chunk)
    try:
        with layout.path.open("rb") as stream:
            stream.seek(layout.points_start)
            if layout.compressed:
                yield from _read_laz(layout, stream, starts, stop, _selection(columns))
            else:
                yield from _read_las(layout, stream, starts, stop)
    except BadFile:
        raise
    except OSError as error:
        raise BadFile(f"{layout.path}: cannot be read: {error.strerror or error}") from error


def _read_las(layout: Layout, stream: BinaryIO, starts: range, stop: int) -> Iterator[Records]:
    length = layout.record_length
    stream.seek(starts.start * length, 1)
    for start in starts:
        number = min(starts.step, stop - start)
        block = stream.read(number * length)
        if len(block) < number * length:
            raise BadFile(f"{layout.path}: became shorter while it was read")
        yield np.frombuffer(block, np.uint8).reshape(number, length)


def _read_laz(layout: Layout, stream: BinaryIO, starts: range, stop: int, selection: int) -> Iterator[Records]:
    body, is_v4 = checked_body(layout)
    damaged = _V4 if is_v4 else "its compressed points are damaged"
    with decoding(layout.path, "its LASzip record is damaged"):
        vlr = lazrs.LazVlr(body)
    pointwise = int.from_bytes(body[:2], "little") == POINTWISE
    chunks = [] if pointwise else check_chunks(layout, stream, body, vlr, range(starts.start, stop))
    large = pointwise or max(points for points, _ in chunks) * layout.record_length > _PARALLEL_BYTES
    decode = _Decoder(layout, stream, without_chunks(body) if pointwise else body, selection, damaged)
    by_chunk = chunks_of_any_size(body) and not large
    blocks = decode.by_chunk(chunks, starts, stop) if by_chunk else decode.in_sequence(starts, stop, parallel=not large)
    for records in blocks:
        if is_v4 and (records[:, 15] & _CHANNELS).any():
            raise BadFile(f"{layout.path}: {_V4}")
        yield records


class _Decoder:
    """Decodes some of a file's points, a block at a time."""

    def __init__(self, layout: Layout, stream: BinaryIO, body: bytes, selection: int, damaged: str) -> None:
        self._layout, self._stream, self._body, self._damaged = layout, stream, body, damaged
        with decoding(layout.path, "its LASzip record is damaged"):
            self._selection = lazrs.DecompressionSelection(selection)

    def in_sequence(self, starts: range, stop: int, *, parallel: bool) -> Iterator[Records]:
        """Blocks that begin at `starts`, by lazrs' own reader."""
        with decoding(self._layout.path, "its LASzip record is damaged"):
            decompressor = lazrs.ParLasZipDecompressor if parallel else lazrs.LasZipDecompressor
            decoder = decompressor(self._stream, self._body, self._selection)
        skipped = range(0, starts.start if chunks_of_any_size(self._body) else 0, starts.step)
        if starts.start and not skipped:
            with decoding(self._layout.path, self._damaged):
                decoder.seek(starts.start)
        for start in (*skipped, *starts):
            end = starts.start if start < starts.start else stop
            records = self._empty(min(starts.step, end - start))
            with decoding(self._layout.path, self._damaged):
                decoder.decompress_many(records.reshape(-1))
            if start >= starts.start:
                yield records

    def by_chunk(self, chunks: Sequence[tuple[int, int]], starts: range, stop: int) -> Iterator[Records]:
        """Blocks that begin at `starts`, out of whole chunks (points, bytes) of any size.

        The `seek` of lazrs 0.8.2 does not find its way in such files, and what it then decodes is no error but wrong.
        """
        points, sizes = np.array(chunks, dtype=np.int64).T
        ends, offsets = points.cumsum(), self._layout.points_start + 8 + sizes.cumsum() - sizes
        held, begin = self._empty(0), starts.start
        number = int(np.searchsorted(ends, begin, side="right"))
        for start in starts:
            wanted = min(starts.step, stop - start)
            while len(held) < wanted:
                last = int(np.searchsorted(ends, begin + starts.step, side="left"))
                several = slice(number, max(number, min(last, len(ends) - 1)) + 1)
                found = self._chunks(chunks[several], int(offsets[number]))
                before = begin - int(ends[number] - points[number])
                held = np.concatenate([held, found[before:]])
                begin, number = int(ends[several.stop - 1]), several.stop
            yield held[:wanted]
            held = held[wanted:]

    def _chunks(self, chunks: Sequence[tuple[int, int]], offset: int) -> Records:
        """All records of chunks that lie one behind the other."""
        self._stream.seek(offset)
        data = self._stream.read(sum(size for _, size in chunks))
        return decoded_chunks(self._layout, self._body, data, chunks, self._selection, self._damaged)

    def _empty(self, number: int) -> Records:
        return np.empty((number, self._layout.record_length), dtype=np.uint8)


def _selection(columns: Collection[str] | None) -> int:
    """The layers that hold some dimensions; all of them where one has none of its own."""
    if columns is None:
        return int(lazrs.SELECTIVE_DECOMPRESS_ALL)
    found = int(lazrs.SELECTIVE_DECOMPRESS_Z)
    for name in columns:
        found |= _LAYERS.get(name, lazrs.SELECTIVE_DECOMPRESS_ALL)
    return found
