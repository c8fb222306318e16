"""How far a voxel's neighbours are: the point spacing at several scales."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leafwood.graph.features.base import FeatureGroup, Nodes

__all__ = ["SpacingFeatures", "spacing_features"]


class SpacingFeatures(FeatureGroup):
    """Logarithm of the distance to the outermost neighbour of each scale."""

    name = "spacing"

    def columns(self, scales: tuple[int, ...]) -> tuple[str, ...]:
        """Names such as ``spacing@24``."""
        return tuple(f"spacing@{scale}" for scale in scales)

    def of_nodes(self, nodes: Nodes) -> NDArray[np.float32]:
        """See :func:`spacing_features`."""
        return spacing_features(nodes.distance, tuple(scale - 1 for scale in nodes.scales))


def spacing_features(distance: NDArray[np.float32], ranks: tuple[int, ...]) -> NDArray[np.float32]:
    """Logarithm of the distance to the given neighbours, over 0.1 m.

    Args:
        distance: (n, K) metres, nearest first.
        ranks: columns of `distance`.

    Returns:
        (n, len(ranks)) float32, about -3..3.
    """
    return np.log(np.maximum(distance[:, list(ranks)], 1e-3) / 0.1).astype(np.float32)
