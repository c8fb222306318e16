"""Points of a LAS, LAZ or COPC file in a rectangle, or near it, as a file of their own, their records as they are."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.errors import NoPointCloud
from leafwood.io.bounds import Bounds
from leafwood.io.las.copc import Fetch, find_nodes, read_nodes
from leafwood.io.las.crs import crs_of
from leafwood.io.las.laszip import LASZIP, laszip_body
from leafwood.io.las.layout import Layout, read_layout
from leafwood.io.las.points import LasSink, LazSink, read_records
from leafwood.io.las.tail import copy_tail
from leafwood.io.target import writing

__all__ = ["Clipped", "clip"]

Records = NDArray[np.uint8]


class Clipped(NamedTuple):
    """How much of a file was kept.

    Attributes:
        kept: points inside; those around it apart.
        points: points of the file.
    """

    kept: int
    points: int


def clip(
    source: Path,
    target: Path,
    bounds: Bounds,
    stream: BinaryIO | None = None,
    fetch: Fetch | None = None,
    *,
    around: float = 0.0,
    overwrite: bool = False,
) -> Clipped:
    """Write the points in a rectangle, or near it, in the order of the file, with everything else that the file holds.

    Of a COPC file only the nodes that the rectangle meets are read. What is written is no COPC.

    Args:
        source: the file.
        target: the file to be, compressed where the source is.
        bounds: in the units of the file.
        stream: the source where it is no file of this machine; it has to be COPC then.
        fetch: gives the bytes of several (start, stop) of the stream.
        around: metres beside the rectangle of which the points are written, too; where there are points inside.
        overwrite: replace an existing target.

    Raises:
        NoPointCloud: no point lies inside.
        BadFile: the source is damaged.
        FileProblem: the target cannot be written.
    """
    if stream is None:
        with source.open("rb") as opened:
            return clip(source, target, bounds, opened, around=around, overwrite=overwrite)
    layout = read_layout(source, stream)
    wide = bounds.widened(around / crs_of(layout).unit[0]) if around else bounds
    chunks = _cut(layout, _read(layout, stream, fetch, wide), bounds, wide)
    with writing(target, source, overwrite) as out:
        kept = _write(out, layout, stream, chunks)
        if kept == 0:
            low, high = layout.bounds
            covered = Bounds(*low[:2], *high[:2])
            raise NoPointCloud(f"{source}: no point lies within `bounds` {bounds}; the file covers {covered}")
    return Clipped(kept, layout.count)


def _read(layout: Layout, stream: BinaryIO, fetch: Fetch | None, bounds: Bounds) -> Iterator[Records]:
    """Records among which are all that lie inside, in file order."""
    if not layout.is_copc:
        low, high = layout.bounds[:, :2]
        return read_records(layout) if bounds.meets(low, high) else iter(())

    def here(spans: list[tuple[int, int]]) -> list[bytes]:
        return [(stream.seek(start), stream.read(stop - start))[1] for start, stop in spans]

    return read_nodes(layout, fetch or here, find_nodes(layout, stream, bounds))


def _cut(layout: Layout, chunks: Iterator[Records], bounds: Bounds, wide: Bounds) -> Iterator[tuple[Records, int]]:
    """The records inside the wider rectangle, and how many of them lie inside the other."""
    for records in chunks:
        raw = np.ascontiguousarray(records[:, :8]).view("<i4")
        x, y = (raw[:, axis] * layout.scale[axis] + layout.offset[axis] for axis in (0, 1))
        yield records[wide.holds(x, y)], int(bounds.holds(x, y).sum())


def _write(out: BinaryIO, layout: Layout, original: BinaryIO, chunks: Iterator[tuple[Records, int]]) -> int:
    """Write the file; how many of its points are counted."""
    body = laszip_body(layout.point_format, layout.record_length - layout.base_length)
    vlrs = [v.with_body(body) if v.key == LASZIP else v for v in layout.vlrs if v.user != "copc"]
    header = bytearray(layout.header)
    size = sum(len(v.head) + len(v.body) for v in vlrs)
    struct.pack_into("<II", header, 96, len(header) + size + len(layout.gap), len(vlrs))
    out.write(header)
    for vlr in vlrs:
        out.write(vlr.head + vlr.body)
    out.write(layout.gap)
    sink = LazSink(out, body) if layout.compressed else LasSink(out)
    tally, counted = _Tally(layout), 0
    for records, number in chunks:
        sink.write(records)
        tally.add(records)
        counted += number
    sink.close()
    tally.write(header)
    copy_tail(out, layout, original, (r for r in layout.evlrs if r.user != "copc"), header)
    return counted


class _Tally:
    """What a header says of its points: how many there are, by return, and where they lie."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._returns = np.zeros(16, dtype=np.int64)
        self._low = np.full(3, np.iinfo(np.int32).max, dtype=np.int64)
        self._high = np.full(3, np.iinfo(np.int32).min, dtype=np.int64)
        self.points = 0

    def add(self, records: Records) -> None:
        if not len(records):
            return
        raw = np.ascontiguousarray(records[:, :12]).view("<i4")
        self._low = np.minimum(self._low, raw.min(axis=0))
        self._high = np.maximum(self._high, raw.max(axis=0))
        number = records[:, 14] & (0x07 if self._layout.point_format < 6 else 0x0F)
        self._returns += np.bincount(number, minlength=16)
        self.points += len(records)

    def write(self, header: bytearray) -> None:
        layout, wide = self._layout, self._layout.minor >= 4
        old = 0 if wide and layout.point_format >= 6 else self.points
        struct.pack_into("<I", header, 107, old)
        struct.pack_into("<5I", header, 111, *(self._returns[1:6] if old else np.zeros(5, dtype=np.int64)))
        if wide:
            struct.pack_into("<Q15Q", header, 247, self.points, *self._returns[1:16])
        if self.points:
            corners = np.stack([self._high, self._low]) * layout.scale + layout.offset
            struct.pack_into("<6d", header, 179, *corners.T.ravel())
