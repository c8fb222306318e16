"""What tells one content of a file from another, without reading large files whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from leafwood.errors import BadFile
from leafwood.io.remote import Remote, url_of

__all__ = ["Print", "file_print", "print_of", "prints_of", "same_file"]

Print = dict[str, Any]

_WHOLE = 1 << 22  # bytes of a file that is read whole: its times do not matter then
_ASKED = 16  # servers' files that are asked for at a time
_END = 1 << 16  # bytes at both ends of a larger one: a LAS header and the chunk table of LAZ


def file_print(path: Path) -> Print:
    """What is kept of a file to know it again.

    A file of up to 4 MiB is known by the hash of its content; a larger one by its size, its time and the hash of both
    its ends; one on a server by what the server says (size, tag, time).

    Args:
        path: the file or its address.

    Raises:
        BadFile: it is not there, or cannot be read.
    """
    if url_of(path) is not None:
        return Remote(path).state()
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(0)
            digest = hashlib.sha256(stream.read(_WHOLE if size <= _WHOLE else _END))
            found: Print = {"size": size}
            if size > _WHOLE:
                stream.seek(-_END, 2)
                digest.update(stream.read(_END))
                found["mtime_ns"] = path.stat().st_mtime_ns
            return found | {"sha256" if size <= _WHOLE else "sha256_of_ends": digest.hexdigest()}
    except OSError as error:
        raise BadFile(f"{path}: cannot be read: {error.strerror or error}") from error


def print_of(path: Path) -> Print | None:
    """A file's print, or None where it cannot be had: whoever reads the file says why."""
    try:
        return file_print(path)
    except BadFile:
        return None


def prints_of(paths: Iterable[Path]) -> dict[Path, Print | None]:
    """The prints of files, as :func:`print_of`; servers are asked for several files at a time."""
    paths = list(paths)
    far = [path for path in paths if url_of(path) is not None]
    with ThreadPoolExecutor(_ASKED) as pool:
        answers = dict(zip(far, pool.map(print_of, far), strict=True))
    return {path: answers[path] if path in answers else print_of(path) for path in paths}


def same_file(path: Path, known: object) -> bool:
    """Whether a file is there and is what it was when a print of it was taken.

    Args:
        path: the file or its address.
        known: its print, or what else was found in its place.
    """
    found = print_of(path)
    return found is not None and found == known
