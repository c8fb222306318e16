"""The points of a COPC file that lie in a rectangle, without reading the others.

COPC 1.0 (copc.io) is LAZ whose chunks are the nodes of an octree; pages of an extended record say where each lies.
laspy's ``CopcReader`` follows those pages without a check, holds all that was asked for at once, and gives points where
records are needed as they stand; the tests hold its answers beside these.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.errors import BadFile
from leafwood.io.bounds import Bounds
from leafwood.io.las.laszip import Layers, checked_body
from leafwood.io.las.layout import MOST_PER_BYTE, Layout
from leafwood.io.las.points import CHUNK, decoded_chunks

__all__ = ["Node", "find_nodes", "read_nodes"]

_INFO = struct.Struct("<3dddQQ")  # centre, half a side, spacing, the root page's start and bytes
_ENTRY = np.dtype([("level", "<i4"), ("cell", "<i4", 3), ("start", "<u8"), ("size", "<i4"), ("points", "<i4")])
_DEEPEST = 31
_PAGE = -1  # in place of a number of points, where another page goes on

Fetch = Callable[[list[tuple[int, int]]], list[bytes]]


class Node(NamedTuple):
    """A chunk of points.

    Attributes:
        start: its first byte in the file.
        size: its bytes.
        points: how many it holds.
    """

    start: int
    size: int
    points: int


def find_nodes(layout: Layout, stream: BinaryIO, bounds: Bounds) -> list[Node]:
    """The nodes of the octree that a rectangle meets.

    Args:
        layout: a COPC file.
        stream: that file.
        bounds: in the units of the file.

    Returns:
        Nodes with points, in file order.

    Raises:
        BadFile: the octree's pages are damaged.
    """
    info = layout.find("copc", 1)
    if info is None or len(info.body) < _INFO.size:
        raise BadFile(f"{layout.path}: its COPC record is cut short")
    *centre, half, _, start, size = _INFO.unpack_from(info.body)
    corner = np.array(centre[:2]) - half
    found: list[Node] = []
    pages, seen = [(start, size)], set[int]()
    while pages:
        start, size = pages.pop()
        if start in seen:
            raise BadFile(f"{layout.path}: the pages of its octree go in a circle")
        seen.add(start)
        page = _read_page(layout, stream, start, size)
        side = np.ldexp(2 * half, -page["level"])[:, None]
        low = corner + page["cell"][:, :2] * side - layout.scale[:2]  # where rounding has put a point
        met = page[bounds.meets(low, low + side + 2 * layout.scale[:2]) & (page["points"] != 0)]
        for _, _, start, size, points in met.tolist():
            if points == _PAGE:
                pages.append((start, size))
            else:
                found.append(Node(start, size, points))
    if sum(node.points for node in found) > layout.count:
        raise BadFile(f"{layout.path}: its octree holds more points than the {layout.count:,} of its header")
    return sorted(found)


def _read_page(layout: Layout, stream: BinaryIO, start: int, size: int) -> NDArray[np.void]:
    """The entries of a page, once they are known to be possible."""
    damaged = f"{layout.path}: the octree of its COPC is damaged"
    if not 0 <= start <= start + size <= layout.size or size % _ENTRY.itemsize:
        raise BadFile(f"{damaged}: a page of {size} bytes at byte {start} of {layout.size}")
    stream.seek(start)
    page = np.frombuffer(stream.read(size), _ENTRY)
    if page.nbytes != size:
        raise BadFile(f"{layout.path}: became shorter while it was read")
    used = page[page["points"] != 0]
    stops = used["start"].astype(np.float64) + used["size"]
    wrong = (used["size"] < 0) | (stops > layout.size) | (used["points"] < _PAGE)
    wrong |= used["points"].astype(np.int64) > used["size"].astype(np.int64) * MOST_PER_BYTE
    if wrong.any() or ((page["level"] < 0) | (page["level"] > _DEEPEST)).any():
        raise BadFile(f"{damaged}: a node lies outside the file")
    return page


def read_nodes(layout: Layout, fetch: Fetch, nodes: list[Node]) -> Iterator[NDArray[np.uint8]]:
    """The records of nodes.

    Args:
        layout: the file.
        fetch: gives the bytes of several (start, stop).
        nodes: in file order.

    Yields:
        (m, record_length) uint8, those of whole nodes, about half a million at a time.

    Raises:
        BadFile: the points are damaged.
    """
    body, _ = checked_body(layout)
    layers = Layers(layout, body)
    for batch in _batches(nodes):
        data = b"".join(fetch(_joined(batch)))
        at = 0
        for node in batch:
            layers.check(data[at : at + layers.head], node.size)
            at += node.size
        yield decoded_chunks(layout, body, data, [(node.points, node.size) for node in batch])


def _batches(nodes: list[Node]) -> Iterator[list[Node]]:
    """Nodes together that hold about as many points as are read at a time."""
    batch: list[Node] = []
    points = 0
    for node in nodes:
        if batch and points + node.points > CHUNK:
            yield batch
            batch, points = [], 0
        batch.append(node)
        points += node.points
    if batch:
        yield batch


def _joined(nodes: list[Node]) -> list[tuple[int, int]]:
    """Where nodes lie, those that follow each other as one."""
    spans: list[tuple[int, int]] = []
    for node in nodes:
        if spans and spans[-1][1] == node.start:
            spans[-1] = (spans[-1][0], node.start + node.size)
        else:
            spans.append((node.start, node.start + node.size))
    return spans
