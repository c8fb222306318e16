"""Polynomial losses: cross-entropy or focal with another weight on the first term of their expansion in 1 - p."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from leafwood.config import in_range
from leafwood.errors import BadConfig
from leafwood.losses.base import PointLoss, label_log_probability

__all__ = ["Poly1", "Poly1Focal"]


class Poly1(PointLoss):
    """-log p_y + epsilon (1 - p_y) with p = softmax(z) (Leng et al., ICLR 2022).

    Args:
        class_counts: (C,) training points of each class; they set C only.
        epsilon: at least -1, below which the loss no longer falls with p_y; 0 is cross-entropy.
    """

    def __init__(self, class_counts: ArrayLike, *, epsilon: float = 1.0) -> None:
        super().__init__(class_counts)
        self.epsilon = in_range("epsilon", epsilon, -1.0)

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of each point (n,)."""
        log_u = label_log_probability(logits, labels)
        return -log_u - self.epsilon * torch.expm1(log_u)


class Poly1Focal(PointLoss):
    """PointsToWood's loss: (1 - t)^gamma BCE(x, y~) + epsilon (1 - t)^(gamma + 1), for two classes.

    x = z_1 - z_0 held to -10..10, y~ the smoothed label, t = y~ sigmoid(x) + (1 - y~) sigmoid(-x). Beyond the hold
    points have no gradient, as in the original.

    Args:
        class_counts: (2,) training points of each class.
        gamma: exponent of the focal factor.
        epsilon: weight of the polynomial term.
        smoothing: smoothing of the labels; y~ = y (1 - smoothing) + smoothing / 2.
    """

    def __init__(
        self, class_counts: ArrayLike, *, gamma: float = 2.0, epsilon: float = 0.1, smoothing: float = 0.1
    ) -> None:
        super().__init__(class_counts)
        if len(self.counts) != 2:
            raise BadConfig(f"class_counts: this loss is for two classes, got {len(self.counts)}")
        self.gamma = in_range("gamma", gamma, 0.0)
        self.epsilon = in_range("epsilon", epsilon, 0.0)
        self.smoothing = in_range("smoothing", smoothing, 0.0, 1.0)

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of each point (n,)."""
        x = (logits[:, 1] - logits[:, 0]).clamp(-10.0, 10.0)
        target = labels.to(logits) * (1 - self.smoothing) + self.smoothing / 2
        miss = target * torch.sigmoid(-x) + (1 - target) * torch.sigmoid(x)
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(x, target, reduction="none")
        return miss**self.gamma * entropy + self.epsilon * miss ** (self.gamma + 1)
