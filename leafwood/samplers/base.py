"""What samplers that thin a cloud have in common: a cloud in, positions and weights out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.spatial.neighbours import nearest

__all__ = ["Sample", "Sampler"]


@dataclass(frozen=True, eq=False)
class Sample:
    """Points chosen from a cloud of n points.

    Attributes:
        index: (k,) int64, their positions in the cloud, ascending; k >= 1 where n >= 1.
        weight: (k,) float32, one over the density of sampling that is left, mean 1: with it every m³ of canopy counts
            alike, however much of the scan reached it. All 1 where the sample itself is even.
    """

    index: NDArray[np.int64]
    weight: NDArray[np.float32]

    def to_points(self, values: NDArray[Any], cloud: PointCloud) -> NDArray[Any]:
        """Carry what is known of the sample to the whole cloud, from each point's nearest sampled one.

        Args:
            values: (k, ...) one for each sampled point.
            cloud: the n points that were sampled.

        Returns:
            (n, ...).
        """
        if not len(cloud):
            return values[:0]
        return np.asarray(values[nearest(cloud.xyz[self.index], 1, cloud.xyz)[0][:, 0]])


class Sampler(Protocol):
    """Chooses points of a cloud."""

    def __call__(self, cloud: PointCloud, rng: np.random.Generator) -> Sample:
        """Sample a cloud; the same cloud and generator give the same sample."""
