"""Samples of equal size from the pieces of a cloud, as SOUL feeds them to its network.

Bai et al. (NeurIPS 2023, arXiv 2305.16963): each piece is brought into the unit cube, its points are ordered by their
path from the lowest voxel, and every so many of them are one sample: a slice of the piece, bottom up.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.samplers.gvd import Components

__all__ = ["Chunks", "chunk", "to_unit_cube"]


@dataclass(frozen=True, eq=False)
class Chunks:
    """Samples of a cloud of n points; together they hold every point.

    Attributes:
        index: (c, size) int64, points of each sample; some come more than once, to fill the last sample of a piece.
        unit: (n, 3) float32, each point in the unit cube of its piece.
    """

    index: NDArray[np.int64]
    unit: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.index)


def to_unit_cube(xyz: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Scale points by their longest extent and put them into the middle of the unit cube.

    Args:
        xyz: (n, 3), n >= 1.

    Returns:
        (n, 3) in 0..1; points that are all at one place come to its centre.
    """
    low = np.asarray(xyz, dtype=np.float64) - np.min(xyz, axis=0)
    longest = low.max()
    if longest > 0:
        low = low / longest
    return np.asarray(low + (1.0 - low.max(axis=0)) / 2)


def chunk(xyz: NDArray[np.floating[Any]], pieces: Components, size: int, rng: np.random.Generator) -> Chunks:
    """Cut pieces into samples.

    Args:
        xyz: (n, 3) metres.
        pieces: of these points.
        size: points of a sample.
        rng: draws the points that fill up the last sample of each piece, with replacement, from the samples before it,
            or from itself when it is the only one.

    Returns:
        At least one sample of each piece.
    """
    order = np.lexsort(
        (pieces.gd, pieces.component)
    )  # A stable sort keeps points with equally long paths in file order.
    bounds = np.searchsorted(pieces.component[order], np.arange(pieces.count + 1))
    unit = np.empty((len(xyz), 3), dtype=np.float32)
    rows = [np.empty((0, size), dtype=np.int64)]
    for start, stop in pairwise(bounds.tolist()):
        points = order[start:stop]
        unit[points] = to_unit_cube(xyz[points])
        whole = len(points) // size * size
        missing = -len(points) % size
        fill = rng.choice(points[: whole or len(points)], missing) if missing else points[:0]
        rows.append(np.concatenate([points, fill]).reshape(-1, size))
    return Chunks(np.concatenate(rows), unit)
