"""Write the points of a LAS or LAZ file as COPC, to test and to measure with: nothing on PyPI writes it.

    python pipelines/write_copc.py IN.laz OUT.copc.laz [--levels 3]

Points of each level are drawn at random, a seventh as many as of the next finer one. The octree has several pages,
one for every second octant of the root. The file is held in memory. Point formats 6 to 8, which are those of COPC.
"""

from __future__ import annotations

import argparse
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import lazrs
import numpy as np
from numpy.typing import NDArray

from leafwood.io.las.laszip import LASZIP
from leafwood.io.las.layout import Layout, read_layout
from leafwood.io.las.points import read_records
from leafwood.io.las.records import Vlr

Key = tuple[int, int, int, int]  # level, x, y, z
Entry = tuple[int, int, int]  # offset, bytes, points
_BITS = 12  # of a cell number


def write_copc(source: Path, target: Path, levels: int = 3, seed: int = 0) -> Path:
    """Write a file as COPC; see above."""
    layout = read_layout(source)
    points = np.concatenate([np.empty((0, layout.record_length), np.uint8), *read_records(layout)])
    xyz = np.ascontiguousarray(points[:, :12]).view("<i4") * layout.scale + layout.offset
    corner, half = xyz.min(axis=0), float(np.ptp(xyz, axis=0).max()) / 2 + layout.scale[0]
    code = _codes(xyz - corner, half, levels, seed)
    del xyz
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))
    nodes = [(_key(int(code[order[one]])), part) for one, part in zip(starts, np.split(order, starts[1:]), strict=True)]
    laz = lazrs.LazVlr.new_for_compression(layout.point_format, layout.record_length - layout.base_length, True)
    kept = [vlr for vlr in layout.vlrs if vlr.key != LASZIP]
    size = 375 + 54 + 160 + sum(len(vlr.head) + len(vlr.body) for vlr in kept) + 54 + len(laz.record_data())
    with target.open("w+b") as stream:
        entries = _write_points(stream, size, laz, points, nodes)
        stream.seek(0, 2)
        evlr = stream.tell()
        root, root_bytes, body = _octree(entries, levels, evlr + 60)
        stream.write(struct.pack("<H16sHQ32s", 0, b"copc", 1000, len(body), b"") + body)
        info = struct.pack("<3dddQQdd88x", *(corner + half), half, 1.0, root, root_bytes, 0.0, 1.0)
        vlrs = [Vlr.new("copc", 1, info, ""), *kept, Vlr.new(*LASZIP, bytes(laz.record_data()), "")]
        stream.seek(0)
        stream.write(_header(layout, size, len(vlrs), evlr) + b"".join(vlr.head + vlr.body for vlr in vlrs))
    return target


def _codes(local: NDArray[np.float64], half: float, levels: int, seed: int) -> NDArray[np.int64]:
    """The node (n,) of each point as one number that sorts by level, then x, y and z."""
    chance = 7.0 ** np.arange(levels)
    level = np.random.default_rng(seed).choice(levels, len(local), p=chance / chance.sum())
    code = level.astype(np.int64)
    edge = 2 * half / 2.0**level
    for axis in range(3):
        code = code << _BITS | (local[:, axis] // edge).astype(np.int64)
    return code


def _key(code: int) -> Key:
    mask = (1 << _BITS) - 1
    return code >> 3 * _BITS, code >> 2 * _BITS & mask, code >> _BITS & mask, code & mask


def _write_points(
    stream: BinaryIO, size: int, laz: Any, points: NDArray[np.uint8], nodes: Sequence[tuple[Key, NDArray[np.int64]]]
) -> dict[Key, Entry]:
    """Write a chunk for each node after so many bytes for the header; where each of them lies."""
    stream.write(bytes(size))
    compressor = lazrs.LasZipCompressor(stream, laz)
    compressor.reserve_offset_to_chunk_table()
    entries: dict[Key, Entry] = {}
    for key, inside in nodes:
        start = stream.tell()
        compressor.compress_many(points[inside].reshape(-1))
        if key != nodes[-1][0]:
            compressor.finish_current_chunk()
        entries[key] = (start, stream.tell() - start, len(inside))
    compressor.done()
    stream.seek(size)
    (table,) = struct.unpack("<q", stream.read(8))
    last = nodes[-1][0]
    entries[last] = (entries[last][0], table - entries[last][0], len(nodes[-1][1]))
    return entries


def _octree(entries: dict[Key, Entry], levels: int, at: int) -> tuple[int, int, bytes]:
    """Place and length of the root's page, and all pages one after the other, of which the first lies at `at`."""
    keys = set(entries) | {(0, 0, 0, 0)} | {above for key in entries for above in _above(key)}
    keys |= {(1, *cell) for cell in np.ndindex(2, 2, 2)} if levels > 1 else set()
    octants = sorted(key for key in keys if key[0] == 1)[::2]
    pages = {octant: [key for key in sorted(keys) if octant in (key, *_above(key))] for octant in octants}
    body, pointers = b"", {}
    for octant, inside in pages.items():
        page = b"".join(struct.pack("<4iQ2i", *key, *entries.get(key, (0, 0, 0))) for key in inside)
        pointers[octant] = (at + len(body), len(page), -1)
        body += page
    away = {key for inside in pages.values() for key in inside}
    root = b"".join(struct.pack("<4iQ2i", *key, *entries.get(key, (0, 0, 0))) for key in sorted(keys - away))
    root += b"".join(struct.pack("<4iQ2i", *key, *pointer) for key, pointer in pointers.items())
    return at + len(body), len(root), body + root


def _above(key: Key) -> Iterator[Key]:
    """The nodes that a node lies in, the root left out."""
    level, *cell = key
    while (level := level - 1) > 0:
        cell = [number >> 1 for number in cell]
        yield level, cell[0], cell[1], cell[2]


def _header(layout: Layout, size: int, vlrs: int, evlr: int) -> bytes:
    """The header of the source with the places of the parts of the copy."""
    header = bytearray(layout.header)
    struct.pack_into("<II", header, 96, size, vlrs)
    header[104] = layout.point_format | 0x80
    struct.pack_into("<QI", header, 235, evlr, 1)
    return bytes(header)


def main(argv: Sequence[str] | None = None) -> None:
    """Write one file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--levels", type=int, default=3, help="of the octree, 1 to 12")
    args = parser.parse_args(argv)
    write_copc(args.source, args.target, args.levels)


if __name__ == "__main__":
    main()
