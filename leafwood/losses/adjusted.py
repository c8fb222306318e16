"""Cross-entropy on logits to which the class prior was added, so that the bare logits are balanced."""

from __future__ import annotations

from numpy.typing import ArrayLike
from torch import Tensor

from leafwood.config import in_range
from leafwood.losses.base import PointLoss, label_log_probability

__all__ = ["BalancedSoftmax", "LogitAdjusted"]


class LogitAdjusted(PointLoss):
    """-log softmax(z + tau log p)_y (Menon et al., ICLR 2021).

    Args:
        class_counts: (C,) training points of each class.
        tau: 1 is consistent for balanced accuracy, 0 is cross-entropy.
    """

    balances = True

    def __init__(self, class_counts: ArrayLike, *, tau: float = 1.0) -> None:
        super().__init__(class_counts)
        self.tau = in_range("tau", tau, 0.0)

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of each point (n,)."""
        return -label_log_probability(logits + self.tau * self.prior.log().to(logits), labels)


class BalancedSoftmax(PointLoss):
    """-log softmax(z + log n)_y (Ren et al., NeurIPS 2020); the same value as logit adjustment with tau = 1.

    Args:
        class_counts: (C,) training points of each class.
    """

    balances = True

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of each point (n,)."""
        return -label_log_probability(logits + self.counts.log().to(logits), labels)
