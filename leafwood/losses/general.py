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

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from leafwood.config import in_range
from leafwood.errors import BadConfig
from leafwood.losses.base import PointLoss, label_log_probability, per_class

__all__ = ["GCA", "GLA", "Generalised"]

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
        q: of Psi.
        tau: strength of the adjustment; None: 1 / (1 - q).
        warmup: share of the training that uses q = 0.

    Warns:
        UserWarning: `tau` is not the consistent one.

    Raises:
        BadConfig: q = 1 without `tau` (none is consistent), or an option out of range.
    """

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
        odds = (self.prior / self.prior.max()).log()  # a shift common to all, times a great tau, would eat digits
        return _psi(label_log_probability(logits + tau * odds.to(logits), labels), q)


class GCA(Generalised):
    """Psi_q(1 / (1 + sum over k != y of exp((z_k - z_y) / rho_y))) / p_y: generalised class-aware.

    Unequal margins rho move the decision at z_0 = z_1 to odds of (p_0 rho_0) / (p_1 rho_1), whatever q.

    Args:
        class_counts: (C,) training points of each class.
        q: of Psi.
        rho: (C,) confidence margins; None: n_c^(-1/4), scaled to a maximum of 1.
        factor: multiplies all margins (0.5, 1, 2, 4 are worth a try on a validation set).
        consistent: also weigh by rho_y, which puts the decision back at the prior.
        warmup: share of the training that uses q = 0.

    Raises:
        BadConfig: an option out of range.
    """

    rho: Tensor
    class_weights: Tensor

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
        weights = (margins if consistent else torch.ones_like(margins)) / self.prior
        self.register_buffer("rho", margins, persistent=False)
        self.register_buffer("class_weights", weights, persistent=False)

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of each point (n,)."""
        scaled = logits / self.rho.to(logits)[labels][:, None]
        losses = _psi(label_log_probability(scaled, labels), self.current_q)
        return self.class_weights.to(logits)[labels] * losses


def _psi(log_u: Tensor, q: float) -> Tensor:
    """Psi_q(u) from log u; expm1 keeps it exact for q near 0."""
    return -log_u if q < _NO_Q else -torch.expm1(q * log_u) / q
