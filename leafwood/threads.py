"""Threads: how many there are to use, and tables worked through part by part."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

__all__ = ["by_rows", "cpu_count"]

_ROWS = 4096  # half a megabyte for each operation
Floats = NDArray[np.float32]


def cpu_count() -> int:
    """Processors this process may use (containers and batch systems often grant fewer than there are)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def by_rows(step: Callable[[slice], Floats], n: int, threads: int) -> Floats:
    """What `step` gives for n rows.

    It is asked for a part of the rows at a time. What its operations pass on to one another then stays in the
    processor's cache; large blocks of memory, whose first touch costs more than the arithmetic, are not asked for again
    and again; and threads do not wait for one another at every operation.

    Args:
        step: from rows to their results (rows, c); called from several threads.
        n: number of rows, n >= 1.
        threads: that work on them.

    Returns:
        (n, c).
    """
    first = step(slice(0, min(_ROWS, n)))
    out = np.empty((n, first.shape[1]), dtype=np.float32)
    out[: len(first)] = first

    def fill(start: int) -> None:
        out[start : start + _ROWS] = step(slice(start, min(start + _ROWS, n)))

    starts = range(_ROWS, n, _ROWS)
    if threads == 1 or len(starts) < 2:
        for start in starts:
            fill(start)
    else:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(fill, starts):
                pass
    return out
