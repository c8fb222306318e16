"""Scans one after the other in a process beside this one, so that a scan that ends its process is one failed scan.

What ends a process is no exception: a fault in a native library, or the system that takes back its memory. The process
beside is started again then, and the other scans are labelled.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leafwood.batch.leftovers import clear_leftovers
from leafwood.batch.one_file import Labelled, LabelOptions, label_file
from leafwood.errors import FileProblem, FileWarning

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

__all__ = ["label_in_turn"]

Show = Callable[[Path, int, int], None]
Outcome = Labelled | Exception

_PATIENCE = 10.0  # seconds that a process is given to clean up before it is ended


def label_in_turn(
    jobs: Mapping[Path, Path], options: LabelOptions, show: Show = lambda scan, done, total: None
) -> Iterator[tuple[Path, Outcome]]:
    """Label scans one after the other.

    Args:
        jobs: scan -> labelled file to be.
        options: how.
        show: called with the scan, its points done and its points to do after each tile.

    Yields:
        A scan and what came of it. Of one that ended its process that is a :class:`~leafwood.errors.FileProblem`.
    """
    beside: _Beside | None = None
    try:
        for source, target in jobs.items():
            beside = beside or _Beside(options)
            outcome = beside.label(source, target, show)
            if outcome is None:
                yield source, FileProblem(f"{source}: {beside.ending()}")
                clear_leftovers([target.parent], of=beside.process.pid)
                beside = None
            else:
                yield source, outcome
    finally:
        if beside is not None:
            beside.stop()
            clear_leftovers((target.parent for target in jobs.values()), of=beside.process.pid)


class _Beside:
    """A process that labels what it is sent."""

    def __init__(self, options: LabelOptions) -> None:
        context = get_context("spawn")  # the threads of native libraries do not survive a fork
        self._here, there = context.Pipe()
        level = logging.getLogger("leafwood").getEffectiveLevel()
        self.process: SpawnProcess = context.Process(target=_work, args=(there, options, level), daemon=True)
        self.process.start()
        there.close()

    def label(self, source: Path, target: Path, show: Show) -> Outcome | None:
        """What came of a scan; None where the process ended."""
        try:
            self._here.send((source, target))
            while True:
                kind, content = self._here.recv()
                if kind == "progress":
                    show(source, *content)
                elif kind == "warning":
                    warnings.warn(content, FileWarning, stacklevel=2)
                elif kind == "log":
                    logging.getLogger(content.name).handle(content)
                else:
                    outcome: Outcome = content
                    return outcome
        except (EOFError, OSError):
            self.process.join(_PATIENCE)
            return None

    def ending(self) -> str:
        """How the process ended, in words."""
        code = self.process.exitcode
        if code is None or code >= 0:
            return f"its process ended (exit status {code})"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"its process was ended by {name}; is there memory enough for it, and is the file whole?"

    def stop(self) -> None:
        """End the process, cleaning up first if it can."""
        self._here.close()
        self.process.terminate()
        self.process.join(_PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _work(pipe: Connection, options: LabelOptions, level: int) -> None:
    """Label what comes through the pipe until it is closed."""
    _end_with_parent()
    log = logging.getLogger("leafwood")
    log.setLevel(level)
    log.addHandler(_ToPipe(pipe))
    warnings.simplefilter("default", FileWarning)

    def warn(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        if issubclass(category, FileWarning):
            pipe.send(("warning", str(message)))

    warnings.showwarning = warn
    with suppress(EOFError, OSError):
        while True:
            source, target = pipe.recv()
            try:
                outcome: Outcome = label_file(source, target, options, lambda *counts: pipe.send(("progress", counts)))
            except Exception as error:
                outcome = _sendable(error)
            pipe.send(("outcome", outcome))


def _sendable(error: Exception) -> Exception:
    """The error, or its words where it cannot be sent."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


class _ToPipe(logging.Handler):
    """Sends what is logged to the process that the user started."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__()
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        record.msg, record.args = record.getMessage(), None
        record.exc_info = None
        with suppress(OSError):
            self._pipe.send(("log", record))


def _end_with_parent() -> None:
    """Leave Ctrl-C to the process that the user started, end when it ends, and clean up whenever asked to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        signal.raise_signal(signal.SIGTERM)
        threading.Event().wait(_PATIENCE)
        os._exit(143)

    threading.Thread(target=watch, daemon=True).start()
