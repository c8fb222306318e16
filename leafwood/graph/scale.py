"""Scale normalisation: a sparse cloud is scaled down until its point spacing is one that the network knows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leafwood.graph.config import GraphConfig
from leafwood.spatial.neighbours import nearest
from leafwood.spatial.order import morton_codes, voxel_cells

__all__ = ["NEIGHBOURS", "scale_normalisation", "scale_of_spacing", "spacing"]

NEIGHBOURS = 24  # far enough for the typical distance of a cloud


def spacing(xyz: NDArray[np.float32]) -> float:
    """How far apart a cloud's points are: the median distance to the 24th nearest, the point itself counted.

    Args:
        xyz: (n, 3) metres, n >= 24; of more than 40,000 points some 20,000 are looked at.

    Returns:
        Metres.
    """
    places = xyz[:: max(1, len(xyz) // 20_000)]
    order = np.argsort(morton_codes(voxel_cells(places - places.min(axis=0), 1.0)))  # what is near is in the cache
    _, distance = nearest(xyz, NEIGHBOURS, places[order])
    return float(np.median(distance[:, -1]))


def scale_normalisation(xyz: NDArray[np.float32], config: GraphConfig) -> float:
    """Factor by which a sparse cloud is scaled before its graph is built, so that its spacing is one the network knows.

    Voxels, and with them the reach of the coarser levels, are metres; neighbourhoods are counts. In sparse clouds the
    two drift apart: several levels hold the same points and none reaches beyond them. Training crops are scaled alike.

    Args:
        xyz: (n, 3) metres.
        config: `spacing` and `least`.

    Returns:
        `config.least` to 1, in steps of a tenth: a few points more or less must not move every voxel.
    """
    if len(xyz) <= NEIGHBOURS:
        return 1.0
    return scale_of_spacing(spacing(xyz), config)


def scale_of_spacing(metres: float, config: GraphConfig) -> float:
    """The factor for a cloud with that :func:`spacing`."""
    return float(np.clip(np.round(config.spacing / max(metres, 1e-6), 1), config.least, 1.0))
