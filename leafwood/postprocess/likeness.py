"""How unlike the scans a model was calibrated on a scan is, by its descriptor.

The scan descriptor is what the network sees on average: means over the points of its input features and of its last
hidden channels. A forest, a scanner or a density that none of the calibration pieces had moves some of them further
from their mean than these pieces lie apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DescriptorStatistics", "describe_pieces", "unlike"]

Floats = NDArray[np.float64]

_USUAL = 0.95  # share of the pieces whose distance is at most 1
_FARTHEST = 4.0  # spreads that one mean counts for: a channel that was hardly ever active must not decide alone


@dataclass(frozen=True, kw_only=True)
class DescriptorStatistics:
    """Of the descriptors of the pieces that a model was calibrated on; part of its card.

    Attributes:
        mean: (1 + t,) means over the pieces.
        spread: (1 + t,) standard deviations.
        usual: root mean square of the standardised descriptor that 95 % of the pieces do not exceed; each mean counts
            for four spreads at most.
        pieces: how many there were.
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    usual: float
    pieces: int


def describe_pieces(descriptors: Floats) -> DescriptorStatistics:
    """Statistics of the descriptors (m, 1 + t) of m pieces, m >= 2."""
    mean, spread = descriptors.mean(axis=0), np.maximum(descriptors.std(axis=0), 1e-4)
    far = _far(descriptors, mean, spread)
    return DescriptorStatistics(
        mean=tuple(mean.round(6).tolist()),
        spread=tuple(spread.round(6).tolist()),
        usual=round(float(np.quantile(far, _USUAL)), 4),
        pieces=len(descriptors),
    )


def unlike(descriptor: NDArray[Any], statistics: DescriptorStatistics | None) -> float:
    """Distance of a scan from those that a model was calibrated on.

    Args:
        descriptor: (1 + t,) of the scan.
        statistics: of the model's card; None where it does not say.

    Returns:
        Root mean square of the standardised descriptor, relative to what 95 % of the calibration pieces do not exceed:
        up to 1 the scan is like most of them, at 2 twice as far from their mean as nearly all of them. NaN where the
        card does not say.
    """
    if statistics is None:
        return float("nan")
    far = _far(np.asarray(descriptor)[None], np.array(statistics.mean), np.array(statistics.spread))
    return float(far[0] / max(statistics.usual, 1e-9))


def _far(descriptors: Floats, mean: Floats, spread: Floats) -> Floats:
    """Root mean square (m,) of standardised descriptors (m, 1 + t)."""
    spreads = np.clip((descriptors - mean) / spread, -_FARTHEST, _FARTHEST)
    return np.asarray(np.sqrt(np.square(spreads).mean(axis=1)))
