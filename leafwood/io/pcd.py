"""PCD in and out: ascii, binary and binary_compressed, with every field, the viewpoint and the organisation kept.

The format is read here and not by Open3D, whose reader writes past its memory for padding fields and for counts other
than 1, and takes the process with it. What leafwood writes is the source again with more fields: the header's other
lines and the values' bytes stay as they are. Compressed data comes out as ``binary``.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.errors import BadFile, FileWarning, about
from leafwood.io.lzf import MOST_GROWTH, decompress
from leafwood.io.names import is_standard
from leafwood.io.results import Replacement, as_text, column_names, fields_replaced, require_count, result_columns
from leafwood.io.target import writing

__all__ = ["read_pcd", "write_pcd"]

_MOST_HEADER = 1 << 20
_KINDS = {"F": "f", "U": "u", "I": "i"}
_SIZES = {"f": (4, 8), "u": (1, 2, 4, 8), "i": (1, 2, 4, 8)}
_LETTERS = {kind: letter for letter, kind in _KINDS.items()}
_PADDING = "_"
_COLOURS = ("rgb", "rgba")
_CHUNK = 500_000


@dataclass(frozen=True)
class _Field:
    """One field of a header: a name, numpy's type, and how many values each point has of it."""

    name: str
    kind: str
    count: int

    @property
    def size(self) -> int:
        return np.dtype(self.kind).itemsize * self.count


@dataclass(frozen=True)
class _Pcd:
    """A header, and where the data starts.

    Attributes:
        lines: header lines as they stand, up to and with ``DATA``.
        fields: in file order; names may be alike.
        points: number of points.
        organised: whether the points are an image of several rows.
        form: ``ascii``, ``binary`` or ``binary_compressed``.
    """

    path: Path
    lines: tuple[bytes, ...]
    fields: tuple[_Field, ...]
    points: int
    organised: bool
    form: str

    @property
    def start(self) -> int:
        return sum(map(len, self.lines))

    @property
    def ascii_fields(self) -> tuple[_Field, ...]:
        """The fields with the digits that text may have beyond a float of 4 bytes."""
        return tuple(replace(field, kind="f8") if field.kind == "f4" else field for field in self.fields)

    @property
    def dtype(self) -> np.dtype[Any]:
        """One point; see :func:`_record`."""
        return _record(self.fields)

    def axes(self) -> tuple[int, int, int]:
        """Numbers of the fields x, y and z."""
        lower = [field.name.lower() if field.count == 1 else "" for field in self.fields]
        missing = [axis for axis in "xyz" if axis not in lower]
        if missing:
            names = " ".join(field.name for field in self.fields)[:80]
            raise BadFile(f"{self.path}: is not a PCD file with x, y and z; its fields are {names or 'none'}")
        return lower.index("x"), lower.index("y"), lower.index("z")


def _record(fields: Sequence[_Field]) -> np.dtype[Any]:
    """One point, its fields called f0, f1 ..., as names may be alike."""
    shapes = ((field.count,) if field.count != 1 else () for field in fields)
    return np.dtype([(f"f{i}", "<" + f.kind, shape) for i, (f, shape) in enumerate(zip(fields, shapes, strict=True))])


def read_pcd(path: Path) -> PointCloud:
    """Read a PCD file.

    Returns:
        The cloud. Fields are columns, those of several values (n, k) and packed colours ``red``, ``green``, ``blue``
        uint8. In an organised cloud points may have no coordinates; they are strays.

    Raises:
        BadFile: not PCD, or cut short.
        BadCloud: NaN or infinite coordinates in a cloud that is not organised.
    """
    pcd = _open(path)
    table = _read(pcd)
    axes = pcd.axes()
    xyz = np.stack([table[f"f{i}"] for i in axes], axis=1).astype(np.float64)
    columns: dict[str, NDArray[Any]] = {}
    for i, name in column_names([f.name for f in pcd.fields], {*axes, *_paddings(pcd)}).items():
        columns |= _columns(name, np.ascontiguousarray(table[f"f{i}"], dtype="<" + pcd.fields[i].kind))
    with about(path):
        return PointCloud.from_xyz(xyz, columns, path=path, unmeasured=pcd.organised)


def _paddings(pcd: _Pcd) -> set[int]:
    return {i for i, field in enumerate(pcd.fields) if field.name == _PADDING or field.count == 0}


