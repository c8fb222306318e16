"""What every loss has in common: its checks, ignored points, per-point weights, and the share of training done."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from leafwood.classes import IGNORE, check_counts
from leafwood.config import in_range
from leafwood.errors import BadBatch, BadConfig

__all__ = ["Loss", "PointLoss", "label_log_probability", "per_class", "weighted_mean"]


class Loss(nn.Module, ABC):
    """A loss over labelled points.

    Args:
        class_counts: (C,) training points of each class; C is also the number of logits.

    Attributes:
        balances: whether the loss makes the classes count alike by itself, so that it expects points of equal weight.
        counts: (C,) float64, `class_counts`.
        prior: (C,) float64, shares of the classes, at least 1e-6.
        progress: share of the training that is done, 0 to 1, as last told to :meth:`set_progress`.

    Raises:
        BadConfig: a class without points, a negative count, or fewer than two classes.
    """

    balances: ClassVar[bool] = False
    counts: Tensor
    prior: Tensor

    def __init__(self, class_counts: ArrayLike) -> None:
        super().__init__()
        counts = torch.from_numpy(check_counts(class_counts))
        self.register_buffer("counts", counts, persistent=False)
        self.register_buffer("prior", (counts / counts.sum()).clamp(min=1e-6), persistent=False)
        self.progress = 0.0

    def set_progress(self, share: float) -> None:
        """Tell the loss how much of the training is done; losses without a schedule ignore it.

        Args:
            share: 0 at the start to 1 at the end.

        Raises:
            BadConfig: `share` is outside 0..1.
        """
        self.progress = in_range("share", share, 0.0, 1.0)

    def forward(self, logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """The loss of one batch.

        Args:
            logits: (n, C) floating point.
            labels: (n,) int64 class numbers, -1 for points to leave out.
            weights: (n,) per-point weights, zero or more, on any scale (inverse sampling intensity); None: all equal.

        Returns:
            A scalar. Without any labelled point it is 0, and its gradient is 0.

        Raises:
            BadBatch: shapes or types that do not fit, a label that is no class, NaN or infinite logits, negative
                or NaN weights.
        """
        self._check(logits, labels, weights)
        weights = logits.new_ones(len(logits)) if weights is None else weights.to(logits)
        kept = torch.nonzero(labels != IGNORE).squeeze(1)
        if len(kept) < len(labels):
            logits, labels, weights = logits.index_select(0, kept), labels[kept], weights[kept]
        if not len(labels):
            return logits.sum()
        return self.reduce(logits, labels, weights)

    @abstractmethod
    def reduce(self, logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        """The loss of (n, C) logits with (n,) labels and weights, all labelled and checked, n > 0."""

    def _check(self, logits: Tensor, labels: Tensor, weights: Tensor | None) -> None:
        classes = len(self.counts)
        if logits.ndim != 2 or logits.shape[1] != classes:
            raise BadBatch(f"logits: expected shape (n, {classes}), got {tuple(logits.shape)}")
        if not logits.is_floating_point():
            raise BadBatch(f"logits: expected floating point, got {logits.dtype}")
        if labels.shape != logits.shape[:1]:
            raise BadBatch(f"labels: expected shape ({len(logits)},), got {tuple(labels.shape)}")
        if labels.dtype != torch.int64:
            raise BadBatch(f"labels: expected torch.int64, got {labels.dtype}")
        odd = (labels < IGNORE) | (labels >= classes)
        if odd.any():
            raise BadBatch(f"labels: {int(labels[odd][0])} is neither a class (0 to {classes - 1}) nor {IGNORE}")
        if not torch.isfinite(logits).all():
            raise BadBatch("logits: NaN or infinite (a diverged training: lower the learning rate, or check the input)")
        if weights is None:
            return
        if weights.shape != labels.shape:
            raise BadBatch(f"weights: expected shape ({len(logits)},), got {tuple(weights.shape)}")
        if not torch.isfinite(weights).all() or (weights < 0).any():
            raise BadBatch("weights: NaN, infinite or negative")


class PointLoss(Loss):
    """A loss that is a weighted mean over points: sum of w_i l_i over sum of w_i.

    A loss' own class weights are part of l_i and not of the denominator: a batch without wood then counts for as little
    as its class weights say, and the expectation over batches is the loss over all the data.
    """

    def reduce(self, logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        """Weighted mean of :meth:`each`."""
        return weighted_mean(self.each(logits, labels), weights)

    @abstractmethod
    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of each point (n,) from logits (n, C) and labels (n,) without ignored ones."""


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Mean of values (n,) with weights (n,); 0 where all weights are 0."""
    return (weights * values).sum() / weights.sum().clamp(min=torch.finfo(weights.dtype).tiny)


def label_log_probability(logits: Tensor, labels: Tensor) -> Tensor:
    """Log-softmax of logits (n, C) at the label (n,)."""
    return torch.log_softmax(logits, dim=1).gather(1, labels[:, None]).squeeze(1)


def per_class(name: str, values: Sequence[float], classes: int) -> Tensor:
    """A setting with one positive number per class, as (C,) float64.

    Raises:
        BadConfig: another number of values, or one that is not positive; the message names the setting.
    """
    if not isinstance(values, list | tuple) or len(values) != classes:
        raise BadConfig(f"{name} must be {classes} numbers, one per class, got {values!r}")
    numbers = [in_range(f"{name}[{label}]", value) for label, value in enumerate(values)]
    if min(numbers) <= 0:
        raise BadConfig(f"{name} must be positive, got {values!r}")
    return torch.tensor(numbers, dtype=torch.float64)
