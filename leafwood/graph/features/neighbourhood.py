"""Means and maxima of values over neighbourhoods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.kernels import compiled

__all__ = ["max_over", "mean_over", "neighbour_max"]

Floats = NDArray[np.float32]


def mean_over(neighbours: NDArray[np.integer[Any]], values: Floats, threads: int = 1) -> Floats:
    """Means (m, c) of values (m, c) over each neighbourhood (m, k)."""
    if kernels := compiled():
        return _by(kernels.mean_over, neighbours, values, threads)
    total = np.zeros_like(values)
    for column in np.ascontiguousarray(neighbours.T, dtype=np.intp):
        total += values.take(column, axis=0)
    return total / np.float32(neighbours.shape[1])


def max_over(neighbours: NDArray[np.integer[Any]], values: Floats, threads: int = 1) -> Floats:
    """Maxima (m, c) of values (m, c) over each neighbourhood (m, k)."""
    if kernels := compiled():
        return _by(kernels.max_over, neighbours, values, threads)
    return neighbour_max(values, neighbours)


def neighbour_max(x: Floats, index: NDArray[np.integer[Any]]) -> Floats:
    """Per-channel maximum over rows gathered from a table.

    Args:
        x: (n, c) values.
        index: (m, k) rows of `x`.

    Returns:
        (m, c), ``x[index].max(axis=1)``.
    """
    columns = np.ascontiguousarray(index.T, dtype=np.intp)
    out = x.take(columns[0], axis=0)
    other = np.empty_like(out)
    for column in columns[1:]:
        x.take(column, axis=0, out=other, mode="clip")  # the mode that needs no copy
        np.maximum(out, other, out=out)
    return out


def _by(kernel: Callable[..., Any], neighbours: NDArray[np.integer[Any]], values: Floats, threads: int) -> Floats:
    """What a kernel finds, which takes arrays in one piece and links of 32 bits."""
    return np.asarray(kernel(np.ascontiguousarray(values), np.ascontiguousarray(neighbours, dtype=np.int32), threads))
