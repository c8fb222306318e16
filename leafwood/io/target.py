"""Writing a file so that it is there whole or not at all, and never over another one by accident."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from leafwood.errors import FileProblem, TargetExists

__all__ = ["check_target", "writing"]


def check_target(target: Path, source: Path | None, overwrite: bool) -> None:
    """Refuse a target that must not be written.

    Args:
        target: the file to be.
        source: the input, which is never written over, whatever link leads to it.
        overwrite: whether another existing file may be replaced.

    Raises:
        TargetExists: it is the input, a folder, or there and not to be replaced.
        FileProblem: its folder does not exist.
    """
    if not target.parent.is_dir():
        raise FileProblem(f"{target}: the folder {target.parent} does not exist")
    if target.is_dir():
        raise TargetExists(f"{target}: is a folder")
    if source is not None and _same(target, source):
        raise TargetExists(f"{target}: is the input itself; choose another name")
    if os.path.lexists(target) and not overwrite:
        raise TargetExists(f"{target}: is there already; use --overwrite to replace it")


def _same(target: Path, source: Path) -> bool:
    try:
        return target.samefile(source)
    except OSError:
        return False


@contextlib.contextmanager
def writing(target: Path, source: Path | None, overwrite: bool) -> Iterator[BinaryIO]:
    """A new file beside `target` that takes its name once it is complete and on disk.

    Whatever ends the block early, an interrupt or a panic of the decoder included, leaves nothing behind.

    Args:
        target: the file to be.
        source: the input, or None.
        overwrite: whether an existing target may be replaced.

    Yields:
        A binary stream, readable too.

    Raises:
        TargetExists: see :func:`check_target`.
        FileProblem: the folder is missing, read-only or full.
    """
    check_target(target, source, overwrite)
    part = target.with_name(f".leafwood-{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with part.open("x+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        check_target(target, source, overwrite)
        part.replace(target)
    except OSError as error:
        if isinstance(error, FileProblem):
            raise
        raise FileProblem(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
