"""Points as text: XYZ, TXT, CSV, ASC, PTS. Read by numpy, written back as the same lines plus labels."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.errors import BadFile, FileWarning, about
from leafwood.io.labels import HEIGHT, LEAFWOOD, WOOD_PROB
from leafwood.io.results import column_names, fields_replaced, require_count, result_columns
from leafwood.io.target import writing
from leafwood.io.text_layout import TextLayout, all_lines, has_width, is_point, number, parted, sniff, split

__all__ = ["read_text", "write_text"]

_OURS = (LEAFWOOD, WOOD_PROB, HEIGHT)
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def read_text(path: Path) -> PointCloud:
    """Read x, y, z and, where a header names them, further columns of numbers.

    Args:
        path: one point per line; separated by blanks, tabs, commas or semicolons, with decimal points or commas, in
            UTF-8 or UTF-16. Lines that start with ``#``, ``//`` or ``%``, a line of names, and the counts of a PTS
            file are allowed. Columns are x, y, z by their names (easting, Points:0, X_m ...); without a header they are
            the first three.

    Returns:
        The cloud; values that are missing (NA, empty) are NaN.

    Raises:
        NoPointCloud: a table, a grid or a letter: nothing that says where points are.
        BadFile: a line that is not a point (the error names it).
    """
    layout = sniff(path)
    if layout is None:
        return PointCloud.from_xyz(np.empty((0, 3)), path=path)
    if not layout.names and layout.width - layout.ours > 3:
        warnings.warn(
            f"{path}: has no header, so its first three columns are taken for x, y and z", FileWarning, stacklevel=2
        )
    extra = _extra_columns(path, layout)
    table = _load(path, layout, [*layout.axes, *extra])
    columns = {name: table[:, 3 + i].copy() for i, name in enumerate(extra.values())}
    with about(path):
        return PointCloud.from_xyz(table[:, :3], columns, path=path)


def write_text(
    cloud: PointCloud, source: Path, target: Path, *, extra: Collection[str] = (), overwrite: bool = False
) -> None:
    """Write the lines of `source` again, each with the cloud's labels behind it.

    Columns that an earlier run added are replaced: by their names, or, in a file without a header, where the last
    columns of all lines look like labels.

    Raises:
        BadFile: the source is damaged.
        BadCloud: the cloud has no labels, or not as many points as the source.
        TargetExists: see :func:`leafwood.io.target.check_target`.
    """
    columns = result_columns(cloud, extra)
    layout = sniff(source)
    if layout is None:
        with writing(target, source, overwrite) as stream:
            require_count(source, 0, cloud)
            stream.write(source.read_bytes())
        return
    names = _names(layout)
    unusable = {i for i in range(len(names)) if i in layout.axes or not names[i]}

    def load(places: Sequence[int]) -> dict[int, NDArray[Any]]:
        table = _load(source, layout, [*layout.axes, *places])
        return {place: table[:, 3 + i] for i, place in enumerate(places)}

    change = fields_replaced(names, unusable, columns, load)
    for note in change.notes:
        warnings.warn(f"{source}: {note}", FileWarning, stacklevel=2)
    drop = sorted(change.dropped)
    texts = [_texts(name, column, layout.comma) for name, column in columns.items()]
    done = 0
    with writing(target, source, overwrite) as stream:
        stream.write(_mark(source))
        for at, line in enumerate(all_lines(source, layout.encoding)):
            if at == layout.header:
                line = _header(line, layout, drop, change.renamed, list(columns))
            elif at >= layout.first and is_point(line, layout):
                added = [next(column) for column in texts] if done < len(cloud) else []
                line = _with(line, layout, drop, added)
                done += 1
            stream.write(line if layout.encoding == "utf-8" else line.decode().encode(layout.encoding))
        require_count(source, done, cloud)


def _names(layout: TextLayout) -> list[str]:
    """A name for each column, "" for one without, those of ours in a file without a header included."""
    if layout.names:
        return list(layout.names)
    return [""] * (layout.width - layout.ours) + list(_OURS[: layout.ours])


def _extra_columns(path: Path, layout: TextLayout) -> dict[int, str]:
    """Places and names of further columns of numbers."""
    first = _first_row(path, layout)
    names = _names(layout)
    skip = {
        place
        for place, name in enumerate(names)
        if place in layout.axes or not name or number(first[place], False) is None
    }
    return column_names(names, skip)


def _load(path: Path, layout: TextLayout, places: Sequence[int]) -> NDArray[np.float64]:
    """Columns (n, k) of numbers; the first three, which are coordinates, are all finite."""
    counts: list[int] = []
    delimiter = layout.delimiter.decode() if layout.delimiter else None
    table = _load_fast(path, layout, delimiter)
    if table is not None and np.isfinite(table[:, layout.axes]).all():
        return table[:, places]
    try:
        table = np.loadtxt(
            _plain(path, layout, counts), delimiter=delimiter, usecols=places, ndmin=2, comments=None, quotechar='"'
        )
    except (ValueError, IndexError, OverflowError):
        table = None  # missing values, or a line that is wrong: which one is found out below
    if table is None or not np.isfinite(table[:, :3]).all():
        table = _load_slowly(path, layout, places)
    if counts and sum(counts) != len(table):
        raise BadFile(f"{path}: promises {sum(counts)} points and holds {len(table)}")
    return np.asarray(table, dtype=np.float64)


def _load_fast(path: Path, layout: TextLayout, delimiter: str | None) -> NDArray[np.float64] | None:
    """All columns (n, width) of a file of nothing but numbers; None for any other."""
    plain = layout.encoding == "utf-8" and not (layout.comma or layout.counts or layout.trailing)
    if not plain or any(number(word, False) is None for word in _first_row(path, layout)):
        return None
    try:
        with path.open(encoding="utf-8-sig") as stream:
            table = np.loadtxt(stream, delimiter=delimiter, skiprows=layout.first, ndmin=2, comments="#")
    except (ValueError, OverflowError):
        return None  # lines of another width, remarks, missing values: read with more care
    return np.asarray(table, dtype=np.float64) if table.shape[1] == layout.width else None


def _first_row(path: Path, layout: TextLayout) -> list[bytes]:
    """Values of the first point's line."""
    lines = (line for at, line in enumerate(all_lines(path, layout.encoding)) if at >= layout.first)
    return split(_clean(next(lines), layout), layout.delimiter)


