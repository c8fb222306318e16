"""The focal loss, which weighs easy points down."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from leafwood.config import in_range
from leafwood.losses.base import PointLoss

__all__ = ["Focal", "log_one_minus"]


class Focal(PointLoss):
    """-(1 - p_y)^gamma log p_y with p = softmax(z) (Lin et al., ICCV 2017, for C classes).

    Args:
        class_counts: (C,) training points of each class; they set C only, the loss has no class weights.
        gamma: 0 is cross-entropy; the larger, the less easy points count.
    """

    def __init__(self, class_counts: ArrayLike, *, gamma: float = 2.0) -> None:
        super().__init__(class_counts)
        self.gamma = in_range("gamma", gamma, 0.0)

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of each point (n,)."""
        log_p = torch.log_softmax(logits, dim=1)
        log_u = log_p.gather(1, labels[:, None]).squeeze(1)
        return -torch.exp(self.gamma * log_one_minus(log_p, labels)) * log_u


def log_one_minus(log_p: Tensor, labels: Tensor) -> Tensor:
    """log(1 - p_y) (n,) from log-probabilities (n, C), exact where p_y rounds to 1 and finite in its gradient."""
    others = log_p.masked_fill(torch.nn.functional.one_hot(labels, log_p.shape[1]).bool(), -torch.inf)
    return torch.logsumexp(others, dim=1)
