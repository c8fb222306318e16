"""Neighbours agree: margins smoothed over the neighbour graph, with a reach that follows the local spacing.

In a dense crown the reach is centimetres, on a sparse stem decimetres, so that stems are not eaten by the leaves around
them and dense crowns are not smeared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["smooth"]

_REACH = 0.7  # standard deviation of the neighbours' weights, in median neighbour distances of the point
_PULL = 0.7  # weight of the neighbours' mean against the point's own margin
_STEPS = 3


def smooth(
    margin: NDArray[np.float32], xyz: NDArray[np.float32], neighbours: NDArray[np.integer[Any]]
) -> NDArray[np.float32]:
    """Label propagation with fixed evidence (Zhou et al. 2004, "Learning with local and global consistency").

    Args:
        margin: (n,) wood logit less leaf logit.
        xyz: (n, 3) metres.
        neighbours: (n, k) positions, nearest first; a point is its own first neighbour and does not count.

    Returns:
        (n,) margins: each is 0.3 of its own evidence and 0.7 of its neighbours' mean, three steps on.
    """
    others = neighbours[:, 1:]
    if not others.shape[1]:
        return margin
    squared = np.square(xyz[others] - xyz[:, None]).sum(axis=2)
    typical = np.maximum(np.median(squared, axis=1, keepdims=True), np.float32(1e-12))
    weight = np.exp(squared / typical * np.float32(-0.5 / _REACH**2))
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), np.float32(1e-12))
    found = margin
    for _ in range(_STEPS):
        found = (1 - _PULL) * margin + _PULL * np.einsum("nk,nk->n", weight, found[others])
    return np.asarray(found, dtype=np.float32)
