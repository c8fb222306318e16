"""How a text file of points is laid out: encoding, delimiter, decimal sign, header, axes, what is a point."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

from leafwood.errors import BadFile, NoPointCloud
from leafwood.io.text_names import axes_of, degrees_among, names_axes

__all__ = ["TextLayout", "all_lines", "has_width", "is_point", "number", "parted", "sniff", "split"]

_COMMENTS = (b"#", b"//", b"%")
_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_BOM = b"\xef\xbb\xbf"
_MISSING = frozenset(
    {b"", b"na", b"n/a", b"#n/a", b"nan", b"-nan", b"null", b"none", b"-", b"-nan(ind)", b"1.#qnan", b"-1.#ind"}
)
_RASTER = (b"ncols", b"nrows", b"dsaa", b"xllcorner")
_COMMA_NUMBER = re.compile(rb'"?[+-]?\d+,\d+(?:[eE][+-]?\d+)?"?')
_OUR_CODE, _OUR_PROB = re.compile(rb"[012]"), re.compile(rb"[01][.,]\d{4}")
_QUOTES = re.compile(rb'"[^"]*"')
_QUOTED = re.compile(rb'(?:[^"\s]|"[^"]*")+')
_SAMPLE = 100
_SURE = 20  # lines that all look like labels of ours, whatever the file is called


@dataclass(frozen=True)
class TextLayout:
    """How a file is laid out.

    Attributes:
        encoding: Python's name; ``utf-8`` also for any other that keeps ASCII as it is.
        delimiter: what stands between values, None for blanks and tabs.
        comma: whether numbers have a decimal comma.
        header: number of the line that names the columns, or None.
        names: names of the columns, "" for one without a name; empty without a header.
        axes: numbers of the columns x, y, z.
        width: values on the first line with a point.
        first: number of that line.
        ours: how many columns at the end an earlier run of ours wrote into a file without a header.
        joiner: what to put before a new column.
        trailing: whether each line ends with a delimiter behind its last value.
        counts: whether single integers between the points are counts (PTS files, with one for each scan).
    """

    encoding: str
    delimiter: bytes | None
    comma: bool
    header: int | None
    names: tuple[str, ...]
    axes: tuple[int, int, int]
    width: int
    first: int
    ours: int
    joiner: bytes
    trailing: bool
    counts: bool


def all_lines(path: Path, encoding: str) -> Iterator[bytes]:
    """The lines of a file with their ends, as UTF-8 where it is UTF-16, else as they stand; without byte order mark.

    Raises:
        BadFile: it is not UTF-16 throughout.
    """
    if encoding == "utf-8":
        with path.open("rb") as binary:
            yield next(binary, b"").removeprefix(_BOM)
            yield from binary
        return
    try:
        with path.open(encoding=encoding, newline="") as stream:
            yield next(stream, "").encode().removeprefix(_BOM)
            for text in stream:
                yield text.encode()
    except UnicodeError as error:
        raise BadFile(f"{path}: begins as {encoding.upper()}, but is not so throughout ({error})") from error


def is_point(line: bytes, layout: TextLayout) -> bool:
    """Whether a line behind the header is a point, and no comment, count, blank or repeated header."""
    bare = line.strip()
    return bool(bare) and not bare.startswith(_COMMENTS) and not (layout.counts and bare.isdigit())


def parted(line: bytes, delimiter: bytes | None) -> tuple[bytes, bytes]:
    """A line and the remark at its end, if blanks stand between its values and nothing is quoted."""
    if delimiter is not None or b"#" not in line or b'"' in line:
        return line, b""
    at = line.index(b"#")
    return line[:at], line[at:]


def has_width(line: bytes, layout: TextLayout) -> bool:
    """Whether a point's line has as many values as the first, and no quotation mark without its pair."""
    if b'"' in line:
        return not line.count(b'"') % 2 and len(split(line, layout.delimiter)) == layout.width + layout.trailing
    if layout.delimiter is None:
        return len(line.split()) == layout.width
    end = b" \r\n" if layout.delimiter == b"\t" else None
    return line.strip(end).count(layout.delimiter) + 1 == layout.width + layout.trailing


