"""Keeps a damaged LAZ file from printing Rust panics or escaping as a BaseException.

lazrs panics on some damaged streams: pyo3 raises that as ``PanicException``, which is no ``Exception``, after the panic
hook has written a backtrace straight to file descriptor 2. Here such an end becomes one
:class:`~leafwood.errors.BadFile`.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from leafwood.errors import BadFile, LeafwoodError

__all__ = ["compressing", "decoding"]

_MOST_SAID = 1 << 20  # bytes


class _StderrAside:
    """File descriptor 2 set aside while any thread decodes; what came meanwhile is replayed unless one panicked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._saved = -1
        self._held = -1
        self._name = ""
        self.panicked = False

    def enter(self) -> None:
        with self._lock:
            self._depth += 1
            if self._depth > 1:
                return
            self.panicked = False
            # A process may have no stderr.
            with contextlib.suppress(OSError):
                self._saved = os.dup(2)
                self._held, self._name = tempfile.mkstemp()
                os.dup2(self._held, 2)
                os.unlink(self._name)  # Windows refuses, and has it removed when it is closed

    def leave(self) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth or self._held < 0:
                return
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(self._saved, 2)
            os.close(self._saved)
            os.lseek(self._held, 0, os.SEEK_SET)
            said = os.read(self._held, _MOST_SAID)
            os.close(self._held)
            with contextlib.suppress(OSError):
                os.unlink(self._name)
            if said and not self.panicked:
                os.write(2, said)
            self._held = -1


_ASIDE = _StderrAside()


@contextlib.contextmanager
def decoding(path: Path, what: str = "its compressed points are damaged") -> Iterator[None]:
    """Turn whatever lazrs raises, panics included, into one clear error.

    Args:
        path: the file being decoded, for the message.
        what: what to say is wrong.

    Raises:
        BadFile: the decoder failed or panicked.
    """
    _ASIDE.enter()
    try:
        yield
    except (LeafwoodError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        if not isinstance(error, Exception):
            if type(error).__name__ != "PanicException":
                raise
            _ASIDE.panicked = True
        reason = str(error).split("\n", 1)[0].removeprefix("IoError: ")
        raise BadFile(f"{path}: {what} ({reason})") from error
    finally:
        _ASIDE.leave()


@contextlib.contextmanager
def compressing() -> Iterator[None]:
    """Turn whatever lazrs raises while it writes, panics included, into the operating system's error behind it.

    Raises:
        OSError: the disk is full, a quota or a limit is reached, or the compressor failed.
    """
    _ASIDE.enter()
    try:
        yield
    except OSError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        _ASIDE.panicked = _ASIDE.panicked or not isinstance(error, Exception)
        reason = str(error).split("\n", 1)[0].removeprefix("IoError: ")
        raise OSError(0, reason) from error
    finally:
        _ASIDE.leave()
