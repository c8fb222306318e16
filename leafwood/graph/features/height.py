"""Height above ground of a finest voxel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leafwood.graph.features.base import FeatureGroup, Nodes, Points

__all__ = ["HEIGHT_NAMES", "HeightFeatures", "height_features"]

HEIGHT_NAMES = ("height_known", "height", "near_ground")


class HeightFeatures(FeatureGroup):
    """Height of the mean of a voxel's points; unknown where it is unknown for any of them."""

    name = "height"
    finest_only = True

    def columns(self, scales: tuple[int, ...]) -> tuple[str, ...]:
        """Three columns, whatever the scales."""
        return HEIGHT_NAMES

    def of_points(self, points: Points) -> NDArray[np.float32]:
        """Heights (n, 1) are added up."""
        return points.height[:, None]

    def of_nodes(self, nodes: Nodes) -> NDArray[np.float32]:
        """See :func:`height_features`."""
        return height_features((nodes.sums[:, 0] / nodes.count).astype(np.float32))


def height_features(height: NDArray[np.float32]) -> NDArray[np.float32]:
    """Height above ground as a network sees it; all zero where it is not known (NaN).

    Args:
        height: (n,) metres, NaN where unknown.

    Returns:
        (n, 3) float32: 1 where known, height / 20 m, and exp(-height / 0.5 m), which only the lowest metre has.
    """
    known = np.isfinite(height)
    metres = np.where(known, np.clip(height, 0.0, 60.0), 0.0)
    return np.stack([known, metres / 20.0, np.exp(-metres / 0.5) * known], axis=1).astype(np.float32)
