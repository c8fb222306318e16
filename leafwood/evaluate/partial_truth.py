"""Scores of scans of which only a part of the truth is known: boles and outer crowns, or what lies near the ground."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import LEAF, WOOD

__all__ = ["known_recalls", "wood_near_ground"]

_LOW = (0.15, 0.6)  # m above ground, where litter and herbs are taken for wood
_STEMS = 3.0  # m above ground, up to which wood tells where stems stand
_BESIDE = 0.3  # m, in plan: wood that is no nearer to a stem is no foot of one


def known_recalls(wood: NDArray[np.bool_], known: NDArray[Any]) -> tuple[float, float]:
    """Share of the known wood points that are called wood, and of the known leaf points that are not.

    Args:
        wood: (n,) points that are called wood.
        known: (n,) LEAF, WOOD, or any other value where nothing is known.
    """
    return float(wood[known == WOOD].mean()), float(1 - wood[known == LEAF].mean())


def wood_near_ground(
    xyz: NDArray[np.floating[Any]], height: NDArray[np.floating[Any]], wood: NDArray[np.bool_]
) -> tuple[float, float]:
    """Share of the points 0.15 to 0.6 m above ground that are called wood, and of those that no stem stands beside.

    Wood within 0.3 m, in plan, of wood 0.6 to 3 m above ground may be the foot of a stem; all other wood so low is
    likely to be litter or herbs.

    Args:
        xyz: (n, 3) m.
        height: (n,) above ground, m.
        wood: (n,) points that are called wood.
    """
    from scipy.spatial import cKDTree

    low = (height > _LOW[0]) & (height < _LOW[1])
    stems = cKDTree(xyz[wood & (height >= _LOW[1]) & (height < _STEMS), :2])
    apart = np.asarray(stems.query(xyz[low & wood, :2])[0]) > _BESIDE
    return float(wood[low].mean()), float(apart.sum() / low.sum())