def _plain(path: Path, layout: TextLayout, counts: list[int]) -> Iterator[str]:
    """Lines of points as numpy takes them; counts that stand between them are collected."""
    for at, line in enumerate(all_lines(path, layout.encoding)):
        if layout.counts and line.strip().isdigit():
            counts.append(int(line.strip()[:18]))
        elif at >= layout.first and is_point(line, layout):
            clean = _clean(line, layout)
            text = clean.decode("utf-8", "replace")
            # what numpy takes for a space and we do not, such as a control character, would move all values after it
            if not has_width(clean, layout) or (layout.delimiter is None and len(text.split()) != len(clean.split())):
                raise ValueError(f"line {at + 1}")
            yield text


def _clean(line: bytes, layout: TextLayout) -> bytes:
    """The line without a remark at its end, and with decimal points."""
    line = parted(line, layout.delimiter)[0]
    return line.replace(b",", b".") if layout.comma else line


def _load_slowly(path: Path, layout: TextLayout, places: Sequence[int]) -> NDArray[np.float64]:
    """The same line by line: missing values become NaN, and what is wrong is named with its line."""
    rows: list[list[float]] = []
    for at, line in enumerate(all_lines(path, layout.encoding)):
        if at < layout.first or not is_point(line, layout):
            continue
        clean = _clean(line, layout)
        words = split(clean, layout.delimiter)
        if clean.count(b'"') % 2:
            raise BadFile(f"{path}: line {at + 1} has a quotation mark without its pair")
        if not has_width(clean, layout):
            what = f"line {at + 1} has {len(words) - layout.trailing} values, the first point has {layout.width}"
            raise BadFile(f"{path}: {what}")
        values = [number(words[place], False) for place in places]
        for place, value in zip(layout.axes, values, strict=False):
            said = words[place][:40].decode("utf-8", "replace")
            if value is None:
                raise BadFile(f"{path}: line {at + 1}: {said!r} is no number")
            if not np.isfinite(value):
                raise BadFile(f"{path}: line {at + 1}: coordinates must be finite, not {said or 'empty'}")
        rows.append([np.nan if value is None else value for value in values])
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(places))


def _texts(name: str, column: NDArray[Any], comma: bool) -> Iterator[bytes]:
    """Values as text; the two of ours come from a table, which is several times faster than formatting each."""
    if name == WOOD_PROB:
        table = [b"%.4f" % (step / 1e4) for step in range(10_001)]
        table = [word.replace(b".", b",") for word in table] if comma else table
        steps = np.round(np.clip(np.nan_to_num(column.astype(np.float64)), 0, 1) * 1e4).astype(np.int64)
        return (table[step] for step in steps.tolist())
    if column.dtype.kind == "f":
        words = (b"%.6g" % value for value in column.tolist())
        return (word.replace(b".", b",") for word in words) if comma else words
    return (b"%d" % value for value in column.tolist())


def _mark(path: Path) -> bytes:
    """The byte order mark a file begins with, if any."""
    with path.open("rb") as stream:
        block = stream.read(3)
    return next((mark for mark in _MARKS if block.startswith(mark)), b"")


def _with(line: bytes, layout: TextLayout, drop: Sequence[int], added: Sequence[bytes]) -> bytes:
    """A point's line without earlier labels and with new ones, which stand before a remark at its end."""
    values, remark = parted(line, layout.delimiter)
    if remark:
        return _with(values, layout, drop, added) + b" " + remark
    bare = line.rstrip(b"\r\n")
    kept = bare.rstrip(b" \t") if layout.delimiter != b"\t" else bare.rstrip(b" ")
    kept = kept.removesuffix(layout.joiner) if layout.trailing else kept
    kept = _without(kept, layout.delimiter, drop)
    return layout.joiner.join([kept, *added]) + line[len(bare) :]


def _without(line: bytes, delimiter: bytes | None, drop: Sequence[int]) -> bytes:
    """The line without some of its words; where they are the last ones, blanks between the others stay as they are."""
    if not drop:
        return line
    words = split(line, delimiter)
    if list(drop) == list(range(len(words) - len(drop), len(words))) and b'"' not in line:
        return line.rsplit(delimiter, len(drop))[0].rstrip(b" ")
    return (delimiter or b" ").join(word for place, word in enumerate(words) if place not in drop)


def _header(
    line: bytes, layout: TextLayout, drop: Sequence[int], renamed: Mapping[int, str], added: Sequence[str]
) -> bytes:
    """The line of names without earlier labels and with new ones."""
    bare = line.rstrip(b"\r\n")
    delimiter = next((d for d in (b";", b"\t", b",") if d in bare), None)
    joiner = delimiter or b" "
    kept = bare.rstrip(b" \t").removesuffix(joiner)
    shift = len(split(kept, delimiter)) - layout.width  # "# x y z" has a word more, R's headers have one less
    if renamed:
        words = split(kept, delimiter)
        for place, name in renamed.items():
            words[place + shift] = name.encode()
        kept = joiner.join(words)
    kept = _without(kept, delimiter, [place + shift for place in drop])
    return joiner.join([kept, *(name.encode() for name in added)]) + line[len(bare) :]
