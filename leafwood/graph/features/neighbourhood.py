"""Means and maxima of values over neighbourhoods."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.kernels import compiled

__all__ = ["max_over", "mean_over"]


def mean_over(
    neighbours: NDArray[np.integer[Any]], values: NDArray[np.float32], threads: int = 1
) -> NDArray[np.float32]:
    """Means (m, c) of values (m, c) over each neighbourhood (m, k)."""
    if kernels := compiled():
        links = np.ascontiguousarray(neighbours, dtype=np.int32)
        return np.asarray(kernels.mean_over(np.ascontiguousarray(values), links, threads))
    total = np.zeros_like(values)
    for column in np.ascontiguousarray(neighbours.T, dtype=np.intp):
        total += values.take(column, axis=0)
    return total / np.float32(neighbours.shape[1])


def max_over(
    neighbours: NDArray[np.integer[Any]], values: NDArray[np.float32], threads: int = 1
) -> NDArray[np.float32]:
    """Maxima (m, c) of values (m, c) over each neighbourhood (m, k)."""
    if kernels := compiled():
        links = np.ascontiguousarray(neighbours, dtype=np.int32)
        return np.asarray(kernels.max_over(np.ascontiguousarray(values), links, threads))
    most = values.take(neighbours[:, 0], axis=0)
    for column in np.ascontiguousarray(neighbours.T[1:], dtype=np.intp):
        np.maximum(most, values.take(column, axis=0), out=most)
    return most
