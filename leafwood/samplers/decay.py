"""Decay-aware samples: thin where pulses are many, so that the lower canopy is seen as often as the crown tops.

Pulses are used up on the way down, so a random sample is a sample of crown tops. Here a point is kept with a
probability inverse to the density of sampling at its place (:mod:`leafwood.density.returns`), up to a limit: where the
scan is sparser than that everything is kept, and the weights make up for what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.density.returns import Strata, count_returns, inverse_weight
from leafwood.errors import BadConfig
from leafwood.samplers.base import Sample
from leafwood.spatial.ground import find_ground

__all__ = ["DecaySampler", "keep_probability", "sampling_intensity"]


@dataclass(frozen=True)
class DecaySampler:
    """Samples a cloud so that all of its canopy is seen about equally often, however many pulses reached a part of it.

    Attributes:
        share: share of the points that are kept, in the mean over draws, above 0 and up to 1.
        strata: ground cells and height bins in which the decay is counted.
    """

    share: float
    strata: Strata = field(default_factory=Strata)

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise BadConfig(f"share must be above 0 and at most 1, not {self.share}")

    def __call__(self, cloud: PointCloud, rng: np.random.Generator) -> Sample:
        """Sample a cloud.

        Args:
            cloud: n points. Heights are those of its column ``height_ag``; without it, ground is looked for.
            rng: draws the points.
        """
        if not len(cloud):
            return Sample(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))
        intensity = sampling_intensity(cloud, self.strata)
        keep = keep_probability(intensity, self.share)
        chosen = np.flatnonzero(rng.random(len(cloud)) < keep)
        if not len(chosen):
            chosen = np.array([rng.choice(len(cloud), p=keep / keep.sum())])
        return Sample(chosen, inverse_weight((intensity * keep)[chosen]))


def sampling_intensity(cloud: PointCloud, strata: Strata | None = None) -> NDArray[np.float32]:
    """Points per m³ that the scan would put at the place of each point (n,); see :mod:`leafwood.density.returns`.

    Args:
        cloud: n points. Heights are those of its column ``height_ag``; without it, ground is looked for.
        strata: ground cells and height bins.
    """
    height = cloud.columns["height_ag"] if "height_ag" in cloud.columns else find_ground(cloud).height
    return count_returns(cloud, height, strata).intensity(cloud, height)


def keep_probability(intensity: NDArray[np.floating[Any]], share: float) -> NDArray[np.float64]:
    """The probability to keep each point for which density is evened out as far as thinning can.

    Args:
        intensity: (n,) density of sampling, above 0, n >= 1.
        share: share of the points to keep, above 0 and up to 1.

    Returns:
        (n,) the lesser of 1 and limit / intensity, with the limit that gives `share` as the mean.
    """
    dense = np.maximum(np.asarray(intensity, dtype=np.float64), 1e-12)
    rising = np.sort(dense)
    beyond = np.cumsum(1.0 / rising[::-1])[::-1]  # sum of 1 / intensity from each rank on
    limit = (share * len(dense) - np.arange(len(dense))) / beyond  # if those before a rank are all kept
    enough = np.flatnonzero(limit <= rising)
    return np.minimum(1.0, (limit[enough[0]] if len(enough) else rising[-1]) / dense)