def split(line: bytes, delimiter: bytes | None) -> list[bytes]:
    """Values of a line as they stand, blanks around them taken off; quoted text is one value."""
    bare = line.strip(b" \r\n") if delimiter == b"\t" else line.strip()
    if b'"' not in bare:
        words = bare.split(delimiter)
    elif delimiter is None:
        words = _QUOTED.findall(bare)
    else:
        words = _pieces(bare, delimiter)
    return [word.strip() for word in words]


def _pieces(line: bytes, delimiter: bytes) -> list[bytes]:
    words, start, quoted = [], 0, False
    for at in range(len(line)):
        letter = line[at : at + 1]
        if letter == b'"':
            quoted = not quoted
        elif letter == delimiter and not quoted:
            words.append(line[start:at])
            start = at + 1
    return [*words, line[start:]]


def number(word: bytes, comma: bool) -> float | None:
    """The number a word says, NaN for what stands for a missing one, None for any other word."""
    bare = word.strip(b'" ')
    if bare.lower() in _MISSING:
        return float("nan")
    try:
        return float(bare.replace(b",", b".") if comma else bare)
    except ValueError:
        return None


def _encoding(path: Path) -> str:
    with path.open("rb") as stream:
        block = stream.read(256)
    for mark, name in _MARKS.items():
        if block.startswith(mark):
            return name
    if len(block) > 8 and not block[1:64:2].strip(b"\0") and all(block[0:64:2]):
        return "utf-16-le"
    if len(block) > 8 and not block[0:64:2].strip(b"\0") and all(block[1:64:2]):
        return "utf-16-be"
    return "utf-8"


def _delimiter(lines: Sequence[bytes]) -> tuple[bytes | None, bool]:
    """What separates values, and whether they have decimal commas, from lines with points."""
    first = _QUOTES.sub(b'""', lines[0])
    tabs = {line.strip(b" \r\n").count(b"\t") for line in lines}
    for delimiter in (b";", b"\t") if len(tabs) == 1 and tabs.pop() >= 2 else (b";",):
        if delimiter in first:
            return delimiter, any(_COMMA_NUMBER.fullmatch(word) for word in split(first, delimiter))
    words = split(first, None)
    if (
        len(words) >= 3
        and b"," in first
        and all(_COMMA_NUMBER.fullmatch(w) or number(w, False) is not None for w in words)
    ):
        return None, True
    return (b"," if b"," in first else None), False


def sniff(path: Path) -> TextLayout | None:
    """The layout; None where a header says that there are points, and there are none.

    Raises:
        NoPointCloud: a table, a grid or a letter: nothing that says where points are.
    """
    encoding = _encoding(path)
    if path.stat().st_size == 0:
        raise NoPointCloud(f"{path}: is empty")
    lines = enumerate(all_lines(path, encoding))
    comment: tuple[int, bytes] | None = None
    header: tuple[int, bytes] | None = None
    counted = False
    for at, line in lines:
        bare = line.strip()
        if not bare:
            continue
        if at == 0 and bare.lower().startswith(_RASTER):
            raise NoPointCloud(
                f"{path}: is a grid of heights ({bare[:20].decode('utf-8', 'replace')}), not a point cloud"
            )
        if bare.startswith(_COMMENTS):
            comment = (at, bare) if names_axes(_titles(bare)) else comment
            continue
        if bare.isdigit() and not counted:
            counted = True
            continue
        if header is None and re.search(rb"[A-Za-z]", bare) and not _has_numbers(bare):
            header = (at, bare)
            continue
        sample = [line, *(more for _, more in islice(lines, _SAMPLE) if _may_be_point(more))]
        return _layout(path, encoding, at, sample, header or comment, header is not None, counted)
    named = header or comment
    if named is not None and axes_of(_titles(named[1])) is not None:
        return None
    raise NoPointCloud(f"{path}: has no points")


def _may_be_point(line: bytes) -> bool:
    bare = line.strip()
    return bool(bare) and not bare.startswith(_COMMENTS) and not bare.isdigit()


def _has_numbers(line: bytes) -> bool:
    words = re.split(rb"[\s,;]+", line.replace(b'"', b" "))
    return any(number(word, False) is not None for word in words if word.lower() not in _MISSING)


