"""Nearest neighbours: of any points by nanoflann, through pgeof; of points in voxels by a kernel that knows these."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leafwood.kernels import compiled

__all__ = ["nearest", "nearest_in_voxels"]


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
    return _filled(index, distance, k)


def nearest_in_voxels(
    xyz: NDArray[np.float32], codes: NDArray[np.uint64], size: float, k: int, threads: int = 1
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The k nearest points of each point, of points in the Morton order of their voxels.

    Of points that are equally far the compiled kernel takes the first of the table first, and nanoflann any.

    Args:
        xyz: (n, 3) metres, n >= 1.
        codes: (n,) Morton codes of their voxels, ascending; see :func:`~leafwood.spatial.order.morton_codes`.
        size: edge of a voxel, metres.
        k: neighbours asked for.
        threads: that work on it, where the kernel is there.

    Returns:
        As :func:`nearest`.
    """
    kernels = compiled()
    if kernels is None:
        return nearest(xyz, k)
    index, distance = kernels.nearest(xyz, codes, size, min(k, len(xyz)), threads)
    return _filled(index, distance, k)


def _filled(
    index: NDArray[np.int32], distance: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Tables of k columns, whose last ones repeat the last neighbour that was found."""
    found = index.shape[1]
    if found < k:
        fill = ((0, 0), (0, k - found))
        index, distance = np.pad(index, fill, mode="edge"), np.pad(distance, fill, mode="edge")
    return index, distance
