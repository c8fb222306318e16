"""Class-conditional label smoothing: the rarer the class, the softer its targets.

Shwartz-Ziv et al., "Simplifying Neural Network Training Under Class Imbalance" (NeurIPS 2023), find that smoothing
minority labels more helps; the logarithmic schedule between two bounds is leafwood's own choice. The loss
``smoothed`` of :mod:`leafwood.losses` is built from these functions.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from leafwood.classes import check_counts
from leafwood.errors import BadConfig

__all__ = ["smoothing_by_class", "soft_cross_entropy", "soft_targets"]


def smoothing_by_class(class_counts: ArrayLike, eps_min: float = 0.02, eps_max: float = 0.1) -> Tensor:
    """Smoothing of each class, linear in the logarithm of its count.

    Args:
        class_counts: (C,) training points of each class.
        eps_min: smoothing of the commonest class, and of all where counts are equal.
        eps_max: smoothing of the rarest class.

    Returns:
        (C,) float64.

    Raises:
        BadConfig: a class without points, or not ``0 <= eps_min <= eps_max < 1``.
    """
    if not 0 <= eps_min <= eps_max < 1:
        raise BadConfig(f"eps_min, eps_max must satisfy 0 <= eps_min <= eps_max < 1, got {eps_min!r}, {eps_max!r}")
    log = np.log(check_counts(class_counts))
    spread = log.max() - log.min()
    rarity = (log.max() - log) / spread if spread > 0 else np.zeros_like(log)
    return torch.from_numpy(eps_min + (eps_max - eps_min) * rarity)


def soft_targets(labels: Tensor, eps: Tensor) -> Tensor:
    """Target probabilities (n, C): (1 - eps_y) on the label and eps_y / C on every class.

    Args:
        labels: (n,) int64 class numbers, none ignored.
        eps: (C,) smoothing of each class.
    """
    share = eps[labels][:, None]
    return (1 - share) * torch.nn.functional.one_hot(labels, len(eps)).to(eps) + share / len(eps)


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of each point (n,) between target probabilities (n, C) and softmax of logits (n, C)."""
    return -(targets * torch.log_softmax(logits, dim=1)).sum(dim=1)
