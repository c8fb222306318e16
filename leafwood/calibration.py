"""From the network's margin to P(wood), at every density and height.

A threshold drifts with the density of a scan. Temperature and bias (Platt 1999; Guo et al. 2017) are therefore
functions of the point's surroundings: how much the scan was shrunk, which follows its density, whether its height is
known, and how near the ground it is. Each point's own spacing made stands that were left out of the fit worse.

What is left of the drift differs from scan to scan: a network that is doubtful sees too much wood everywhere. The mean
of a scan's margins tells how far its zero is off, and a part of it is taken back; no more where the mean is high, for
then wood is what there is. A scan that is nearly all wood by its own probabilities is a leafless tree or forest: there
equal shares would spend the finest branches on leaves that are not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.postprocess.decay import plain_share, shift

__all__ = ["Calibration", "surroundings"]

Floats = NDArray[np.float64]

_COLUMNS = 4  # of surroundings
# Both chosen on virtual validation stands. Lower, the second takes trees of more wood than leaf for leafless.
_DOUBTFUL = 0.5  # mean margin up to which it is doubt
_LEAFLESS = 0.9  # share of wood
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
    """P(wood) = sigmoid(slope(s) * margin + bias(s) + scan * min(M, 0.5)); neutral unless fitted.

    s are the surroundings of a point, M is the mean margin of its scan. In a leafless scan it is P(wood) for the share
    of wood that the scan has, not for equal shares.

    Attributes:
        slope: (4,) coefficients of the inverse temperature, linear in s.
        bias: (4,) coefficients of the bias, linear in s.
        scan: coefficient of the mean margin.
        leafless: share of wood, by the scan's own probabilities, from which on a scan is leafless; 1 for never.
    """

    slope: tuple[float, ...] = (1.0,) + (0.0,) * (_COLUMNS - 1)
    bias: tuple[float, ...] = (0.0,) * _COLUMNS
    scan: float = 0.0
    leafless: float = 1.0

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
        """P(wood), as if leaf and wood were equally common unless the scan is leafless.

        Args:
            logit: (n,) of all points of a scan, from :meth:`logit`.
            mean_margin: over them.

        Returns:
            (n,) float32.
        """
        shifted = np.clip(logit + self.scan * min(mean_margin, _DOUBTFUL), -60, 60)
        prob = (1.0 / (1.0 + np.exp(-shifted))).astype(np.float32)
        share = plain_share(prob) if self.leafless < 1 else 0.0
        # nothing moves at the limit itself, so that scans just below and above it are labelled alike
        return shift(prob, share, prior=self.leafless) if share > self.leafless else prob

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

        own, mean = np.asarray(margin)[:, None], np.minimum(mean_margin, _DOUBTFUL)
        columns = np.concatenate([surroundings * own, surroundings, mean[:, None]], axis=1)
        scale = np.maximum(np.sqrt(np.square(columns).mean(axis=0)), 1e-6)
        model = LogisticRegression(fit_intercept=False, C=10.0, solver="newton-cholesky")
        model.fit(columns / scale, wood, sample_weight=weight / weight.mean())
        found = (model.coef_[0] / scale).round(5).tolist()
        slope, bias = tuple(found[:_COLUMNS]), tuple(found[_COLUMNS : 2 * _COLUMNS])
        return cls(slope=slope, bias=bias, scan=found[-1], leafless=_LEAFLESS)
