"""How many points a finest voxel holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leafwood.graph.features.base import FeatureGroup, Nodes

__all__ = ["CountFeature"]


class CountFeature(FeatureGroup):
    """log(1 + points of the voxel)."""

    name = "count"
    finest_only = True

    def columns(self, scales: tuple[int, ...]) -> tuple[str, ...]:
        """One column, whatever the scales."""
        return ("log_count",)

    def of_nodes(self, nodes: Nodes) -> NDArray[np.float32]:
        """The column (m, 1)."""
        return np.log1p(nodes.count)[:, None].astype(np.float32)
