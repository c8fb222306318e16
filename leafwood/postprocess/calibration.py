"""From the network's margin to P(wood), at every density and height.

A threshold drifts with the density of a scan. Temperature and bias (Platt 1999; Guo et al. 2017) are therefore
functions of the point's covariates: how much the scan was shrunk, which follows its density, whether its height is
known, and how near the ground it is. Each point's own spacing made stands that were left out of the fit worse.

What is left of the drift differs from scan to scan: a network that is doubtful sees too much wood everywhere. The mean
of a scan's margins tells how far its zero is off, and a part of it is taken back. A mean above :data:`_DOUBTFUL` is no
sign of doubt but of much wood, so no more than that is taken back. In a leafless tree or forest nearly everything is
wood, and equal shares would label its finest branches as leaves. The scan descriptor (means over the scan of what the
network sees) tells such a scan from one in leaf with more certainty than the network has at a single point.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.postprocess.logistic import fit_logistic, sigmoid

__all__ = ["Calibration", "covariates", "recognise"]

Floats = NDArray[np.float64]

_COLUMNS = 4  # of covariates
_DOUBTFUL = 1.0  # mean margin up to which it is doubt; chosen on virtual validation stands
_BARE = 0.95  # share of wood in a leafless scan
_HELD = 3.0  # penalty on the coefficients of the descriptor; chosen likewise
_LOOSE = 1.0  # penalty on what makes it differ from a neutral one, beside scans that weigh 1 each
_NEVER_FLATTER = 0.1  # slope: a margin always counts for something, and never the wrong way round


def covariates(heights: NDArray[Any], scale: float) -> Floats:
    """What temperature and bias depend on.

    Args:
        heights: (n, 3) height features of :mod:`leafwood.graph.features`: known, height / 20 m, nearness to the ground.
        scale: factor by which the cloud was shrunk.

    Returns:
        (n, 4): 1, log of the scale_normalisation, whether the height is known, nearness to the ground.
    """
    n = len(heights)
    return np.column_stack([np.ones(n), np.full(n, np.log(scale)), heights[:, 0], heights[:, 2]])


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """P(wood) = sigmoid(slope(s) * margin + bias(s) + scan * min(M, 1) + leafless * L); neutral unless fitted.

    s are the covariates of a point, M is the mean margin of its scan. L are the log odds of wood that follow from the
    chance that the scan is leafless, which is the sigmoid of a linear function of its descriptor. It is P(wood) as if
    leaf and wood were equally common; leaves that are less than a fifth of a scan are not weighed up so far.

    Attributes:
        slope: (4,) coefficients of the inverse temperature, linear in s.
        bias: (4,) coefficients of the bias, linear in s.
        scan: coefficient of the mean margin.
        leafless: coefficient of those log odds.
        descriptor: coefficients of that chance: a constant, and one for each trait but the first; none for never.
    """

    slope: tuple[float, ...] = (1.0,) + (0.0,) * (_COLUMNS - 1)
    bias: tuple[float, ...] = (0.0,) * _COLUMNS
    scan: float = 0.0
    leafless: float = 0.0
    descriptor: tuple[float, ...] = ()

    def logit(self, margin: NDArray[Any], covariates: Floats) -> NDArray[np.float32]:
        """What is known of some points by themselves.

        Args:
            margin: (n,) wood logit less leaf logit.
            covariates: (n, 4).

        Returns:
            (n,) float32, for :meth:`probability`.
        """
        slope = np.maximum(covariates @ np.array(self.slope), _NEVER_FLATTER)
        return np.asarray(slope * margin + covariates @ np.array(self.bias), dtype=np.float32)

    def probability(self, logit: NDArray[Any], descriptor: Floats) -> NDArray[np.float32]:
        """P(wood); for which shares, the class says.

        Args:
            logit: (n,) of all points of a scan, from :meth:`logit`.
            descriptor: (1 + t,) of the scan: means over its points of the margin and of what the network sees.

        Returns:
            (n,) float32.
        """
        if not len(logit):
            return np.zeros(0, dtype=np.float32)
        mean, odds = self._of_scans(descriptor[None])[0]
        return np.asarray(sigmoid(logit + self.scan * mean + self.leafless * odds), dtype=np.float32)

    def chance_leafless(self, descriptor: Floats) -> Floats:
        """Chance (m,) that each of some scans is leafless, by their descriptor (m, 1 + t)."""
        if not self.descriptor:
            return np.zeros(len(descriptor))
        constant, *others = self.descriptor
        return sigmoid(descriptor[:, 1:] @ np.array(others) + constant)

    def _of_scans(self, descriptor: Floats) -> Floats:
        """What moves the logits of scans: min(M, 1) and L (m, 2) by their descriptor (m, 1 + t)."""
        wood = 0.5 + (_BARE - 0.5) * self.chance_leafless(descriptor)
        return np.column_stack([np.minimum(descriptor[:, 0], _DOUBTFUL), np.log(wood / (1 - wood))])

    def fit(
        self,
        margin: NDArray[Any],
        covariates: Floats,
        scan: NDArray[np.integer[Any]],
        descriptor: Floats,
        wood: NDArray[np.bool_],
        weight: Floats,
    ) -> Calibration:
        """Fit all but the coefficients of the descriptor, by logistic regression.

        Args:
            margin: (n,) of points of scans that the network has not learnt from.
            covariates: (n, 4).
            scan: (n,) number of each point's scan, from 0.
            descriptor: (m, 1 + t) of the scans.
            wood: (n,) the truth.
            weight: (n,) such that leaf and wood weigh the same, but for leaves that are hardly there.
        """
        own = np.asarray(margin, dtype=np.float64)[:, None]
        columns = np.column_stack([covariates * own, covariates, self._of_scans(descriptor)[scan]])
        # points of a scan are no independent witnesses: the penalty is that of so many scans
        penalty = _LOOSE * len(wood) / len(descriptor)
        change = fit_logistic(columns, wood, weight, penalty=penalty, offset=own[:, 0])
        change[0] += 1  # the slope that is neutral
        found: list[float] = change.round(5).tolist()
        slope, bias = tuple(found[:_COLUMNS]), tuple(found[_COLUMNS : 2 * _COLUMNS])
        return replace(self, slope=slope, bias=bias, scan=found[-2], leafless=found[-1])


def recognise(descriptor: Floats, leafless: NDArray[np.bool_]) -> Calibration:
    """Learn to tell leafless scans from others, by logistic regression; the rest is left neutral.

    Args:
        descriptor: (m, 1 + t) of scans.
        leafless: (m,) the truth.

    Returns:
        A calibration that recognises them; where there are none of either kind, one that takes no scan for leafless.
    """
    if leafless.all() or not leafless.any():
        return Calibration()
    mean, spread = descriptor[:, 1:].mean(axis=0), np.maximum(descriptor[:, 1:].std(axis=0), 1e-6)
    columns = np.column_stack([np.ones(len(descriptor)), (descriptor[:, 1:] - mean) / spread])
    constant, *others = fit_logistic(columns, leafless, np.ones(len(leafless)), penalty=_HELD)
    slopes = np.array(others) / spread
    return Calibration(descriptor=(float(constant - slopes @ mean), *slopes.tolist()))