def _titles(line: bytes) -> tuple[str, ...]:
    """Names in a header line, whatever stands before and between them."""
    bare = line.strip().lstrip(b"#/% ")
    delimiter = next((d for d in (b";", b"\t", b",") if d in _QUOTES.sub(b"", bare)), None)
    words = split(bare, delimiter)
    if words and not words[-1]:
        words.pop()
    return tuple(word.strip(b'" ').decode("utf-8", "replace") for word in words)


def _layout(
    path: Path,
    encoding: str,
    first: int,
    sample: list[bytes],
    header: tuple[int, bytes] | None,
    plain: bool,
    counted: bool,
) -> TextLayout:
    delimiter, comma = _delimiter(sample)
    rows = [split(parted(line, delimiter)[0], delimiter) for line in sample]
    width = len(rows[0])
    names = _titles(header[1]) if header else ()
    if header and plain and header[1].count(b'"') % 2:
        raise NoPointCloud(f"{path}: line {header[0] + 1} has a quotation mark without its pair")
    trailing = delimiter is not None and len(names) != width and not any(row[-1] for row in rows)
    width -= trailing
    if len(names) == width - 1:
        names = ("", *names)  # R writes the numbers of rows without a name
    if names and len(names) != width:
        if plain:
            raise NoPointCloud(
                _question(path, header, f"names {len(names)} columns, but the points have {width} values")
            )
        names = ()  # a comment that is no header
    if width < 3:
        raise NoPointCloud(f"{path}: line {first + 1} has {width} values, a point has at least 3")
    axes = axes_of(names) if names else _first_three(path, first, rows, comma)
    if axes is None:
        degrees = degrees_among(names)
        if degrees:
            why = f"has degrees ({', '.join(degrees)}), not lengths; project it to metres and call them x, y, z"
            raise NoPointCloud(_question(path, header, why))
        raise NoPointCloud(_question(path, header, "does not say which columns are x, y and z; name them so"))
    return TextLayout(
        encoding=encoding,
        delimiter=delimiter,
        comma=comma,
        header=header[0] if header and names else None,
        names=names,
        axes=axes,
        width=width,
        first=first,
        ours=0 if names else _ours(path, [row[:width] for row in rows]),
        joiner=delimiter or (b"\t" if b"\t" in sample[0].strip() else b" "),
        trailing=trailing,
        counts=counted or path.suffix.lower() == ".pts",
    )


def _question(path: Path, header: tuple[int, bytes] | None, why: str) -> str:
    at, line = header or (0, b"")
    return f"{path}: line {at + 1} ({line.decode('utf-8', 'replace')[:80]}) {why}"


def _first_three(path: Path, first: int, rows: list[list[bytes]], comma: bool) -> tuple[int, int, int]:
    """The first three columns, if nothing speaks against it: names of points, or numbers that count the lines."""
    line = f"{path}: line {first + 1} ({b' '.join(rows[0]).decode('utf-8', 'replace')[:80]})"
    if number(rows[0][0], comma) is None and sum(number(word, comma) is not None for word in rows[0]) >= 3:
        raise NoPointCloud(f"{line} begins with a name; which columns are x, y and z? Put a first line that names them")
    heads = [row[0] for row in rows if row]
    counting = len(heads) >= 3 and all(word.isdigit() for word in heads)
    if len(rows[0]) > 3 and counting and all(int(b) - int(a) == 1 for a, b in pairwise(heads)):
        raise NoPointCloud(
            f"{line} begins with a number that counts the lines; which columns are x, y and z? "
            "Put a first line that names them"
        )
    return 0, 1, 2


def _ours(path: Path, rows: list[list[bytes]]) -> int:
    """Columns at the end that look like labels of ours, if the name says so or codes agree with probabilities."""
    named = path.stem.endswith("_leafwood")
    for columns in (2, 3):  # the third is the height above ground
        if min(map(len, rows)) < 3 + columns:
            continue
        pairs = [(row[-columns], row[1 - columns]) for row in rows]
        alike = all(_OUR_CODE.fullmatch(code) and _OUR_PROB.fullmatch(prob) for code, prob in pairs)
        if alike and (named or (len(rows) >= _SURE and all(_agree(*pair) for pair in pairs))):
            return columns
    return 0


def _agree(code: bytes, prob: bytes) -> bool:
    wood = float(prob.replace(b",", b"."))
    return code == b"0" or (wood >= 0.5 if code == b"2" else wood <= 0.5)
