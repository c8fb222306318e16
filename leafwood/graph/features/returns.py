"""Returns of the pulses that a voxel's neighbourhood has sent back.

A pulse that meets a stem ends there, and one that meets leaves goes on: single and last returns are commoner on wood.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from leafwood.graph.features.base import FeatureGroup, Nodes, Points
from leafwood.graph.features.neighbourhood import mean_over

__all__ = ["RETURN_NAMES", "ReturnFeatures", "return_features"]

RETURN_NAMES = ("returns_known", "single_return", "last_return", "return_number", "number_of_returns")
_RETURNS = 4  # what comes after the fourth is as the fourth: instruments differ in how many they record


class ReturnFeatures(FeatureGroup):
    """Means of :func:`return_features` over the voxels of a neighbourhood, each voxel the mean of its points."""

    name = "returns"

    def columns(self, scales: tuple[int, ...]) -> tuple[str, ...]:
        """Five columns, whatever the scales."""
        return RETURN_NAMES

    def of_points(self, points: Points) -> NDArray[np.float32]:
        """What is known of each point's pulse (n, 5) is added up."""
        return return_features(points.returns)

    def of_nodes(self, nodes: Nodes) -> NDArray[np.float32]:
        """The columns (m, 5), in 0..1."""
        means = (nodes.sums / nodes.count[:, None]).astype(np.float32)
        return mean_over(nodes.neighbours[:, : nodes.k], means, nodes.threads)


def return_features(returns: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns as a network sees them; all zero where they are not known.

    Args:
        returns: (n, 2) return number and number of returns, 0 where unknown.

    Returns:
        (n, 5) float32 in 0..1: 1 where known, 1 for the only return of a pulse, 1 for its last, the return number and
        the number of returns, up to the fourth.
    """
    number, of = returns.T
    return _of_every_pair().take(number.astype(np.intp) * 256 + of, axis=0)


@lru_cache(maxsize=1)
def _of_every_pair() -> NDArray[np.float32]:
    """Features (65536, 5) of 256 times a return number plus a number of returns; looked up, they cost a third."""
    pairs = np.indices((256, 256)).reshape(2, -1)
    number, of = pairs
    known = (number > 0) & (number <= of)
    steps = (np.minimum(pairs, _RETURNS) - 1.0) / (_RETURNS - 1)
    return np.asarray(np.column_stack([known, of == 1, number == of, *steps]) * known[:, None], dtype=np.float32)
