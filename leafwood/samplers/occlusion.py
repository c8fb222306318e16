"""Occlusion: the points that a canopy hides from a scanner above it.

A pulse is used up by what it meets on its way down (Beer-Lambert), so what lies deep below the surface of a canopy is
seen more rarely than its surface. :mod:`leafwood.samplers.decay` estimates that loss in a scan; here it is imposed on a
scan that does not have it, such as a terrestrial scan of one tree.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leafwood.spatial.order import voxel_cells

__all__ = ["transmission"]

_VOXEL = 0.3  # m; about the width of the gaps through which pulses reach the lower crown


def transmission(
    xyz: NDArray[np.float32], extinction: float, lean: tuple[float, float] = (0.0, 0.0)
) -> NDArray[np.float64]:
    """Share of the pulses from above that reach each point through the points above it.

    A pulse loses the same share of its energy in every occupied voxel of 0.3 m that it crosses.

    Args:
        xyz: (n, 3) metres.
        extinction: natural logarithm of that loss in one occupied voxel, at least 0.
        lean: horizontal metres that a pulse moves in x and y for each metre that it rises.

    Returns:
        (n,) from 0 to 1; 1 where no voxel above is occupied.
    """
    if not len(xyz):
        return np.zeros(0)
    along = xyz.astype(np.float64)
    along[:, :2] -= along[:, 2:] * np.asarray(lean)
    cells = voxel_cells(along - along.min(axis=0), _VOXEL)
    occupied, inverse = np.unique(cells * (1, 1, -1), axis=0, return_inverse=True)  # each column from the top down
    new = np.ones(len(occupied), dtype=bool)
    new[1:] = (np.diff(occupied[:, :2], axis=0) != 0).any(axis=1)
    first = np.flatnonzero(new)
    above = np.arange(len(occupied)) - first[np.cumsum(new) - 1]
    return np.asarray(np.exp(-extinction * above)[inverse.ravel()])
