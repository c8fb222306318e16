"""Neighbours agree: margins smoothed over the neighbour graph, with a reach that follows the local spacing.

In a dense crown the reach is centimetres, on a sparse stem decimetres, so that stems are not eaten by the leaves around
them and dense crowns are not smeared.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.kernels import compiled
from leafwood.threads import by_rows

__all__ = ["smooth"]

Floats = NDArray[np.float32]
Links = NDArray[np.integer[Any]]

_REACH = 0.7  # standard deviation of the neighbours' weights, in median neighbour distances of the point
_PULL = 0.15  # weight of the neighbours' mean against the point's own margin (pipelines/choose_smoothing.py)


def smooth(margin: Floats, pos: Floats, neighbours: Links, threads: int = 1) -> Floats:
    """One step of label propagation (Zhou et al. 2004, "Learning with local and global consistency").

    Args:
        margin: (n,) wood logit less leaf logit.
        pos: (n, 3) metres.
        neighbours: (n, k) positions, nearest first; a point is its own first neighbour and does not count.
        threads: that work on it.

    Returns:
        (n,) margins: each is 0.85 of its own and 0.15 of its neighbours' mean.
    """
    others = neighbours[:, 1:]
    if not others.shape[1]:
        return margin
    if kernels := compiled():
        own, places = (np.ascontiguousarray(x, dtype=np.float32) for x in (margin, pos))
        links = np.ascontiguousarray(neighbours, dtype=np.int32)
        return np.asarray(kernels.smooth(own, places, links, _REACH, _PULL, threads)[:, 0])
    return by_rows(partial(_smoothed, margin, pos, others), len(pos), threads)[:, 0]


def _weights(pos: Floats, others: Links, rows: slice) -> Floats:
    """Weights of the neighbours of some points, summing to one: a Gaussian over the distance to the median one."""
    squared = np.square(pos[others[rows]] - pos[rows, None]).sum(axis=2)
    typical = np.maximum(squared[:, [others.shape[1] // 2]], 1e-12)  # nearest first, so that the middle is the median
    exponent = squared / typical * np.float32(-0.5 / _REACH**2)
    weight = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _smoothed(margin: Floats, pos: Floats, others: Links, rows: slice) -> Floats:
    around = (_weights(pos, others, rows) * margin[others[rows]]).sum(axis=1)
    return np.asarray((1 - _PULL) * margin[rows] + _PULL * around, dtype=np.float32)[:, None]
