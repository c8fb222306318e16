"""From the network's margin to P(wood), at every density and height.

A threshold drifts with the density of a scan. Temperature and bias (Platt 1999; Guo et al. 2017) are therefore
functions of the point's surroundings: how much the scan was shrunk, which follows its density, whether its height is
known, and how near the ground it is. Each point's own spacing made stands that were left out of the fit worse.

What is left of the drift differs from scan to scan: a network that is doubtful sees too much wood everywhere. The mean
of a scan's margins tells how far its zero is off, and a part of it is taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Calibration", "surroundings"]

Floats = NDArray[np.float64]

_COLUMNS = 4  # of surroundings
_NEVER_FLATTER = 0.1  # slope: a margin always counts for something, and never the wrong way round


def surroundings(heights: NDArray[Any], shrink: float) -> Floats:
    """What temperature and bias depend on.

    Args:
        heights: (n, 3) height features of :mod:`leafwood.features`: known, height / 20 m, nearness to the ground.
        shrink: factor by which the cloud was shrunk.

    Returns:
        (n, 4): 1, log of the shrinkage, whether the height is known, nearness to the ground.
    """
    n = len(heights)
    return np.column_stack([np.ones(n), np.full(n, np.log(shrink)), heights[:, 0], heights[:, 2]])


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """P(wood) = sigmoid(slope(s) * margin + bias(s) + scan * M); neutral unless fitted.

    s are the surroundings of a point, M is the mean margin of its scan.

    Attributes:
        slope: (4,) coefficients of the inverse temperature, linear in s.
        bias: (4,) coefficients of the bias, linear in s.
        scan: coefficient of the mean margin.
    """

    slope: tuple[float, ...] = (1.0,) + (0.0,) * (_COLUMNS - 1)
    bias: tuple[float, ...] = (0.0,) * _COLUMNS
    scan: float = 0.0

    def logit(self, margin: NDArray[Any], surroundings: Floats) -> NDArray[np.float32]:
        """What is known of some points by themselves.

        Args:
            margin: (n,) wood logit less leaf logit.
            surroundings: (n, 4).

        Returns:
            (n,) float32, for :meth:`probability`.
        """
        slope = np.maximum(surroundings @ np.array(self.slope), _NEVER_FLATTER)
        return np.asarray(slope * margin + surroundings @ np.array(self.bias), dtype=np.float32)

    def probability(self, logit: NDArray[Any], mean_margin: float) -> NDArray[np.float32]:
        """P(wood), as if leaf and wood were equally common.

        Args:
            logit: (n,) from :meth:`logit`.
            mean_margin: over all points of the scan.

        Returns:
            (n,) float32.
        """
        shifted = np.clip(logit + self.scan * mean_margin, -60, 60)
        return (1.0 / (1.0 + np.exp(-shifted))).astype(np.float32)

    @classmethod
    def fit(
        cls,
        margin: NDArray[Any],
        surroundings: Floats,
        mean_margin: NDArray[Any],
        wood: NDArray[np.bool_],
        weight: Floats,
    ) -> Calibration:
        """Fit by logistic regression.

        Args:
            margin: (n,) of points of scans that the network has not learnt from.
            surroundings: (n, 4).
            mean_margin: (n,) of each point's scan.
            wood: (n,) the truth.
            weight: (n,) such that leaf and wood weigh the same.
        """
        from sklearn.linear_model import LogisticRegression

        own = np.asarray(margin)[:, None]
        columns = np.concatenate([surroundings * own, surroundings, np.asarray(mean_margin)[:, None]], axis=1)
        scale = np.maximum(np.sqrt(np.square(columns).mean(axis=0)), 1e-6)
        model = LogisticRegression(fit_intercept=False, C=10.0, solver="newton-cholesky")
        model.fit(columns / scale, wood, sample_weight=weight / weight.mean())
        found = (model.coef_[0] / scale).round(5).tolist()
        return cls(slope=tuple(found[:_COLUMNS]), bias=tuple(found[_COLUMNS : 2 * _COLUMNS]), scan=found[-1])
