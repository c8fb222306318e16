"""Nearest neighbours, by nanoflann through pgeof (the fastest measured on Morton-sorted points)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["nearest"]


def nearest(
    xyz: NDArray[np.float32], k: int, query: NDArray[np.float32] | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The k nearest points, nearest first; a point's own first neighbour is itself (or one at the same place).

    Args:
        xyz: (n, 3) metres, n >= 1, best in Morton order.
        k: neighbours asked for.
        query: (m, 3) places to ask at; the points themselves when None.

    Returns:
        Positions (m, k) int32 and distances (m, k) float32 in metres. Where n < k the last neighbour is repeated.
    """
    import pgeof

    points = np.ascontiguousarray(xyz, dtype=np.float32)
    places = points if query is None else np.ascontiguousarray(query, dtype=np.float32)
    found = min(k, len(points))
    index, squared = pgeof.knn_search(points, places, found)
    index, distance = index.view(np.int32), np.sqrt(squared, out=squared)
    if found < k:
        fill = ((0, 0), (0, k - found))
        index, distance = np.pad(index, fill, mode="edge"), np.pad(distance, fill, mode="edge")
    return index, distance
