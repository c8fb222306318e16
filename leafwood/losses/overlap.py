"""Losses on the overlap of a whole batch: Tversky, Dice and Lovász, per class on softmax probabilities.

They are means over the classes that the batch has; where it has none of the chosen classes the loss is 0. Per-point
weights make the counts (true positives, false positives, false negatives) weighted counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from leafwood.config import in_range
from leafwood.errors import BadConfig
from leafwood.losses.base import Loss

__all__ = ["Dice", "Lovasz", "Tversky"]


class _Overlap(Loss):
    """Mean over the present ones of the chosen classes.

    Args:
        class_counts: (C,) training points of each class; they set C only.
        classes: the classes that count, e.g. ``[1]`` for wood alone; None: all.
    """

    def __init__(self, class_counts: ArrayLike, *, classes: Sequence[int] | None = None) -> None:
        super().__init__(class_counts)
        self.classes = _chosen(classes, len(self.counts))

    def _mean(self, logits: Tensor, labels: Tensor, weights: Tensor, one: Callable[..., Tensor]) -> Tensor:
        """Mean of ``one(probability (n,), truth (n,), weights (n,))`` over the present classes."""
        probability = torch.softmax(logits, dim=1)
        weights = weights / weights.mean().clamp(min=torch.finfo(weights.dtype).tiny)
        losses = []
        for label in self.classes:
            truth = (labels == label).to(logits)
            if (weights * truth).sum() > 0:
                losses.append(one(probability[:, label], truth, weights))
        return torch.stack(losses).mean() if losses else logits[:0].sum()


class Tversky(_Overlap):
    """1 - TP / (TP + alpha FP + beta FN) on soft counts (Salehi et al., MLMI 2017).

    Args:
        class_counts: (C,) training points of each class; they set C only.
        alpha: weight of false positives.
        beta: weight of false negatives, above 0; the larger against `alpha`, the more recall. 1 and 1 is Jaccard.
        smooth: points added above and below the fraction, which calms batches with few points of a class.
        classes: the classes that count, e.g. ``[1]`` for wood alone; None: all.
    """

    def __init__(
        self,
        class_counts: ArrayLike,
        *,
        alpha: float = 0.3,
        beta: float = 0.7,
        smooth: float = 0.0,
        classes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(class_counts, classes=classes)
        self.alpha = in_range("alpha", alpha, 0.0)
        self.beta = in_range("beta", beta, 1e-6)
        self.smooth = in_range("smooth", smooth, 0.0)

    def reduce(self, logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        """Mean over the present classes."""
        return self._mean(logits, labels, weights, self._one)

    def _one(self, probability: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
        hit = (weights * probability * truth).sum()
        false_positive = (weights * probability * (1 - truth)).sum()
        false_negative = (weights * (1 - probability) * truth).sum()
        below = hit + self.alpha * false_positive + self.beta * false_negative
        return 1 - (hit + self.smooth) / (below + self.smooth)


class Dice(Tversky):
    """Tversky with alpha = beta = 0.5: 1 - 2 TP / (2 TP + FP + FN) (Milletari et al., 3DV 2016).

    Args:
        class_counts: (C,) training points of each class; they set C only.
        smooth: points added above and below the fraction, which calms batches with few points of a class.
        classes: the classes that count, e.g. ``[1]`` for wood alone; None: all.
    """

    def __init__(self, class_counts: ArrayLike, *, smooth: float = 0.0, classes: Sequence[int] | None = None) -> None:
        super().__init__(class_counts, alpha=0.5, beta=0.5, smooth=smooth, classes=classes)


class Lovasz(_Overlap):
    """The Lovász extension of the Jaccard loss 1 - IoU (Berman et al., CVPR 2018).

    Args:
        class_counts: (C,) training points of each class; they set C only.
        classes: the classes that count, e.g. ``[1]`` for wood alone; None: all.
    """

    def reduce(self, logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        """Mean over the present classes."""
        return self._mean(logits, labels, weights, _lovasz)


def _lovasz(probability: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Errors in falling order, each times what it adds to 1 - IoU once all larger ones are mistakes."""
    error = torch.where(truth > 0, 1 - probability, probability)
    error, order = torch.sort(error, descending=True)
    # float64: millions of points are summed up here, and their differences taken
    true = (weights * truth)[order].double()
    false = (weights * (1 - truth))[order].double()
    jaccard = 1 - (true.sum() - true.cumsum(0)) / (true.sum() + false.cumsum(0))
    steps = torch.diff(jaccard, prepend=jaccard.new_zeros(1))
    return (error * steps.to(error)).sum()


def _chosen(classes: Sequence[int] | None, count: int) -> tuple[int, ...]:
    if classes is None:
        return tuple(range(count))
    if not isinstance(classes, list | tuple) or not classes:
        raise BadConfig(f"classes must be a list of class numbers, got {classes!r}")
    for label in classes:
        if isinstance(label, bool) or label not in range(count):
            raise BadConfig(f"classes must be numbers from 0 to {count - 1}, got {label!r}")
    return tuple(sorted({int(label) for label in classes}))
