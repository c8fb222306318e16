"""Sharpness-aware minimisation, plain and asymmetric: descend by the gradient of the worst point nearby.

SAM: Foret et al., ICLR 2021. SAM-A: Shwartz-Ziv et al., "Simplifying Neural Network Training Under Class Imbalance"
(NeurIPS 2023): the climb is that of the rare class rather than of the mass of points, which pushes the decision
boundary away from it. The authors' release climbs by the class-weighted loss; the paper can also be read as a radius
for each class, so that the gradients of the classes are added in proportion to their radii. Both are here, and in both
the sum is brought to the length `rho`: divided by the length of the plain sum, which vanishes where the classes
balance, a climb could be a thousand times as long as it should be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch_geometric.data import Data

from leafwood.classes import IGNORE
from leafwood.config import in_range
from leafwood.losses import Loss
from leafwood.train.balance import Balance
from leafwood.train.steps import Method, Step, frozen_statistics

if TYPE_CHECKING:
    from leafwood.train.data import TrainingSet

__all__ = ["SAMConfig", "SAMStep", "climb"]


@dataclass(frozen=True, kw_only=True)
class SAMConfig(Method):
    """How far and where to climb.

    Attributes:
        kind: kind of the method.
        rho: length of the climb, in the unit of the weights; 0 is the plain step.
        ascent: ``plain``, along the gradient of the training loss (SAM); ``weighted``, of cross-entropy with classes of
            equal weight (SAM-A as released); ``per_class``, along the sum of the gradients of the classes' mean
            cross-entropies, each in proportion to 1 / count of its class (SAM-A with a radius for each class).

    Raises:
        BadConfig: a negative radius.
    """

    kind: Literal["sam"] = "sam"
    rho: float = 0.05
    ascent: Literal["plain", "weighted", "per_class"] = "plain"

    def __post_init__(self) -> None:
        in_range("method.rho", self.rho, 0.0)

    def step(
        self,
        network: nn.Module,
        criterion: Loss,
        optimiser: torch.optim.Optimizer,
        balance: Balance | None,
        data: TrainingSet,
    ) -> Step:
        """Sharpness-aware steps."""
        return SAMStep(network, criterion, optimiser, balance, config=self)


def climb(gradients: Sequence[Sequence[Tensor]], shares: Sequence[float], rho: float) -> list[Tensor]:
    """Perturbation of each parameter, of length `rho` along the sum over c of share_c g_c.

    Args:
        gradients: for each class, or once for all, the gradient of each parameter.
        shares: shares of each in the sum, on any scale.
        rho: length of the perturbation.

    Returns:
        One tensor a parameter; zeros where the sum is zero.
    """
    total = [
        torch.stack([share * part for share, part in zip(shares, parts, strict=True)]).sum(dim=0)
        for parts in zip(*gradients, strict=True)
    ]
    length = float(torch.linalg.vector_norm(torch.cat([part.flatten() for part in total])))
    return [part * (rho / length if length > 0 else 0.0) for part in total]


class SAMStep(Step):
    """Climb, take the gradient of the training loss up there, go back, and step by that gradient.

    Args:
        *args: arguments of :class:`~leafwood.train.steps.Step`.
        config: how far and where to climb.
        **options: of :class:`~leafwood.train.steps.Step`.
    """

    def __init__(self, *args: Any, config: SAMConfig, **options: Any) -> None:
        super().__init__(*args, **options)
        self.config = config
        self._moved = [p for p in self.network.parameters() if p.requires_grad]

    def __call__(self, batch: Data) -> float:
        """Move the weights once; the training loss of (m,) labelled points before the climb."""
        loss, perturbation = self._climb(batch)
        before = [p.detach().clone() for p in self._moved]
        with torch.no_grad():
            for parameter, by in zip(self._moved, perturbation, strict=True):
                parameter.add_(by)
        self.optimiser.zero_grad()
        with frozen_statistics(self.network):
            self.loss(batch).backward()
        with torch.no_grad():
            for parameter, value in zip(self._moved, before, strict=True):
                parameter.copy_(value)
        self.descend()
        return loss.item()

    def _climb(self, batch: Data) -> tuple[Tensor, list[Tensor]]:
        """Training loss here, and the perturbation of each parameter."""
        logits = self.network(batch)
        loss = self.criterion(logits, batch.y, self.weights(batch))
        if self.config.ascent == "plain" or not (batch.y != IGNORE).any():
            return loss, climb([self._gradient(loss)], [1.0], self.config.rho)
        losses = cross_entropy(logits, batch.y, reduction="none", ignore_index=IGNORE)
        counts = self.criterion.counts
        if self.config.ascent == "weighted":
            weights = torch.where(batch.y == IGNORE, 0.0, (1 / counts).to(losses)[batch.y.clamp(min=0)])
            return loss, climb([self._gradient((weights * losses).sum())], [1.0], self.config.rho)
        here = [label for label in range(len(counts)) if (batch.y == label).any()]
        slopes = [self._gradient(losses[batch.y == label].mean()) for label in here]
        return loss, climb(slopes, [1 / float(counts[label]) for label in here], self.config.rho)

    def _gradient(self, loss: Tensor) -> list[Tensor]:
        """Gradient of each parameter; the graph stays."""
        found = torch.autograd.grad(loss, self._moved, retain_graph=True, allow_unused=True)
        return [torch.zeros_like(p) if g is None else g for p, g in zip(self._moved, found, strict=True)]
