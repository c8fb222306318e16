"""PLY in and out with every property, comment and further element kept.

Open3D's PLY reader drops properties of type char, short, ushort and uint without a word and returns whatever memory
held for a file that is cut short (0.20.0, tried here), so the vertex table is read with numpy.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.errors import BadFile, FileWarning, about
from leafwood.io.results import (
    Replacement,
    as_text,
    column_names,
    fields_replaced,
    require_count,
    result_columns,
)
from leafwood.io.target import writing

__all__ = ["read_ply", "write_ply"]

_TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"),
    **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"),
    **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
}
_ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
_MOST_HEADER = 1 << 20
_CHUNK = 500_000


@dataclass(frozen=True)
class _Ply:
    """A header, and where its vertex table lies.

    Attributes:
        lines: header lines as they stand, up to and with ``end_header``.
        order: numpy's byte order, ``=`` for ASCII.
        count: vertices.
        properties: name and type of each vertex property; names may be alike.
        places: number of the header line of each.
        last_line: number of the header line after which new properties go.
        start: first byte of the table (binary) or of the data (ASCII).
        rows_before: data lines before the table (ASCII).
    """

    path: Path
    lines: tuple[bytes, ...]
    order: str
    count: int
    properties: tuple[tuple[str, str], ...]
    places: tuple[int, ...]
    last_line: int
    start: int
    rows_before: int

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.properties]

    @property
    def axes(self) -> tuple[int, int, int]:
        """Numbers of the properties x, y, z, in whatever case."""
        lower = [name.lower() for name in self.names]
        return lower.index("x"), lower.index("y"), lower.index("z")

    @property
    def dtype(self) -> np.dtype[Any]:
        """One vertex, its properties called p0, p1 ..., as names may be alike."""
        return np.dtype([(f"p{i}", self.order + kind) for i, (_, kind) in enumerate(self.properties)])


def read_ply(path: Path) -> PointCloud:
    """Read a PLY file's vertices.

    Returns:
        The cloud; every property beside x, y, z is a column.

    Raises:
        BadFile: not PLY, cut short, or without x, y, z.
        BadCloud: NaN or infinite coordinates.
    """
    ply = _open(path)
    table = _table(ply)
    names = column_names(ply.names, ply.axes)
    columns = {name: np.ascontiguousarray(table[f"p{i}"]) for i, name in names.items()}
    with about(path):
        return PointCloud.from_xyz(np.stack([table[f"p{i}"] for i in ply.axes], axis=1), columns, path=path)


def write_ply(
    cloud: PointCloud, source: Path, target: Path, *, extra: Collection[str] = (), overwrite: bool = False
) -> None:
    """Write `source` again with the cloud's labels as further vertex properties.

    Raises:
        BadFile: the source is damaged.
        BadCloud: the cloud has no labels, or not as many points as the source.
        TargetExists: see :func:`leafwood.io.target.check_target`.
    """
    ply = _open(source)
    require_count(source, ply.count, cloud)
    columns = {name: _ply_type(column) for name, column in result_columns(cloud, extra).items()}

    def load(numbers: Sequence[int]) -> dict[int, NDArray[Any]]:
        table = _table(ply)
        return {i: table[f"p{i}"] for i in numbers}

    change = fields_replaced(ply.names, ply.axes, columns, load)
    for line in change.notes:
        warnings.warn(f"{source}: {line}", FileWarning, stacklevel=2)
    with writing(target, source, overwrite) as stream, source.open("rb") as original:
        _write_header(stream, ply, columns, change)
        original.seek(sum(map(len, ply.lines)))
        (_copy_ascii if ply.order == "=" else _copy_binary)(original, stream, ply, columns, change)
        while block := original.read(1 << 20):
            stream.write(block)


def _open(path: Path) -> _Ply:
    with path.open("rb") as stream:
        lines = [stream.readline(_MOST_HEADER)]
        if lines[0].strip() != b"ply":
            raise BadFile(f"{path}: is not a PLY file (it does not start with ply)")
        while lines[-1].strip() != b"end_header":
            lines.append(stream.readline(_MOST_HEADER))
            if not lines[-1] or sum(map(len, lines)) > _MOST_HEADER:
                raise BadFile(f"{path}: its PLY header has no end")
        start = stream.tell()
    return _parse(path, lines, start)


def _parse(path: Path, lines: list[bytes], start: int) -> _Ply:
    order, count, last, rows, skip = "", -1, 0, 0, 0
    properties: list[tuple[str, str]] = []
    places: list[int] = []
    element, size = "", 0
    elements: list[str] = []
    for number, line in enumerate(lines):
        words = line.decode("utf-8", "replace").split()
        try:
            if words[:1] == ["format"]:
                order = _ORDERS[words[1]]
            elif words[:1] == ["element"]:
                element, size = words[1], int(words[2])
                elements.append(element)
                if size < 0 or elements.count("vertex") > 1:
                    raise ValueError("an element that cannot be")
                if element == "vertex":
                    count, last = size, number
                elif count < 0:
                    rows += size
            elif words[:2] == ["property", "list"] and (element == "vertex" or (count < 0 and size and order != "=")):
                where = "in its vertices" if element == "vertex" else f"in its element {element}, before the vertices"
                raise BadFile(f"{path}: has a list ({words[-1]}) {where}, which leafwood does not read; leave it out")
            elif words[:1] == ["property"] and element == "vertex":
                properties.append((words[2], _TYPES[words[1]]))
                places.append(number)
                last = number
            elif words[:1] == ["property"] and count < 0 and words[1:2] != ["list"]:
                skip += size * np.dtype(_TYPES[words[1]]).itemsize
        except (IndexError, KeyError, ValueError) as error:
            raise BadFile(f"{path}: line {number + 1} of its header cannot be read: {' '.join(words)[:60]}") from error
    if not order:
        raise BadFile(f"{path}: its header names no format")
    if count < 0:
        raise BadFile(f"{path}: has no element vertex; its elements are {', '.join(elements)[:80] or 'none'}")
    missing = {"x", "y", "z"} - {name.lower() for name, _ in properties}
    if missing:
        names = ", ".join(name for name, _ in properties)[:80] or "none"
        raise BadFile(f"{path}: its vertices have no {', '.join(sorted(missing))}; their properties are {names}")
    first = start + (skip if order != "=" else 0)
    ply = _Ply(path, tuple(lines), order, count, tuple(properties), tuple(places), last, first, rows)
    _check_size(ply)
    return ply


def _check_size(ply: _Ply) -> None:
    """Refuse what the file is too short for, before anything is allocated."""
    held = ply.path.stat().st_size - ply.start
    if ply.order == "=":
        if ply.rows_before > held:
            raise BadFile(f"{ply.path}: is cut short: {ply.rows_before} lines come before its vertices")
        length = 2 * len(ply.properties)  # a digit and a blank for each value
        held += 1
    else:
        length = ply.dtype.itemsize
    if held < ply.count * length:
        held = max(held // length, 0)
        raise BadFile(f"{ply.path}: is cut short: the header promises {ply.count} vertices, the file holds {held}")


def _table(ply: _Ply) -> NDArray[Any]:
    """The vertices (n,) as records."""
    table = np.empty(ply.count, dtype=ply.dtype)
    if ply.order == "=":
        _read_ascii(ply, table)
    elif ply.count:
        with ply.path.open("rb") as stream:
            stream.seek(ply.start)
            stream.readinto(table.view(np.uint8).data)
    return table


def _read_ascii(ply: _Ply, table: NDArray[Any]) -> None:
    with ply.path.open("rb") as stream:
        stream.seek(ply.start)
        for _ in range(ply.rows_before):
            stream.readline()
        for number in range(ply.count):
            words = stream.readline().split()
            if not words:
                raise BadFile(f"{ply.path}: is cut short: the header promises {ply.count} vertices, it holds {number}")
            try:
                pairs = zip(words, ply.properties, strict=True)
                table[number] = tuple(float(word) if kind[0] == "f" else int(word) for word, (_, kind) in pairs)
            except (ValueError, OverflowError) as error:
                raise BadFile(f"{ply.path}: vertex {number + 1} cannot be read: {b' '.join(words)[:60]!r}") from error


def _ply_type(column: NDArray[Any]) -> NDArray[Any]:
    if column.dtype.kind == "b":
        return column.astype(np.uint8)
    return column if column.dtype.str[1:] in _TYPES.values() else column.astype(np.float64)


def _write_header(stream: BinaryIO, ply: _Ply, columns: Mapping[str, NDArray[Any]], change: Replacement) -> None:
    spelled = {kind: name for name, kind in reversed(_TYPES.items())}
    ending = b"\r\n" if ply.lines[0].endswith(b"\r\n") else b"\n"
    property_at = {line: number for number, line in enumerate(ply.places)}
    for at, line in enumerate(ply.lines):
        number = property_at.get(at, -1)
        if number in change.renamed:
            line = b" ".join([b"property", line.split()[1], change.renamed[number].encode()]) + ending
        if number not in change.dropped:
            stream.write(line)
        if at == ply.last_line:
            for name, column in columns.items():
                stream.write(f"property {spelled[column.dtype.str[1:]]} {name}".encode() + ending)


def _copy_binary(
    original: BinaryIO, stream: BinaryIO, ply: _Ply, columns: Mapping[str, NDArray[Any]], change: Replacement
) -> None:
    stream.write(original.read(ply.start - original.tell()))  # elements before the vertices
    kept = [(f"p{i}", ply.order + kind) for i, (_, kind) in enumerate(ply.properties) if i not in change.dropped]
    new = [(f"new {name}", ply.order + column.dtype.str[1:]) for name, column in columns.items()]
    for start in range(0, ply.count, _CHUNK):
        part = np.fromfile(original, dtype=ply.dtype, count=min(_CHUNK, ply.count - start))
        out = np.empty(len(part), dtype=kept + new)
        for name, _ in kept:
            out[name] = part[name]
        for name, column in columns.items():
            out[f"new {name}"] = column[start : start + len(part)]
        stream.write(out.tobytes())


def _copy_ascii(
    original: BinaryIO, stream: BinaryIO, ply: _Ply, columns: Mapping[str, NDArray[Any]], change: Replacement
) -> None:
    for _ in range(ply.rows_before):
        stream.write(original.readline())
    for number in range(ply.count):
        line = original.readline()
        bare = line.rstrip(b"\r\n")
        kept = bare.rstrip()
        if change.dropped:
            kept = b" ".join(word for place, word in enumerate(bare.split()) if place not in change.dropped)
        added = [as_text(column[number]) for column in columns.values()]
        stream.write(b" ".join([kept, *added]) + line[len(bare) :])
