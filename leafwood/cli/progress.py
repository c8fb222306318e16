"""How far a run over many files has come: bars on a terminal, words elsewhere, JSON for programs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from leafwood.errors import FileProblem

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["JsonLog", "Overall", "overall", "time_left"]


def time_left(done: int, total: int, seconds: float) -> str:
    """How long the rest takes if it goes on like this: ``4 min left``; empty at the beginning and the end."""
    if not 0 < done < total:
        return ""
    rest = seconds / done * (total - done)
    if rest < 60:
        return f"{rest:.0f} s left"
    return f"{rest / 60:.0f} min left" if rest < 5400 else f"{rest / 3600:.1f} h left"


class Overall:
    """Counts the files of a run.

    Args:
        total: files to work on.
        bar: to draw on, where there is a terminal.
    """

    def __init__(self, total: int, bar: Progress | None = None) -> None:
        self.total = total
        self.done = 0
        self._started = time.perf_counter()
        self._bar = bar
        self._all: TaskID | None = bar.add_task(self.words(), total=total) if bar and total > 1 else None
        self._one: TaskID | None = None
        self._scan: Path | None = None

    def words(self) -> str:
        """``3 of 12, 4 min left``."""
        rest = time_left(self.done, self.total, time.perf_counter() - self._started)
        return f"{self.done} of {self.total}" + (f", {rest}" if rest else "")

    def advance(self) -> None:
        """A file is done."""
        self.done += 1
        if self._bar is not None and self._all is not None:
            self._bar.update(self._all, completed=self.done, description=self.words())

    def show(self, scan: Path, done: int, total: int) -> None:
        """How many points of a scan are done."""
        if self._bar is None:
            return
        if scan != self._scan:
            if self._one is not None:
                self._bar.remove_task(self._one)
            self._scan, self._one = scan, self._bar.add_task(f"labelling {_plain(scan.name)}", total=None)
        if self._one is not None:
            self._bar.update(self._one, completed=done, total=total)


def _plain(name: str) -> str:
    """A name that rich prints as it is, brackets included."""
    from rich.markup import escape

    return escape(name)


@contextmanager
def overall(total: int, *, quiet: bool = False) -> Iterator[Overall]:
    """The progress of a run, drawn where there is a terminal."""
    if quiet or not os.isatty(2):
        yield Overall(total)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        yield Overall(total, bar)


class JsonLog:
    """A line of JSON for each file of a run, written as it comes; nowhere without a path.

    Raises:
        FileProblem: it cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stream: IO[str] | None = None
        if path is not None:
            try:
                self._stream = path.open("w", encoding="utf-8", errors="surrogateescape")
            except OSError as error:
                raise FileProblem(f"{path}: cannot be written: {error.strerror or error}") from error

    def write(self, **values: Any) -> None:
        """Add a line."""
        if self._stream is None:
            return
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **values}
        try:
            self._stream.write(json.dumps(line, default=str) + "\n")
            self._stream.flush()
        except OSError as error:
            raise FileProblem(f"{self._path}: cannot be written: {error.strerror or error}") from error
