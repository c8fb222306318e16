"""PLY in and out with every property, comment and further element kept.

Open3D's PLY reader drops properties of type char, short, ushort and uint without a word and returns whatever memory
held for a file that is cut short (0.20.0, tried here), so the vertex table is read with numpy.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.errors import BadFile, FileWarning, about
from leafwood.io.names import column_name
from leafwood.io.results import free_name, require_count, result_columns
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
        properties: name and type of each vertex property.
        last_line: number of the header line after which new properties go.
        start: first byte of the table (binary) or of the data (ASCII).
        rows_before: data lines before the table (ASCII).
    """

    path: Path
    lines: tuple[bytes, ...]
    order: str
    count: int
    properties: tuple[tuple[str, str], ...]
    last_line: int
    start: int
    rows_before: int

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype([(name, self.order + kind) for name, kind in self.properties])


def read_ply(path: Path) -> PointCloud:
    """Read a PLY file's vertices.

    Returns:
        The cloud; every property beside x, y, z is a column.

    Raises:
        BadFile: not PLY, cut short, or without x, y, z.
        BadCloud: NaN or infinite coordinates.
    """
    ply = _open(path)
    table = np.empty(ply.count, dtype=ply.dtype)
    if ply.order == "=":
        _read_ascii(ply, table)
    else:
        with path.open("rb") as stream:
            stream.seek(ply.start)
            stream.readinto(table.view(np.uint8).data if ply.count else bytearray())
    columns = {column_name(n): np.ascontiguousarray(table[n]) for n, _ in ply.properties if n not in ("x", "y", "z")}
    with about(path):
        return PointCloud.from_xyz(np.stack([table[n] for n in "xyz"], axis=1), columns, path=path)


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
    renamed = _renamed(ply, columns)
    with writing(target, source, overwrite) as stream, source.open("rb") as original:
        _write_header(stream, ply, columns, renamed)
        original.seek(sum(map(len, ply.lines)))
        (_copy_ascii if ply.order == "=" else _copy_binary)(original, stream, ply, columns, renamed)
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
    element, size = "", 0
    for number, line in enumerate(lines):
        words = line.decode("utf-8", "replace").split()
        try:
            if words[:1] == ["format"]:
                order = _ORDERS[words[1]]
            elif words[:1] == ["element"]:
                element, size = words[1], int(words[2])
                if element == "vertex":
                    count, last = size, number
                elif count < 0:
                    rows += size
            elif words[:1] == ["property"] and element == "vertex":
                properties.append((words[2], _TYPES[words[1]]))
                last = number
            elif words[:1] == ["property"] and count < 0:
                skip += size * np.dtype(_TYPES[words[1]]).itemsize
        except (IndexError, KeyError, ValueError) as error:
            raise BadFile(f"{path}: line {number + 1} of its header cannot be read: {' '.join(words)[:60]}") from error
    names = [name for name, _ in properties]
    if not order or count < 0 or len(set(names)) < len(names) or not {"x", "y", "z"} <= set(names):
        raise BadFile(f"{path}: has no vertices with x, y and z")
    ply = _Ply(path, tuple(lines), order, count, tuple(properties), last, start + (skip if order != "=" else 0), rows)
    held = (path.stat().st_size - ply.start) // ply.dtype.itemsize
    if order != "=" and held < count:
        raise BadFile(f"{path}: is cut short: the header promises {count} vertices, the file holds {max(held, 0)}")
    return ply


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


def _renamed(ply: _Ply, columns: Mapping[str, NDArray[Any]]) -> dict[str, str]:
    """Somebody else's properties that have our names, under new ones."""
    taken = [name for name, _ in ply.properties]
    found = {n: free_name(n, taken) for n, kind in ply.properties if n in columns and columns[n].dtype.str[1:] != kind}
    for name, new in found.items():
        warnings.warn(f"{ply.path}: its {name} is of another kind and is now called {new}", FileWarning, stacklevel=3)
    return found


def _write_header(stream: BinaryIO, ply: _Ply, columns: Mapping[str, NDArray[Any]], renamed: Mapping[str, str]) -> None:
    spelled = {kind: name for name, kind in reversed(_TYPES.items())}
    have = {name for name, _ in ply.properties} - set(renamed)
    ending = b"\r\n" if ply.lines[0].endswith(b"\r\n") else b"\n"
    in_vertex = False
    for number, line in enumerate(ply.lines):
        words = line.split()
        if words[:1] == [b"element"]:
            in_vertex = words[1] == b"vertex"
        if in_vertex and words[:1] == [b"property"] and words[-1].decode() in renamed:
            line = b"property " + words[1] + b" " + renamed[words[-1].decode()].encode() + ending
        stream.write(line)
        if number == ply.last_line:
            for name in (n for n in columns if n not in have):
                stream.write(f"property {spelled[columns[name].dtype.str[1:]]} {name}".encode() + ending)


def _copy_binary(
    original: BinaryIO, stream: BinaryIO, ply: _Ply, columns: Mapping[str, NDArray[Any]], renamed: Mapping[str, str]
) -> None:
    stream.write(original.read(ply.start - original.tell()))  # elements before the vertices
    old = [(renamed.get(name, name), ply.order + kind) for name, kind in ply.properties]
    new = [(n, ply.order + c.dtype.str[1:]) for n, c in columns.items() if n not in dict(old)]
    for start in range(0, ply.count, _CHUNK):
        part = np.fromfile(original, dtype=old, count=min(_CHUNK, ply.count - start))
        out = np.empty(len(part), dtype=old + new)
        for name, _ in old:
            out[name] = part[name]
        for name, column in columns.items():
            out[name] = column[start : start + len(part)]
        stream.write(out.tobytes())


def _copy_ascii(
    original: BinaryIO, stream: BinaryIO, ply: _Ply, columns: Mapping[str, NDArray[Any]], renamed: Mapping[str, str]
) -> None:
    for _ in range(ply.rows_before):
        stream.write(original.readline())
    names = [renamed.get(name, name) for name, _ in ply.properties]
    at = {name: names.index(name) for name in columns if name in names}
    for number in range(ply.count):
        line = original.readline()
        words = line.split()
        bare = line.rstrip(b"\r\n")
        for name, place in at.items():
            words[place] = _number(columns[name][number])
        kept = b" ".join(words) if at else bare.rstrip()
        added = [_number(column[number]) for name, column in columns.items() if name not in at]
        stream.write(b" ".join([kept, *added]) + line[len(bare) :])


def _number(value: Any) -> bytes:
    return (f"{value:.6g}" if isinstance(value, np.float32) else str(value)).encode()
