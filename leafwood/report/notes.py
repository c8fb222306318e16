"""The warnings on the way, for a report as well as for the user."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from leafwood.errors import FileWarning

__all__ = ["noted_warnings"]


@contextmanager
def noted_warnings() -> Iterator[list[str]]:
    """Note what is warned of inside the block, and pass it on when the block ends.

    Yields:
        The list that holds a line a warning once the block has ended.
    """
    lines: list[str] = []
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as record:
            warnings.simplefilter("always", FileWarning)
            try:
                yield lines
            finally:
                caught = list(record)
                lines += [str(item.message) for item in caught if issubclass(item.category, FileWarning)]
    finally:
        for item in caught:
            warnings.warn_explicit(item.message, item.category, item.filename, item.lineno)
