"""What becomes of several files: a failure is one line, and the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from leafwood.cli.messages import say
from leafwood.errors import BadFile, LeafwoodError, NoPointCloud
from leafwood.io.remote import shown

__all__ = ["collect", "each", "in_words", "is_passed_over", "one_by_one"]

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
        say(in_words(path, outcome))
    return done


def in_words(path: Path, error: Exception) -> str:
    """What went wrong with a file, which is named."""
    text = str(error)
    if not isinstance(error, (LeafwoodError, OSError)):
        text = f"{type(error).__name__}: {text} (--debug shows where)"
    return text if shown(path) in text else f"{shown(path)}: {text}"


def is_passed_over(path: Path, error: Exception) -> bool:
    """Whether a file that could not be read is no point cloud at all, but a table, a text or a raster among them."""
    from leafwood.batch.one_file import TABLES

    return isinstance(error, NoPointCloud) or (isinstance(error, BadFile) and path.suffix.lower() in TABLES)
