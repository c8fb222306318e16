"""Cross-entropy: plain, weighted by class, by effective number, and with softened labels."""

from __future__ import annotations

import warnings

from numpy.typing import ArrayLike
from torch import Tensor

from leafwood.config import in_range
from leafwood.losses.base import PointLoss, label_log_probability
from leafwood.losses.smoothing import smoothing_by_class, soft_cross_entropy, soft_targets

__all__ = ["ClassBalanced", "CrossEntropy", "Smoothed", "Weighted", "effective_number_weights"]


class CrossEntropy(PointLoss):
    """-log softmax(z)_y."""

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of each point (n,)."""
        return -label_log_probability(logits, labels)


class Weighted(PointLoss):
    """Cross-entropy times p_y^-power, scaled so that the mean weight of the training points is 1.

    Args:
        class_counts: (C,) training points of each class.
        power: 1 gives each class the same total weight, 0.5 is the milder square root, 0 plain cross-entropy.
    """

    balances = True
    class_weights: Tensor

    def __init__(self, class_counts: ArrayLike, *, power: float = 1.0) -> None:
        super().__init__(class_counts)
        weights = self.prior ** -in_range("power", power, 0.0)
        self.register_buffer("class_weights", weights / (self.prior * weights).sum(), persistent=False)

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of each point (n,)."""
        return -self.class_weights.to(logits)[labels] * label_log_probability(logits, labels)


class ClassBalanced(PointLoss):
    """Cross-entropy weighted by the inverse effective number of points (Cui et al., CVPR 2019).

    A class of n points counts as (1 - beta^n) / (1 - beta) distinct ones; weights are scaled to sum to C.

    Args:
        class_counts: (C,) training points of each class.
        beta: 1 / (1 - beta) is how many distinct points a class can hold at most. All classes that have many more get
            the same weight, which is said in a warning.
    """

    balances = True
    class_weights: Tensor

    def __init__(self, class_counts: ArrayLike, *, beta: float = 0.9999) -> None:
        super().__init__(class_counts)
        self.register_buffer("class_weights", effective_number_weights(self.counts, beta), persistent=False)

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of each point (n,)."""
        return -self.class_weights.to(logits)[labels] * label_log_probability(logits, labels)


class Smoothed(PointLoss):
    """Cross-entropy against softened labels, the softer the rarer the class (Shwartz-Ziv et al., NeurIPS 2023).

    Args:
        class_counts: (C,) training points of each class.
        eps_min: smoothing of the commonest class.
        eps_max: smoothing of the rarest class.
    """

    eps: Tensor

    def __init__(self, class_counts: ArrayLike, *, eps_min: float = 0.02, eps_max: float = 0.1) -> None:
        super().__init__(class_counts)
        eps = smoothing_by_class(class_counts, in_range("eps_min", eps_min), in_range("eps_max", eps_max))
        self.register_buffer("eps", eps, persistent=False)

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of each point (n,)."""
        return soft_cross_entropy(logits, soft_targets(labels, self.eps.to(logits)))


def effective_number_weights(counts: Tensor, beta: float) -> Tensor:
    """Class weights (C,) proportional to (1 - beta) / (1 - beta^n), summing to C (Cui et al., CVPR 2019).

    Warns:
        UserWarning: `beta` is so small for these counts that it cannot tell the classes apart.

    Raises:
        BadConfig: `beta` is outside 0..1, or is 1.
    """
    beta = in_range("beta", beta, 0.0, 1.0 - 1e-12)
    weights = (1 - beta) / (1 - beta**counts)
    weights = weights * len(counts) / weights.sum()
    if beta > 0 and counts.max() > 1.01 * counts.min() and weights.max() < 1.01 * weights.min():
        warnings.warn(
            f"beta={beta:g} weighs all classes alike: each has far more than 1 / (1 - beta) = {1 / (1 - beta):.0f} "
            f"points; bring 1 / (1 - beta) near the rarest class' {counts.min():.0f}",
            UserWarning,
            stacklevel=2,
        )
    return weights
