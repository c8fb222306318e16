"""Work on files one by one: a failure is one line, and the others go on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from leafwood.errors import LeafwoodError

__all__ = ["one_by_one"]

Result = TypeVar("Result")


def one_by_one(paths: Sequence[Path], work: Callable[[Path], Result], *, debug: bool) -> dict[Path, Result]:
    """Do the work for each file.

    Args:
        paths: the files.
        work: what to do with one.
        debug: do not go on after a failure but raise it.

    Returns:
        What came of the files that did not fail. Of each that did, a line is on stderr.

    Raises:
        Exception: the failure of the only file, which is the command's.
    """
    done: dict[Path, Result] = {}
    for path in paths:
        try:
            done[path] = work(path)
        except Exception as error:
            if debug or len(paths) == 1:
                raise
            text = str(error)
            if not isinstance(error, (LeafwoodError, OSError)):
                text = f"{type(error).__name__}: {text} (--debug shows where)"
            text = text if str(path) in text else f"{path}: {text}"
            print(f"leafwood: {' '.join(text.split())}", file=sys.stderr)
    return done
