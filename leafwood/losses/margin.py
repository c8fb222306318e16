"""Margins that are taken off the label's logit."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from leafwood.config import in_range
from leafwood.losses.base import PointLoss, label_log_probability
from leafwood.losses.cross_entropy import effective_number_weights

__all__ = ["LDAM"]


class LDAM(PointLoss):
    """-log softmax(scale (z - D_y e_y))_y with D_c proportional to n_c^(-1/4) (Cao et al., NeurIPS 2019).

    From the share `drw_from` of the training on (see :meth:`set_progress`) points are also weighted by the effective
    number of their class: deferred re-weighting, DRW.

    Args:
        class_counts: (C,) training points of each class.
        max_margin: margin of the rarest class.
        scale: 30 is meant for logits that are cosines (-1 to 1); with an ordinary linear head use 1.
        drw_from: share of the training after which weights are used.
        drw_beta: beta of the effective number; 0 leaves re-weighting out.
    """

    balances = True
    margins: Tensor
    drw_weights: Tensor

    def __init__(
        self,
        class_counts: ArrayLike,
        *,
        max_margin: float = 0.5,
        scale: float = 30.0,
        drw_from: float = 0.8,
        drw_beta: float = 0.9999,
    ) -> None:
        super().__init__(class_counts)
        margins = self.counts**-0.25
        margins = margins * (in_range("max_margin", max_margin, 0.0) / margins.max())
        weights = effective_number_weights(self.counts, in_range("drw_beta", drw_beta, 0.0, 1.0 - 1e-12))
        self.scale = in_range("scale", scale, 1e-6)
        self.drw_from = in_range("drw_from", drw_from, 0.0, 1.0)
        self.register_buffer("margins", margins, persistent=False)
        self.register_buffer("drw_weights", weights, persistent=False)

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of each point (n,)."""
        label = torch.nn.functional.one_hot(labels, logits.shape[1]).to(logits)
        losses = -label_log_probability(self.scale * (logits - label * self.margins.to(logits)), labels)
        return losses * self.drw_weights.to(logits)[labels] if self.progress >= self.drw_from else losses
