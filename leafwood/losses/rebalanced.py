"""SOUL's rebalanced loss: as many leaf points as there are wood points, drawn anew in each batch."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from leafwood.errors import BadConfig
from leafwood.losses.base import Loss, weighted_mean

__all__ = ["Rebalanced"]


class Rebalanced(Loss):
    """Sigmoid cross-entropy per channel, on a class-balanced draw (SOUL: Bai et al., NeurIPS 2023).

    The rare class is the one with the fewest training points. Each other class of the batch that has more points than
    the rare class is drawn down to as many, uniformly and without replacement; the classes that are there share the
    weight equally. A batch without the rare class is balanced without drawing. Per-point weights multiply, and the
    total is scaled back to 1.

    Args:
        class_counts: (C,) training points of each class; only which is smallest matters.
        seed: seed of the draws. Their state is in ``state_dict()``, so that a resumed training goes on drawing.
    """

    balances = True

    def __init__(self, class_counts: ArrayLike, *, seed: int = 0) -> None:
        super().__init__(class_counts)
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise BadConfig(f"seed must be a whole number of at least 0, got {seed!r}")
        self.rare = int(self.counts.argmin())
        self._generator = torch.Generator().manual_seed(seed)

    def reduce(self, logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        """Weighted mean over the points of a fresh draw."""
        targets = torch.nn.functional.one_hot(labels, logits.shape[1]).to(logits)
        channels = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return weighted_mean(channels.mean(dim=1), weights * self.draw(labels).to(logits))

    def draw(self, labels: Tensor) -> Tensor:
        """Fresh weights (n,) float64 for labels (n,) without ignored ones: they sum to 1, and to the same per class."""
        weights = torch.zeros(len(labels), dtype=torch.float64, device=labels.device)
        sizes = torch.bincount(labels, minlength=len(self.counts)).tolist()
        present = [label for label, size in enumerate(sizes) if size]
        for label in present:
            chosen = torch.nonzero(labels == label).squeeze(1)
            if 0 < sizes[self.rare] < sizes[label]:
                order = torch.randperm(sizes[label], generator=self._generator)
                chosen = chosen[order[: sizes[self.rare]].to(labels.device)]
            weights[chosen] = 1 / (len(present) * len(chosen))
        return weights

    def get_extra_state(self) -> Tensor:
        """State of the random draws."""
        return self._generator.get_state()

    def set_extra_state(self, state: Tensor) -> None:
        """Go on drawing from a saved state."""
        self._generator.set_state(state)
