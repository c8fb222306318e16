"""Point weights that keep a network from telling wood from leaf by the density of points."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from leafwood.classes import IGNORE
from leafwood.graph.batching import Example
from leafwood.graph.config import GraphConfig
from leafwood.losses import LossConfig

__all__ = ["Balance", "even_classes", "is_wanted"]

_RAREST = (0.2, 0.03)  # leaf, wood


@dataclass(frozen=True, eq=False)
class Balance:
    """Point weights that balance the classes within strata of point spacing.

    Wood is commoner where points are dense (stems near a scanner) than where they are sparse. Balanced over everything,
    a network learns that as a prior, and its threshold drifts when a scan is thinner or denser than those it was
    trained on. Balanced within each stratum, P(wood) = 0.5 means the same at every density.

    Attributes:
        column: column of the finest level's features that tells the spacing.
        edges: (s - 1,) borders of the strata, in units of the spacing feature.
        weights: (s, 2) weights of leaf and wood in each stratum; both classes have the same mass in all strata.
    """

    column: int
    edges: Tensor
    weights: Tensor

    @classmethod
    def of(cls, graphs: Sequence[Example], config: GraphConfig, strata: int = 5) -> Balance:
        """Strata of equal size over labelled graphs, and the weights that balance them.

        Args:
            graphs: labelled ones; where they have a `weight` (m,), that is the mass to be balanced.
            config: what they look like.
            strata: number of strata.

        Raises:
            BadConfig: the graphs do not tell the spacing.
        """
        column = config.columns("spacing").stop - 1  # of the widest neighbourhood
        spacing, y = torch.cat([g.x0[:, column] for g in graphs]), torch.cat([g.y for g in graphs])
        edges = torch.quantile(spacing[:: max(1, len(spacing) // 100_000)], torch.linspace(0, 1, strata + 1)[1:-1])
        keep = y != IGNORE
        cell = torch.bucketize(spacing[keep], edges) * 2 + y[keep]
        mass = torch.cat([g.weight if "weight" in g else torch.ones(len(g.y)) for g in graphs])[keep]
        counts = torch.bincount(cell, mass, minlength=2 * strata).float().reshape(strata, 2).clamp(min=100.0)
        return cls(column, edges, counts.sum() / (2 * strata * counts))

    def to(self, device: torch.device) -> Balance:
        """The same on a device."""
        return Balance(self.column, self.edges.to(device), self.weights.to(device))

    def of_points(self, graph: Example) -> Tensor:
        """Weight of each finest voxel (m,); 0 where it has no label."""
        stratum = torch.bucketize(graph.x0[:, self.column].contiguous(), self.edges)
        weight = self.weights[stratum, graph.y.clamp(min=0)]
        return weight * (graph.y != IGNORE)


def is_wanted(balance: bool | None, losses: Sequence[LossConfig], even_crops: bool = False) -> bool:
    """Whether points are to be weighed by :class:`Balance`.

    Weights that balance the classes, under a loss that balances them too, count wood twice: the network ends by calling
    everything wood.

    Args:
        balance: what the configuration asks for; None: balance, unless a loss does so by itself.
        losses: terms of the loss.
        even_crops: whether each crop's classes are made to weigh the same.

    Warns:
        UserWarning: `balance` or `even_crops` is asked for beside a loss that balances the classes.
    """
    balancing = [term.name for term in losses if term.balances]
    asked = [name for name, on in (("balance: true", balance), ("even_crops: true", even_crops)) if on]
    if balancing and asked:
        warnings.warn(
            f"{asked[0]} and the loss {balancing[0]} both balance leaf and wood, so that wood counts twice; "
            f"leave {asked[0].partition(':')[0]} out",
            UserWarning,
            stacklevel=2,
        )
    return not balancing if balance is None else balance


def even_classes(y: Tensor, rarest: tuple[float, float] = _RAREST) -> Tensor:
    """Weights that give the classes of one crop the same mass.

    Balanced over all crops alone, wood counts little where it is rare, and a network learns from the look of a closed
    crown that nothing in it is wood.

    Args:
        y: (m,) labels, IGNORE where unknown.
        rarest: shares of leaf and wood below which a class is no longer weighed up: one stray point is not half of a
            crop, and the few leaves under a bare tree are not worth half of its wood.

    Returns:
        (m,) of mean 1 over the labelled, 0 where y is IGNORE.
    """
    known = y != IGNORE
    counts = torch.bincount(y[known], minlength=2)
    weight = 1 / torch.maximum(counts / counts.sum().clamp(min=1), y.new_tensor(rarest, dtype=torch.float32))
    weight = weight[y.clamp(min=0)] * known
    return weight * (known.sum() / weight.sum().clamp(min=1e-9))
