"""Neighbours agree: margins smoothed over the neighbour graph, with a reach that follows the local spacing.

In a dense crown the reach is centimetres, on a sparse stem decimetres, so that stems are not eaten by the leaves around
them and dense crowns are not smeared.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import embedding

from leafwood.nn.rows import by_rows

__all__ = ["smooth"]

_REACH = 0.7  # standard deviation of the neighbours' weights, in median neighbour distances of the point
_PULL = 0.7  # weight of the neighbours' mean against the point's own margin
_STEPS = 3


def smooth(margin: Tensor, pos: Tensor, neighbours: Tensor) -> Tensor:
    """Label propagation with fixed evidence (Zhou et al. 2004, "Learning with local and global consistency").

    Args:
        margin: (n,) wood logit less leaf logit.
        pos: (n, 3) metres.
        neighbours: (n, k) positions, nearest first; a point is its own first neighbour and does not count.

    Returns:
        (n,) margins: each is 0.3 of its own evidence and 0.7 of its neighbours' mean, three steps on.
    """
    others = neighbours[:, 1:]
    if not others.shape[1]:
        return margin
    weight = by_rows(partial(_weights, pos, others), len(pos))
    own = found = margin[:, None]
    for _ in range(_STEPS):
        found = by_rows(partial(_step, own, found, weight, others), len(pos))
    return found[:, 0]


def _weights(pos: Tensor, others: Tensor, rows: slice) -> Tensor:
    """Weights of the neighbours of some points, summing to one: a Gaussian over the distance to the median one."""
    squared = (embedding(others[rows], pos) - pos[rows, None]).square().sum(dim=2)
    typical = squared[:, [others.shape[1] // 2]].clamp_min(1e-12)  # nearest first, so that the middle is the median
    return torch.softmax(squared / typical * (-0.5 / _REACH**2), dim=1)


def _step(own: Tensor, found: Tensor, weight: Tensor, others: Tensor, rows: slice) -> Tensor:
    around = (weight[rows] * embedding(others[rows], found)[:, :, 0]).sum(dim=1, keepdim=True)
    return (1 - _PULL) * own[rows] + _PULL * around
