"""Which points a view shows when there are more than a browser can turn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.spatial.order import morton_codes, voxel_cells

__all__ = ["thin_for_view"]

_VOXEL = 0.25  # m: points of one kind that are nearer to each other than this hide one another in a view
_ROUNDS = 4  # the view draws the first of so many parts alone while it is turned


def thin_for_view(
    xyz: NDArray[np.floating[Any]], kind: NDArray[np.integer[Any]], most: int, *, first: int, seed: int = 0
) -> NDArray[np.int64]:
    """Choose points so that sparse places and the rarer kind survive, in an order that a view can draw from.

    Every voxel of 0.25 m gives up the points of each kind one after the other, in random order, until there are enough:
    first one of every voxel and kind, then a second one, and so on. Dense crowns lose most of their points, and places
    with few points lose none. Within a round the points of the kind `first` come first.

    Args:
        xyz: (n, 3) metres.
        kind: (n,) kind of each point, such as its label.
        most: how many points to keep.
        first: the kind that is kept where not all of a round fit.
        seed: of the random order.

    Returns:
        (m,) positions, m = min(n, most), each quarter of them an even sample of all and in Morton order.
    """
    cells = voxel_cells(xyz - xyz.min(axis=0), _size(xyz)) if len(xyz) else np.zeros((0, 3), dtype=np.int64)
    code = morton_codes(cells)
    kept = np.arange(len(xyz))
    if len(xyz) > most:
        shuffled = np.random.default_rng(seed).permutation(len(xyz))
        order = shuffled[np.lexsort((kind[shuffled], code[shuffled]))]
        new = np.ones(len(order), dtype=bool)
        new[1:] = (np.diff(code[order]) != 0) | (np.diff(kind[order]) != 0)
        begins = np.flatnonzero(new)
        rank = np.arange(len(order)) - np.repeat(begins, np.diff(begins, append=len(order)))
        keys = np.argsort(2 * rank + (kind[order] != first), kind="stable")
        kept = np.sort(order[keys[:most]])
    kept = kept[np.argsort(code[kept], kind="stable")]
    return np.concatenate([kept[start::_ROUNDS] for start in range(_ROUNDS)])


def _size(xyz: NDArray[np.floating[Any]]) -> float:
    """Edge of the voxels: larger than usual where a scan is wider than the grid can number."""
    return max(_VOXEL, float(np.ptp(xyz, axis=0).max()) / 2_000_000)
