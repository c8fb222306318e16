"""Memory: how much a run may use, and what of it a tile may take."""

from __future__ import annotations

import os
import re
from pathlib import Path

from leafwood.errors import BadConfig

__all__ = ["LEAST", "as_bytes", "default_memory", "fits", "in_words", "machine_memory", "points_of_tile"]

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_WORDS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?\s*", re.IGNORECASE)
_CGROUP = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))

# Measured by pipelines/benchmark_scale.py on scans of 560 points/m², and rounded up.
_PROGRAM = 330_000_000  # bytes of the interpreter, the libraries and the weights
# Bytes that a point takes that is held, and one that a tile reads, with what it reads thinned around them.
_POINT_OF_CLOUD, _POINT_OF_TILE = 115, 1_300
_FEWEST, _MOST = 100_000, 1_600_000  # points of a tile: smaller ones read mostly surroundings, larger ones save no time
_USUAL, _SHARE = 4_000_000_000, 0.5  # bytes that a run uses unless it is told otherwise, and of the machine at most
LEAST = _PROGRAM + _FEWEST * _POINT_OF_TILE  # bytes that no run does without


def as_bytes(words: str | int) -> int:
    """Bytes that ``3GB``, ``500 MB``, ``2G`` or a number stand for.

    Raises:
        BadConfig: no such amount, or less than :data:`LEAST`.
    """
    found = _WORDS.fullmatch(str(words))
    if found is None:
        raise BadConfig(f"`memory` is an amount such as 3GB or 500MB, not {words!r}")
    amount = round(float(found[1]) * _UNITS[found[2].upper()])
    if amount < LEAST:
        raise BadConfig(f"`memory` must be at least {in_words(LEAST)}, not {words}")
    return amount


def in_words(amount: float) -> str:
    """An amount of bytes as people write it."""
    return f"{amount / 1e9:.1f} GB" if amount >= 1e9 else f"{amount / 1e6:.0f} MB"


def machine_memory() -> int:
    """Bytes of memory that this process may use: the machine's, or less where a container grants less."""
    limits = []
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path in _CGROUP:
        try:
            limits.append(int(path.read_text()))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return min(limits, default=2 * _USUAL)


def default_memory(processes: int = 1) -> int:
    """Bytes that each process uses unless it is told otherwise: 4 GB, but all no more than half of the machine's."""
    return max(LEAST, min(_USUAL, int(_SHARE * machine_memory() / processes)))


def fits(points: int, memory: int) -> bool:
    """Whether a cloud can be held in memory and leaves enough of it for its tiles."""
    return points * _POINT_OF_CLOUD <= (memory - _PROGRAM) / 3


def points_of_tile(memory: int, held: int = 0) -> int:
    """Points that a tile may read, its surroundings included.

    Args:
        memory: bytes of the run.
        held: points of clouds that are in memory at the same time.

    Returns:
        At least 100,000, whatever the memory, and at most 1.6 million.
    """
    left = memory - _PROGRAM - held * _POINT_OF_CLOUD
    return min(max(left // _POINT_OF_TILE, _FEWEST), _MOST)
