"""What the network is told of each voxel: named groups of input columns, a file each.

:data:`FEATURE_GROUPS` is the table of them. A new group is a new file here and a line in that table; nothing else in
the package knows a column by its position.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from leafwood.graph.features.base import FeatureGroup, Nodes, Points
from leafwood.graph.features.count import CountFeature
from leafwood.graph.features.eigen import EIGEN_NAMES, EigenFeatures, eigen_features
from leafwood.graph.features.height import HEIGHT_NAMES, HeightFeatures, height_features
from leafwood.graph.features.paths import PATH_NAMES, PathFeatures, tree_paths
from leafwood.graph.features.returns import RETURN_NAMES, ReturnFeatures, return_features
from leafwood.graph.features.spacing import SpacingFeatures, spacing_features

__all__ = [
    "EIGEN_NAMES",
    "FEATURE_GROUPS",
    "HEIGHT_NAMES",
    "PATH_NAMES",
    "RETURN_NAMES",
    "FeatureGroup",
    "Nodes",
    "Points",
    "eigen_features",
    "height_features",
    "return_features",
    "spacing_features",
    "tree_paths",
]

FEATURE_GROUPS: Mapping[str, FeatureGroup] = MappingProxyType(
    {
        group.name: group
        for group in (
            *(EigenFeatures(), SpacingFeatures(), CountFeature(), HeightFeatures(), ReturnFeatures()),
            PathFeatures(),
        )
    }
)
