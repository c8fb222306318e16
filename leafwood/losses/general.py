"""The general cross-entropy family, and its logit-adjusted and class-aware members.

Psi_q(u) = -log u for q = 0 and (1 - u^q) / q for 0 < q <= 1: q = 0 is cross-entropy, q = 1 is mean absolute error (some
papers count from 1 instead). For q > 0 confidently wrong points lose their gradient, so `warmup` can begin with q = 0.

GLA and GCA: Cortes, Mohri and Zhong, NeurIPS 2025 (arXiv 2512.23947); the formulas here are worked out from the
abstract and the consistency conditions, not from code of the authors, who have published none.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from leafwood.config import in_range
from leafwood.errors import BadConfig
from leafwood.losses.base import PointLoss, label_log_probability, per_class

__all__ = ["GCA", "GLA", "Generalised", "even_weights"]

_NO_Q = 1e-12  # below it 1 / q may be infinite, and Psi_q is -log u to the last digit


class Generalised(PointLoss):
    """Psi_q(softmax(z)_y): generalised cross-entropy (Zhang and Sabuncu, NeurIPS 2018).

    Args:
        class_counts: (C,) training points of each class; they set C only.
        q: 0 (cross-entropy) to 1 (mean absolute error); the larger, the less wrong labels and hard points count.
        warmup: share of the training that uses q = 0.
    """

    def __init__(self, class_counts: ArrayLike, *, q: float = 0.7, warmup: float = 0.0) -> None:
        super().__init__(class_counts)
        self.q = in_range("q", q, 0.0, 1.0)
        self.warmup = in_range("warmup", warmup, 0.0, 1.0)

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of each point (n,)."""
        return _psi(label_log_probability(logits, labels), self.current_q)

    @property
    def current_q(self) -> float:
        """`q`, or 0 during the warm-up."""
        return 0.0 if self.progress < self.warmup else self.q


class GLA(Generalised):
    """Psi_q(softmax(z + tau log p)_y): generalised logit adjustment.

    The decision at z_0 = z_1 lies where the odds of P(y|x) are those of the priors to the power tau (1 - q), so the
    loss is consistent for balanced accuracy with tau = 1 / (1 - q) only. The warm-up keeps that power.

    Args:
        class_counts: (C,) training points of each class.
        q: parameter of Psi.
        tau: strength of the adjustment; None: 1 / (1 - q).
        warmup: share of the training that uses q = 0.

    Warns:
        UserWarning: `tau` is not the consistent one.

    Raises:
        BadConfig: q = 1 without `tau` (none is consistent), or an option out of range.
    """

    balances = True

    def __init__(
        self, class_counts: ArrayLike, *, q: float = 0.0, tau: float | None = None, warmup: float = 0.0
    ) -> None:
        super().__init__(class_counts, q=q, warmup=warmup)
        if tau is None and self.q == 1:
            raise BadConfig("tau must be given for q = 1: no tau is consistent there")
        self.tau = 1 / (1 - self.q) if tau is None else in_range("tau", tau, 0.0)
        if not math.isclose(self.tau * (1 - self.q), 1.0, rel_tol=1e-4):
            right = "no tau is" if self.q == 1 else f"tau={1 / (1 - self.q):g} is"
            warnings.warn(
                f"gla with q={self.q:g}, tau={self.tau:g} is not consistent for balanced accuracy; {right}",
                UserWarning,
                stacklevel=2,
            )

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of each point (n,)."""
        q = self.current_q
        tau = self.tau if q == self.q else self.tau * (1 - self.q)
        odds = (
            self.prior / self.prior.max()
        ).log()  # A shift that is common to all classes, times a great tau, would cost digits.
        return _psi(label_log_probability(logits + tau * odds.to(logits), labels), q)


class GCA(Generalised):
    """Psi_q(1 / (1 + sum over k != y of exp((z_k - z_y) / rho_y))) / p_y: generalised class-aware.

    Unequal margins move the decision at z_0 = z_1 away from the odds of the priors. The weights that put it back are
    the margins themselves while the expected loss has its least value where the logits are equal. For larger q the
    loss is so far from convex that the decision jumps past that point, and two classes then need other weights, which
    are found numerically (:func:`even_weights`).

    Args:
        class_counts: (C,) training points of each class.
        q: parameter of Psi.
        rho: (C,) confidence margins; None: n_c^(-1/4), scaled to a maximum of 1.
        factor: multiplies all margins (0.5, 1, 2, 4 are worth a try on a validation set).
        consistent: also weigh the classes so that the decision lies at the prior.
        warmup: share of the training that uses q = 0.

    Warns:
        UserWarning: `consistent` is asked for with three classes or more, unequal margins and q above 0, where no
            weights are known to make it so.

    Raises:
        BadConfig: an option out of range.
    """

    balances = True
    rho: Tensor
    class_weights: Tensor
    warmup_weights: Tensor

    def __init__(
        self,
        class_counts: ArrayLike,
        *,
        q: float = 0.0,
        rho: Sequence[float] | None = None,
        factor: float = 1.0,
        consistent: bool = True,
        warmup: float = 0.0,
    ) -> None:
        super().__init__(class_counts, q=q, warmup=warmup)
        if rho is None:
            margins = (self.counts / self.counts.min()) ** -0.25
        else:
            margins = per_class("rho", rho, len(self.counts))
        margins = margins * in_range("factor", factor, 1e-6)
        if not isinstance(consistent, bool):
            raise BadConfig(f"consistent must be true or false, got {consistent!r}")
        even = torch.from_numpy(even_weights(margins.numpy(), self.q)) if consistent else torch.ones_like(margins)
        if consistent and len(margins) > 2 and self.q > 0 and margins.min() < margins.max():
            warnings.warn(
                f"gca with q={self.q:g} and unequal margins is consistent for two classes only, not for {len(margins)}",
                UserWarning,
                stacklevel=2,
            )
        self.register_buffer("rho", margins, persistent=False)
        self.register_buffer("class_weights", even / self.prior, persistent=False)
        early = margins if consistent else torch.ones_like(margins)
        self.register_buffer("warmup_weights", early / self.prior, persistent=False)

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of each point (n,)."""
        scaled = logits / self.rho.to(logits)[labels][:, None]
        losses = _psi(label_log_probability(scaled, labels), self.current_q)
        weights = self.class_weights if self.current_q == self.q else self.warmup_weights
        return weights.to(logits)[labels] * losses


