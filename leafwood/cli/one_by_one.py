"""What becomes of several files: a failure is one line, and the others go on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from leafwood.errors import LeafwoodError

__all__ = ["collect", "each", "one_by_one"]

Result = TypeVar("Result")


def one_by_one(paths: Sequence[Path], work: Callable[[Path], Result], *, debug: bool) -> dict[Path, Result]:
    """Do the work for each file; see :func:`collect`."""
    return collect(each(paths, work), stop=debug or len(paths) == 1)


def each(paths: Iterable[Path], work: Callable[[Path], Result]) -> Iterator[tuple[Path, Result | Exception]]:
    """Each file with what came of the work, a failure included."""
    for path in paths:
        try:
            yield path, work(path)
        except Exception as error:
            yield path, error


def collect(outcomes: Iterable[tuple[Path, Result | Exception]], *, stop: bool) -> dict[Path, Result]:
    """Put together what was done, and say on stderr what failed.

    Args:
        outcomes: files with what came of each.
        stop: do not go on after a failure but raise it; that of an only file is the command's.

    Returns:
        What came of the files that did not fail. Of each that did, a line is on stderr.

    Raises:
        Exception: a failure, if it is to stop there.
    """
    done: dict[Path, Result] = {}
    for path, outcome in outcomes:
        if not isinstance(outcome, Exception):
            done[path] = outcome
            continue
        if stop:
            raise outcome
        text = str(outcome)
        if not isinstance(outcome, (LeafwoodError, OSError)):
            text = f"{type(outcome).__name__}: {text} (--debug shows where)"
        text = text if str(path) in text else f"{path}: {text}"
        print(f"leafwood: {' '.join(text.split())}", file=sys.stderr)
    return done
