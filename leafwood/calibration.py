"""From the network's margin to P(wood), at every density and height.

A threshold drifts with the density of a scan. Temperature and bias (Platt 1999; Guo et al. 2017) are therefore
functions of the point's surroundings: how much the scan was shrunk, which follows its density, how much wood the
network sees in the whole scan, whether the point's height is known, and how near the ground it is. Each point's own
spacing made stands that were left out of the fit worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Calibration", "scan_odds", "surroundings"]

Floats = NDArray[np.float64]

_COLUMNS = 5  # of surroundings
_ODDS = 4.6  # one in a hundred
_NEVER_FLATTER = 0.1  # slope: a margin always counts for something, and never the wrong way round


def scan_odds(margin: NDArray[Any]) -> float:
    """How much wood a network sees in a scan: log odds of the mean P(wood), within one in a hundred of either end.

    Args:
        margin: (n,) wood logit less leaf logit of all points that are labelled.
    """
    if not len(margin):
        return 0.0
    mean = float(np.mean(1.0 / (1.0 + np.exp(-np.clip(margin, -60, 60))), dtype=np.float64))
    return float(np.clip(np.log(mean / max(1.0 - mean, 1e-12)), -_ODDS, _ODDS))


def surroundings(heights: NDArray[Any], shrink: float, odds: float) -> Floats:
    """What temperature and bias depend on.

    Args:
        heights: (n, 2) whether the height is known, and nearness to the ground; of :mod:`leafwood.features`.
        shrink: factor by which the cloud was shrunk.
        odds: of the scan, from :func:`scan_odds`.

    Returns:
        (n, 5): 1, log of the shrinkage, whether the height is known, nearness to the ground, odds.
    """
    n = len(heights)
    return np.column_stack([np.ones(n), np.full(n, np.log(shrink)), heights, np.full(n, odds)])


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """P(wood) = sigmoid(slope(s) * margin + bias(s)), both linear in the surroundings s; neutral unless fitted.

    Attributes:
        slope: (5,) coefficients of the inverse temperature.
        bias: (5,) coefficients of the bias.
    """

    slope: tuple[float, ...] = (1.0,) + (0.0,) * (_COLUMNS - 1)
    bias: tuple[float, ...] = (0.0,) * _COLUMNS

    def probability(self, margin: NDArray[Any], surroundings: Floats) -> NDArray[np.float32]:
        """P(wood), as if leaf and wood were equally common.

        Args:
            margin: (n,) wood logit less leaf logit.
            surroundings: (n, 5).

        Returns:
            (n,) float32.
        """
        slope = np.maximum(surroundings @ np.array(self.slope), _NEVER_FLATTER)
        logit = slope * margin + surroundings @ np.array(self.bias)
        return (1.0 / (1.0 + np.exp(-np.clip(logit, -60, 60)))).astype(np.float32)

    @classmethod
    def fit(cls, margin: NDArray[Any], surroundings: Floats, wood: NDArray[np.bool_], weight: Floats) -> Calibration:
        """Fit by logistic regression.

        Args:
            margin: (n,) of points of scans that the network has not learnt from.
            surroundings: (n, 5).
            wood: (n,) the truth.
            weight: (n,) such that leaf and wood weigh the same.
        """
        from sklearn.linear_model import LogisticRegression

        columns = np.concatenate([surroundings * np.asarray(margin)[:, None], surroundings], axis=1)
        scale = np.maximum(np.sqrt(np.square(columns).mean(axis=0)), 1e-6)
        model = LogisticRegression(fit_intercept=False, C=10.0, solver="newton-cholesky")
        model.fit(columns / scale, wood, sample_weight=weight / weight.mean())
        found = (model.coef_[0] / scale).round(5).tolist()
        return cls(slope=tuple(found[:_COLUMNS]), bias=tuple(found[_COLUMNS:]))