def even_weights(rho: NDArray[np.float64], q: float) -> NDArray[np.float64]:
    """Class weights, besides 1 / p, that put the decision of :class:`GCA` at the prior.

    At the prior both classes have the same mass, and what is left of the expected loss is a function of the difference
    d of the logits, sum over c of w_c Psi_q(sigmoid(±d / rho_c)). The decision lies there when the least value among
    positive d equals that among negative d. For w = rho the slope at d = 0 is 0; if that is also the least value, w is
    found. Otherwise the ratio of the weights is found by bisection between 1 and that of the margins.

    Args:
        rho: (C,) margins.
        q: parameter of Psi, 0 to 1.

    Returns:
        (C,) weights; the margins themselves for more than two classes.
    """
    if len(rho) != 2 or q < _NO_Q or rho[0] == rho[1]:
        return rho
    away = np.geomspace(1e-4, 100, 4000) * rho.max()
    d = np.concatenate([-away[::-1], away])
    first, second = (-np.expm1(q * -np.logaddexp(0, sign * d / r)) / q for sign, r in zip((1, -1), rho, strict=True))

    def lean(ratio: float) -> float:
        """How much less the expected loss can be where the second class wins, its weight being `ratio`."""
        risk = first + ratio * second
        return float(risk[: len(away)].min() - risk[len(away) :].min())

    here = (1 + rho[1] / rho[0]) * -np.expm1(q * -math.log(2)) / q
    if (first + rho[1] / rho[0] * second).min() >= here - 1e-12:
        return rho
    low, high = sorted((1.0, rho[1] / rho[0]))
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if lean(middle) > 0 else (middle, high)
    return np.array([1.0, (low + high) / 2]) * rho[0]


def _psi(log_u: Tensor, q: float) -> Tensor:
    """Psi_q(u) from log u; expm1 keeps it exact for q near 0."""
    return -log_u if q < _NO_Q else -torch.expm1(q * log_u) / q
