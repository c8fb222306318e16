"""Writing a file so that it is there whole or not at all, and never over another one by accident."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import socket
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from leafwood.errors import FileProblem, TargetExists

__all__ = ["SCRATCH", "check_target", "machine", "scratch_name", "why_not_written", "writing"]

SCRATCH = ".leafwood-"  # what the names of files begin with that are not complete yet
_LONGEST = 255  # bytes of a file's name, on nearly every file system


def scratch_name() -> str:
    """A name for a file or folder that is there only while this process works on it.

    It says which process of which machine that is, so that a later run knows whether anybody still writes to it.
    """
    return f"{SCRATCH}{machine()}-{os.getpid()}-{secrets.token_hex(4)}"


def machine() -> str:
    """This machine in eight letters."""
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def check_target(target: Path, source: Path | None, overwrite: bool) -> None:
    """Refuse a target that must not be written.

    Args:
        target: the file to be.
        source: the input, which is never written over, whatever link leads to it.
        overwrite: whether another existing file may be replaced.

    Raises:
        TargetExists: it is the input, a folder, or there and not to be replaced.
        FileProblem: its folder does not exist, or its name is too long.
    """
    if (length := len(os.fsencode(target.name))) > _LONGEST:
        raise FileProblem(f"{target.name}: a name of {length} bytes, and files have at most {_LONGEST}; choose another")
    if not target.parent.is_dir():
        raise FileProblem(f"{target}: the folder {target.parent} does not exist")
    if target.is_dir():
        raise TargetExists(f"{target}: is a folder")
    if source is not None and _same(target, source):
        raise TargetExists(f"{target}: is the input itself; choose another name")
    if os.path.lexists(target) and not overwrite:
        raise TargetExists(f"{target}: is there already; overwrite=True replaces it")


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
        FileProblem: the folder is missing, or its disk is read-only or full.
    """
    check_target(target, source, overwrite)
    part = target.with_name(f"{scratch_name()}.part")
    try:
        with part.open("x+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        check_target(target, source, overwrite)
        part.replace(target)
    except Exception as error:
        why = why_not_written(error, target.parent)
        if why is None or isinstance(error, FileProblem):
            raise
        raise FileProblem(f"{target}: cannot be written: {why}") from error
    finally:
        part.unlink(missing_ok=True)


def why_not_written(error: BaseException, folder: Path) -> str | None:
    """What kept a file from being written, where it was the disk or its owner; None for any other error.

    Libraries that write for us wrap the system's error in their own, with its text.

    Args:
        error: what was raised.
        folder: where to.
    """
    code = error.errno if isinstance(error, OSError) else None
    text = str(error)
    if code == errno.ENOSPC or "No space left" in text:
        return f"the disk of {folder} is full{_free(folder)}"
    if code == errno.EDQUOT or "quota exceeded" in text.lower():
        return f"your quota on the disk of {folder} is used up"
    if code == errno.EFBIG or "File too large" in text:
        return "the file would be larger than this process may write (ulimit -f), or than the disk allows"
    if code == errno.EROFS or "Read-only file system" in text:
        return f"the disk of {folder} is read-only"
    if code in (errno.EACCES, errno.EPERM):
        return f"you may not write to {folder}"
    return (error.strerror or text) if isinstance(error, OSError) else None


def _free(folder: Path) -> str:
    try:
        return f" ({shutil.disk_usage(folder).free / 1e6:,.0f} MB are left)"
    except OSError:
        return ""