def _columns(name: str, values: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """A column, or three where colours are packed into one number.

    A field of several values is none of the columns that leafwood reads a meaning from, whatever its name.
    """
    if values.ndim > 1 and is_standard(name):
        return {f"{name}_values": values}
    if name.lower() not in _COLOURS or values.ndim != 1 or values.dtype.itemsize != 4:
        return {name: values}
    packed = values.view(np.uint32)
    return {colour: (packed >> shift).astype(np.uint8) for colour, shift in (("red", 16), ("green", 8), ("blue", 0))}


def write_pcd(
    cloud: PointCloud, source: Path, target: Path, *, extra: Collection[str] = (), overwrite: bool = False
) -> None:
    """Write the fields of `source` again with the cloud's labels as further fields.

    Raises:
        BadFile: the source is damaged.
        BadCloud: the cloud has no labels, or not as many points as the source.
        TargetExists: see :func:`leafwood.io.target.check_target`.
    """
    columns = {name: _pcd_type(column) for name, column in result_columns(cloud, extra).items()}
    pcd = _open(source)
    require_count(source, pcd.points, cloud)
    skip = {*pcd.axes(), *_paddings(pcd)}

    def load(numbers: Sequence[int]) -> dict[int, NDArray[Any]]:
        table = _read(pcd)
        return {i: table[f"f{i}"] for i in numbers}

    change = fields_replaced([f.name for f in pcd.fields], skip, columns, load)
    for line in change.notes:
        warnings.warn(f"{source}: {line}", FileWarning, stacklevel=2)
    with writing(target, source, overwrite) as stream:
        _write_header(stream, pcd, columns, change)
        (_write_ascii if pcd.form == "ascii" else _write_binary)(stream, pcd, columns, change)


def _pcd_type(column: NDArray[Any]) -> NDArray[Any]:
    if column.dtype.kind == "b":
        return column.astype(np.uint8)
    fits = column.dtype.itemsize in _SIZES.get(column.dtype.kind, ())
    return column if fits else column.astype(np.float64)


def _open(path: Path) -> _Pcd:
    lines: list[bytes] = []
    entries: dict[str, list[str]] = {}
    with path.open("rb") as stream:
        while "DATA" not in entries:
            lines.append(stream.readline(_MOST_HEADER))
            if not lines[-1] or sum(map(len, lines)) > _MOST_HEADER:
                raise BadFile(f"{path}: is not a PCD file (no header line DATA)")
            words = lines[-1].decode("utf-8", "replace").split()
            if words and not words[0].startswith("#"):
                entries.setdefault(words[0].upper(), words[1:])
    try:
        pcd = _parse(path, lines, entries)
    except (ValueError, KeyError, IndexError) as error:
        raise BadFile(f"{path}: is not a PCD file that can be read: {error}") from error
    pcd.axes()
    return pcd


def _parse(path: Path, lines: list[bytes], entries: Mapping[str, list[str]]) -> _Pcd:
    names = entries.get("FIELDS") or entries.get("COLUMNS") or []  # COLUMNS in version 0.5
    number = len(names)
    sizes = [int(word) for word in entries.get("SIZE", ["4"] * number)]
    kinds = entries.get("TYPE", ["F"] * number)
    counts = [int(word) for word in entries.get("COUNT", ["1"] * number)]
    for name, values in (("SIZE", sizes), ("TYPE", kinds), ("COUNT", counts)):
        if len(values) != number:
            raise ValueError(f"{name} has {len(values)} values for {number} fields")
    fields = []
    for name, size, letter, count in zip(names, sizes, kinds, counts, strict=True):
        kind = _KINDS.get(letter.upper(), "")
        if size not in _SIZES.get(kind, ()) or not 0 <= count < _MOST_HEADER:
            raise ValueError(f"field {name}: type {letter} of {size} bytes, {count} times, does not exist")
        fields.append(_Field(name, f"{kind}{size}", count))
    shape = [int(entries[name][0]) for name in ("WIDTH", "HEIGHT") if name in entries]
    points = int(entries["POINTS"][0]) if "POINTS" in entries else int(np.prod(shape, dtype=object)) if shape else -1
    form = entries["DATA"][0].lower() if entries["DATA"] else ""
    if points < 0 or form not in ("ascii", "binary", "binary_compressed"):
        raise ValueError("it does not say how many POINTS there are" if points < 0 else f"DATA {form} does not exist")
    organised = len(shape) == 2 and shape[1] > 1
    return _Pcd(path, tuple(lines), tuple(fields), points, organised, form)


def _short(pcd: _Pcd, held: int) -> BadFile:
    return BadFile(f"{pcd.path}: is cut short: the header promises {pcd.points} points, the file holds {held}")


def _read(pcd: _Pcd) -> NDArray[Any]:
    """The points (n,) as records, fields f0, f1 ..."""
    return _read_ascii(pcd) if pcd.form == "ascii" else _read_binary(pcd)


def _read_binary(pcd: _Pcd) -> NDArray[Any]:
    dtype = pcd.dtype
    room = pcd.path.stat().st_size - pcd.start
    with pcd.path.open("rb") as stream:
        stream.seek(pcd.start)
        if pcd.form == "binary":
            if room < pcd.points * dtype.itemsize:
                raise _short(pcd, room // dtype.itemsize)
            return np.fromfile(stream, dtype=dtype, count=pcd.points)
        packed, unpacked = (int.from_bytes(stream.read(4), "little") for _ in range(2))
        if packed > room - 8 or unpacked < pcd.points * dtype.itemsize or unpacked > packed * MOST_GROWTH:
            raise _short(pcd, min(unpacked, max(room - 8, 0)) // dtype.itemsize)
        try:
            data = decompress(stream.read(packed), unpacked)
        except ValueError as error:
            raise BadFile(f"{pcd.path}: its compressed points are damaged ({error})") from error
    table = np.empty(pcd.points, dtype=dtype)
    start = 0
    for i, field in enumerate(pcd.fields):  # compressed data holds one field after the other
        values = np.frombuffer(data, "<" + field.kind, pcd.points * field.count, start)
        table[f"f{i}"] = values.reshape(table[f"f{i}"].shape)
        start += pcd.points * field.size
    return table


def _read_ascii(pcd: _Pcd) -> NDArray[Any]:
    kinds = [field.kind for field in pcd.ascii_fields for _ in range(field.count)]
    flat = np.dtype([(f"v{i}", "<" + kind) for i, kind in enumerate(kinds)])
    room = pcd.path.stat().st_size - pcd.start
    if room + 1 < 2 * len(kinds) * pcd.points:  # a digit and a blank for each value
        raise _short(pcd, max(room + 1, 0) // (2 * len(kinds)))
    if pcd.points == 0:
        return np.empty(0, dtype=_record(pcd.ascii_fields))
    with pcd.path.open("rb") as stream:
        stream.seek(pcd.start)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # numpy's, of data without lines
                values = (
                    np.loadtxt(stream, dtype=flat, max_rows=pcd.points, ndmin=1) if pcd.points else np.empty(0, flat)
                )
        except (ValueError, OverflowError) as error:
            raise BadFile(
                f"{pcd.path}: the header promises {pcd.points} points of {len(kinds)} values, which is not what the "
                f"file holds: {str(error).split(';', 1)[0]}"
            ) from error
    if len(values) < pcd.points:
        raise _short(pcd, len(values))
    return values.view(_record(pcd.ascii_fields))


def _write_header(stream: BinaryIO, pcd: _Pcd, columns: Mapping[str, NDArray[Any]], change: Replacement) -> None:
    kept = [(change.renamed.get(i, f.name), f) for i, f in enumerate(pcd.fields) if i not in change.dropped]
    fields = [(name, f.kind, f.count) for name, f in kept] + [(n, c.dtype.str[1:], 1) for n, c in columns.items()]
    rows = {
        "SIZE": [str(np.dtype(kind).itemsize) for _, kind, _ in fields],
        "TYPE": [_LETTERS[kind[0]] for _, kind, _ in fields],
        "COUNT": [str(count) for *_, count in fields],
    }
    rows |= {key: [name for name, *_ in fields] for key in ("FIELDS", "COLUMNS")}
    said: set[str] = set()
    for line in pcd.lines:
        words = line.decode("utf-8", "replace").split()
        key = words[0].upper() if words else ""
        ending = line[len(line.rstrip(b"\r\n")) :]
        if key == "DATA":
            missing = [name for name in ("SIZE", "TYPE", "COUNT") if name not in said]
            for name in missing:
                stream.write(" ".join([name, *rows[name]]).encode() + ending)
            line = b"DATA " + (b"ascii" if pcd.form == "ascii" else b"binary") + ending
        elif key in rows and key not in said:
            line = " ".join([words[0], *rows[key]]).encode() + ending
        said.add(key)
        stream.write(line)


def _write_binary(stream: BinaryIO, pcd: _Pcd, columns: Mapping[str, NDArray[Any]], change: Replacement) -> None:
    table = _read_binary(pcd)
    old = [(name, table.dtype[name]) for i, name in enumerate(table.dtype.names or ()) if i not in change.dropped]
    new = [(f"new {name}", column.dtype.newbyteorder("<")) for name, column in columns.items()]
    for start in range(0, pcd.points, _CHUNK):
        part = table[start : start + _CHUNK]
        out = np.empty(len(part), dtype=[*old, *new])
        for name, _ in old:
            out[name] = part[name]
        for name, column in columns.items():
            out[f"new {name}"] = column[start : start + len(part)]
        stream.write(out.tobytes())


def _write_ascii(stream: BinaryIO, pcd: _Pcd, columns: Mapping[str, NDArray[Any]], change: Replacement) -> None:
    starts = np.cumsum([0, *(field.count for field in pcd.fields)])
    drop = {place for i in change.dropped for place in range(starts[i], starts[i + 1])}
    number = 0
    with pcd.path.open("rb") as original:
        original.seek(pcd.start)
        for line in original:
            words = line.split(b"#", 1)[0].split()
            if not words or number == pcd.points:
                stream.write(line)
                continue
            kept = [word for place, word in enumerate(words) if place not in drop]
            added = [as_text(column[number]) for column in columns.values()]
            stream.write(b" ".join([*kept, *added]) + line[len(line.rstrip(b"\r\n")) :])
            number += 1
