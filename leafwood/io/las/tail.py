"""What lies behind the points of a LAS file: extended records and waveforms."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import BinaryIO

from leafwood.errors import BadFile
from leafwood.io.las.layout import Layout
from leafwood.io.las.records import EVLR_HEADER, Record

__all__ = ["copy_tail"]


def copy_tail(stream: BinaryIO, source: Layout, original: BinaryIO, kept: Iterable[Record], header: bytearray) -> None:
    """Copy extended records and waveforms behind the points, and write the header with the offsets that lead to them.

    Args:
        stream: the file that is written, at the end of its points.
        source: the file that is copied.
        original: that file, opened.
        kept: extended records to copy.
        header: of the file that is written; its offsets are set.

    Raises:
        BadFile: the source became shorter.
    """
    kept = tuple(kept)
    pieces = [(r.start, r.stop) for r in kept]
    if source.waveform:
        pieces = sorted([*pieces, source.waveform])
    moved: dict[int, int] = {}
    for start, stop in pieces:
        moved[start] = stream.tell()
        original.seek(start)
        _copy(original, stream, stop - start, source)
    waveform = source.waveform_start
    for start, stop in pieces:
        if start <= waveform < stop:
            struct.pack_into("<Q", header, 227, moved[start] + waveform - start)
    if header[25] >= 4:
        records = [moved[r.start] for r in kept]
        if source.minor < 4 and source.waveform and _is_record(source, original):
            records.append(moved[source.waveform[0]])
        struct.pack_into("<QI", header, 235, min(records, default=0), len(records))
    stream.seek(0)
    stream.write(header)
    stream.seek(0, 2)


def _is_record(source: Layout, original: BinaryIO) -> bool:
    """Whether the waveforms of a LAS 1.3 file carry the header that makes them an extended record of LAS 1.4."""
    assert source.waveform is not None
    start, stop = source.waveform
    original.seek(start)
    length: int = EVLR_HEADER.unpack(original.read(EVLR_HEADER.size))[3]
    return start + EVLR_HEADER.size + length == stop


def _copy(original: BinaryIO, stream: BinaryIO, length: int, source: Layout) -> None:
    block = 1 << 20
    while length > 0:
        data = original.read(min(block, length))
        if not data:
            raise BadFile(f"{source.path}: became shorter while it was read")
        stream.write(data)
        length -= len(data)
