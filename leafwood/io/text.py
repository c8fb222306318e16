"""Points as text: XYZ, TXT, CSV, ASC, PTS. Read by numpy, written back as the same lines plus labels."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.errors import BadFile
from leafwood.io.names import column_name
from leafwood.io.results import require_count, result_columns
from leafwood.io.target import writing

__all__ = ["read_text", "write_text"]

_COMMENTS = (b"#", b"//")
_BOM = b"\xef\xbb\xbf"
_SMALL = frozenset({"classification", "return_number", "number_of_returns"})
_OUR_CODE, _OUR_PROB = re.compile(rb"[012]"), re.compile(rb"[01]\.\d{4}")
_SAMPLE = 100


@dataclass(frozen=True)
class _Style:
    """How a file is laid out.

    Attributes:
        delimiter: what stands between values, None for blanks and tabs.
        skip: lines before the first point.
        header: number of the line that names the columns, or None.
        names: the columns' names, or empty.
        width: values on the first line with a point.
        promised: points a PTS file announces, or None.
        ours: how many columns at the end an earlier run of ours wrote into a file without a header.
        joiner: what to put before a new column.
    """

    delimiter: bytes | None
    skip: int
    header: int | None
    names: tuple[str, ...]
    width: int
    promised: int | None
    ours: int
    joiner: bytes


def read_text(path: Path) -> PointCloud:
    """Read x, y, z and, where a header names them, further columns of numbers.

    Args:
        path: one point per line; separated by blanks, tabs, commas or semicolons; lines that start with ``#`` or
            ``//`` and a first line of names are allowed, and the count that begins a PTS file.

    Raises:
        BadFile: empty, or a line that is not a point (the error names it).
    """
    style = _sniff(path)
    if style is None:
        return PointCloud.from_xyz(np.empty((0, 3)), path=path)
    axes, extra = _columns(path, style)
    try:
        table = _load(path, style, [*axes, *extra.values()])
    except (ValueError, IndexError) as error:
        raise _explain(path, style, axes, str(error)) from error
    if style.promised is not None and style.promised != len(table):
        raise BadFile(f"{path}: promises {style.promised} points and holds {len(table)}")
    if not np.isfinite(table[:, :3]).all():
        raise _explain(path, style, axes, "NaN or infinite coordinates")
    columns = {name: _narrow(name, table[:, 3 + i].copy()) for i, name in enumerate(extra)}
    return PointCloud.from_xyz(table[:, :3], columns, path=path)


def write_text(
    cloud: PointCloud, source: Path, target: Path, *, extra: Collection[str] = (), overwrite: bool = False
) -> None:
    """Write the lines of `source` again, each with the cloud's labels behind it.

    Columns of the same names are replaced, and so are, in a file without a header whose name ends in ``_leafwood``, two
    last columns that look like an earlier run's.

    Raises:
        BadFile: the source is damaged.
        BadCloud: the cloud has no labels, or not as many points as the source.
        TargetExists: see :func:`leafwood.io.target.check_target`.
    """
    columns = result_columns(cloud, extra)
    style = _sniff(source)
    texts = [_texts(name, column) for name, column in columns.items()]
    drop = _places_of_ours(style, list(columns)) if style else ()
    number = 0
    with writing(target, source, overwrite) as stream, source.open("rb") as original:
        for at, line in enumerate(original):
            bare = line.rstrip(b"\r\n")
            if style is not None and at == style.header:
                added = [name.encode() for name in columns]
            elif style is None or at < style.skip or not _is_point(bare):
                stream.write(line)
                continue
            else:
                added = [next(column) for column in texts] if number < len(cloud) else []
                number += 1
            shift = len(_split(bare, style.delimiter)) - style.width if at == style.header else 0  # "# x y z"
            kept = _without(bare, style.delimiter, [place + shift for place in drop])
            stream.write(style.joiner.join([kept.removesuffix(style.joiner), *added]) + line[len(bare) :])
        require_count(source, number, cloud)


def _is_point(line: bytes) -> bool:
    bare = line.strip()
    return bool(bare) and not bare.startswith(_COMMENTS)


def _split(line: bytes, delimiter: bytes | None) -> list[bytes]:
    return [word.strip() for word in line.strip().rstrip(delimiter or b" ").split(delimiter)]


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _sniff(path: Path) -> _Style | None:
    """The layout; None where there is no point."""
    header, names, promised = None, b"", None
    with path.open("rb") as stream:
        for at, raw in enumerate(stream):
            line = raw.removeprefix(_BOM) if at == 0 else raw
            bare = line.strip()
            if not bare:
                continue
            if bare.startswith(_COMMENTS):
                names, header = (bare.lstrip(b"#/ "), at) if _names_axes(bare) else (names, header)
                continue
            delimiter = next((d for d in (b";", b",") if d in bare), None)
            words = _split(bare, delimiter)
            if len(words) == 1 and path.suffix.lower() == ".pts" and words[0].isdigit() and promised is None:
                promised = int(words[0])
                continue
            if header is None and not any(map(_is_number, words)) and re.search(rb"[A-Za-z]", bare):
                header, names = at, bare
                continue
            joiner = delimiter or (b"\t" if b"\t" in bare else b" ")
            sample = [_split(more, delimiter) for more in [line, *islice(stream, _SAMPLE)] if _is_point(more)]
            titles = _titles(names, len(words))
            return _Style(
                delimiter, at, header if titles else None, titles, len(words), promised, _ours(path, sample), joiner
            )
    if path.stat().st_size == 0:
        raise BadFile(f"{path}: is empty")
    if not _names_axes(names):
        raise BadFile(f"{path}: has no points")
    return None


def _titles(names: bytes, width: int) -> tuple[str, ...]:
    delimiter = next((d for d in (b";", b",") if d in names), None)
    titles = tuple(word.strip(b'"').decode("utf-8", "replace") for word in _split(names, delimiter))
    return titles if len(titles) == width else ()


def _names_axes(comment: bytes) -> bool:
    words = re.split(rb"[\s,;]+", comment.replace(b'"', b"").lstrip(b"#/ ").lower())
    return {b"x", b"y", b"z"} <= set(words)


def _ours(path: Path, sample: list[list[bytes]]) -> int:
    """Columns that look like labels of ours at the end of a file whose name says it is one."""
    if not path.stem.endswith("_leafwood") or min(map(len, sample)) < 5:
        return 0
    alike = all(_OUR_CODE.fullmatch(words[-2]) and _OUR_PROB.fullmatch(words[-1]) for words in sample)
    return 2 if alike else 0


def _columns(path: Path, style: _Style) -> tuple[list[int], dict[str, int]]:
    """Places of x, y, z, and of named columns of numbers."""
    lower = [name.lower() for name in style.names]
    axes = [lower.index(axis) for axis in "xyz"] if set("xyz") <= set(lower) else [0, 1, 2]
    if style.width < 3:
        raise BadFile(f"{path}: line {style.skip + 1} has {style.width} values, a point has at least 3")
    with path.open("rb") as stream:
        first = _split(next(islice(stream, style.skip, None)), style.delimiter)
    return axes, {
        column_name(name): place
        for place, name in enumerate(style.names)
        if place not in axes and _is_number(first[place])
    }


def _load(path: Path, style: _Style, places: list[int]) -> NDArray[np.float64]:
    delimiter = style.delimiter.decode() if style.delimiter else None
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        table = np.loadtxt(stream, delimiter=delimiter, skiprows=style.skip, usecols=places, ndmin=2, comments="#")
    return np.asarray(table, dtype=np.float64)


def _explain(path: Path, style: _Style, axes: list[int], reason: str) -> BadFile:
    """Which line is wrong: looked for only once something is."""
    with path.open("rb") as stream:
        for at, line in enumerate(stream):
            if at < style.skip or not _is_point(line):
                continue
            words = _split(line.removeprefix(_BOM), style.delimiter)
            if len(words) < style.width:
                return BadFile(f"{path}: line {at + 1} has {len(words)} values, the first point has {style.width}")
            for place in axes:
                if not _is_number(words[place]):
                    return BadFile(
                        f"{path}: line {at + 1}: {words[place][:40].decode('utf-8', 'replace')!r} is no number"
                    )
                if not np.isfinite(float(words[place])):
                    return BadFile(f"{path}: line {at + 1}: coordinates must be finite, not {words[place].decode()}")
    return BadFile(f"{path}: cannot be read: {reason}")


def _narrow(name: str, column: NDArray[np.float64]) -> NDArray[Any]:
    whole = name in _SMALL and np.isfinite(column).all() and (column == column.astype(np.uint8)).all()
    return column.astype(np.uint8) if whole else column


def _texts(name: str, column: NDArray[Any]) -> Iterator[bytes]:
    """Values as text; the two of ours come from a table, which is several times faster than formatting each."""
    if name == "wood_prob":
        table = [b"%.4f" % (step / 1e4) for step in range(10_001)]
        steps = np.round(np.clip(np.nan_to_num(column.astype(np.float64)), 0, 1) * 1e4).astype(np.int64)
        return (table[step] for step in steps.tolist())
    if column.dtype.kind == "f":
        return (b"%.6g" % value for value in column.tolist())
    return (b"%d" % value for value in column.tolist())


def _places_of_ours(style: _Style, names: list[str]) -> tuple[int, ...]:
    named = tuple(i for i, name in enumerate(style.names) if name in names)
    return named or tuple(range(style.width - style.ours, style.width))


def _without(line: bytes, delimiter: bytes | None, drop: list[int]) -> bytes:
    """The line without our earlier columns; they stand at its end unless somebody moved them."""
    if not drop:
        return line.rstrip(b" \t")
    words = line.rstrip(b" \t").split(delimiter)
    if drop == list(range(len(words) - len(drop), len(words))):
        parts = line.rstrip(b" \t").rsplit(delimiter, len(drop))
        return parts[0].rstrip(b" \t")
    return (delimiter or b" ").join(word for place, word in enumerate(words) if place not in drop)
