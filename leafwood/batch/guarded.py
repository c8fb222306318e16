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
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leafwood.batch.leftovers import clear_leftovers
from leafwood.batch.one_file import Labelled, LabelOptions
from leafwood.batch.units import Unit, label_unit, units_of
from leafwood.errors import FileProblem, FileWarning
from leafwood.memory import LEAST, default_memory

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

__all__ = ["label_in_turn"]

Show = Callable[[Path, int, int], None]
Outcome = Labelled | Exception

_PATIENCE = 10.0  # seconds that a process is given to clean up before it is ended


def label_in_turn(
    jobs: Mapping[Path, Path],
    options: LabelOptions,
    show: Show = lambda scan, done, total: None,
    known: Collection[Path] = (),
) -> Iterator[tuple[Path, Outcome]]:
    """Label scans one after the other, and those that touch as one survey.

    Args:
        jobs: scan -> labelled file to be.
        options: how.
        show: called with the scan, its points done and its points to do after each tile.
        known: all scans of the run, those that are labelled already among them.

    Yields:
        A scan and what came of it. Of one that ended its process that is a :class:`~leafwood.errors.FileProblem`.
    """
    beside: _Beside | None = None
    folders = {target.parent for target in jobs.values()}
    try:
        for unit in units_of(jobs, options, known):
            waiting = list(unit.jobs.items())
            for memory in _memories(unit, options):
                if beside is not None and beside.memory != memory:
                    _ended(beside, folders)
                    beside = None
                working = beside = beside or _Beside(replace(options, memory=memory))
                for source, outcome in working.label(unit._replace(jobs=dict(waiting)), show):
                    waiting = [job for job in waiting if job[0] != source]
                    yield source, outcome
                if not waiting:
                    break
                ending = working.ending()
                clear_leftovers(folders, of=working.process.pid)
                beside = None
            yield from ((source, FileProblem(f"{source}: {ending}")) for source, _ in waiting)
    finally:
        if beside is not None:
            _ended(beside, folders)


def _memories(unit: Unit, options: LabelOptions) -> list[int | None]:
    """What a unit may use: a survey that ends its process is tried again with half, in smaller tiles."""
    if not unit.tiled:
        return [options.memory]
    return [options.memory, max((options.memory or default_memory()) // 2, LEAST)]


def _ended(beside: _Beside, folders: Collection[Path]) -> None:
    """End a process, and take away what it leaves."""
    beside.stop()
    clear_leftovers(folders, of=beside.process.pid)


class _Beside:
    """A process that labels what it is sent."""

    def __init__(self, options: LabelOptions) -> None:
        self.memory = options.memory
        context = get_context("spawn")  # the threads of native libraries do not survive a fork
        self._here, there = context.Pipe()
        level = logging.getLogger("leafwood").getEffectiveLevel()
        self.process: SpawnProcess = context.Process(target=_work, args=(there, options, level), daemon=True)
        self.process.start()
        there.close()

    def label(self, unit: Unit, show: Show) -> Iterator[tuple[Path, Outcome]]:
        """What comes of the scans of a unit, as far as the process comes with them before it ends."""
        first = next(iter(unit.jobs))
        try:
            self._here.send(unit)
            while True:
                kind, content = self._here.recv()
                if kind == "progress":
                    show(first, *content)
                elif kind == "warning":
                    warnings.warn(content, FileWarning, stacklevel=2)
                elif kind == "log":
                    logging.getLogger(content.name).handle(content)
                elif kind == "outcome":
                    yield content
                else:
                    return
        except (EOFError, OSError):
            self.process.join(_PATIENCE)

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
            unit = pipe.recv()
            for source, outcome in label_unit(unit, options, lambda *counts: pipe.send(("progress", counts))):
                pipe.send(("outcome", (source, _sendable(outcome))))
            pipe.send(("end", None))


def _sendable(outcome: Outcome) -> Outcome:
    """The outcome, or the words of an error that cannot be sent."""
    if isinstance(outcome, Exception):
        try:
            pickle.loads(pickle.dumps(outcome))
        except Exception:
            return RuntimeError(f"{type(outcome).__name__}: {outcome}")
    return outcome


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
