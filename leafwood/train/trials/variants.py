"""The network with one thing changed: another edge function, neighbour rule, input or size."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from leafwood.graph.batching import Example
from leafwood.nn.unet import PyramidUNet
from leafwood.spatial.neighbours import nearest
from leafwood.train.config import TrainConfig
from leafwood.train.trials.edges import Attention, Build, EdgeMLP, NoFeatures, NoPositions, with_edges

__all__ = ["SHIPPED", "VARIANTS", "Variant", "dilated", "nearest_k", "rewired", "within"]

# From the places (m, 3) of voxels and their edge, both in metres, to neighbours (m, k).
Rule = Callable[[NDArray[np.float32], float], NDArray[np.integer[Any]]]


def nearest_k(k: int) -> Rule:
    """The k nearest."""
    return lambda pos, size: nearest(pos, k)[0]


def dilated(k: int) -> Rule:
    """Every second of the 2k nearest: as many edges, twice the volume (Li et al. 2019, DeepGCNs)."""
    return lambda pos, size: nearest(pos, 2 * k)[0][:, ::2]


def within(voxels: float, k: int) -> Rule:
    """Of the k nearest those within a number of voxel edges; the voxel itself stands in for the others."""

    def rule(pos: NDArray[np.float32], size: float) -> NDArray[np.int32]:
        index, distance = nearest(pos, k)
        return np.where(distance <= voxels * size, index, index[:, :1])

    return rule


def rewired(graph: Example, size: float, n_levels: int, rule: Rule) -> Example:
    """The graph with other neighbours at every level, and the same features.

    Args:
        graph: a pyramid.
        size: edge of its finest voxels, m.
        n_levels: how many levels it has.
        rule: which neighbours.
    """
    graph = copy.copy(graph)
    for level in range(n_levels):
        index = rule(graph[f"pos{level}"].numpy(), size * 2**level)
        graph[f"neighbours{level}"] = torch.from_numpy(np.ascontiguousarray(index))
    return graph


@dataclass(frozen=True)
class Variant:
    """The shipped network with one thing changed.

    Attributes:
        levels: levels of the pyramid; those of the configuration when None.
        size: finest voxel edge, metres, likewise.
        rule: neighbours, likewise.
        build: makes the network.
        width: factor on the channels.
    """

    levels: int | None = None
    size: float | None = None
    rule: Rule | None = None
    build: Build = PyramidUNet
    width: float = 1.0

    def configured(self, base: TrainConfig) -> TrainConfig:
        """A training run with the change."""
        model = base.pyramid
        n, shape = self.levels or model.graph.n_levels, model.network
        network = replace(
            shape,
            widths=tuple(round(self.width * width) for width in shape.widths[:n]),
            encoder_convs=shape.encoder_convs[:n],
            decoder_convs=shape.decoder_convs[: n - 1],
        )
        graph = replace(model.graph, n_levels=n, size=self.size or model.graph.size)
        return replace(base, model=replace(model, graph=graph, network=network))


SHIPPED = "as shipped"
VARIANTS = {
    SHIPPED: Variant(),
    "5 levels": Variant(levels=5),
    "4 levels": Variant(levels=4),
    "voxels of 10 cm": Variant(size=0.1),
    "voxels of 10 cm, 5 levels": Variant(size=0.1, levels=5),
    "voxels of 10 cm, 4 levels": Variant(size=0.1, levels=4),
    "8 neighbours": Variant(rule=nearest_k(8)),
    "24 neighbours": Variant(rule=nearest_k(24)),
    "every second of 32 neighbours": Variant(rule=dilated(16)),
    "neighbours within 4 voxels, 24 at most": Variant(rule=within(4.0, 24)),
    "edges without positions (PointNet)": Variant(build=with_edges(NoPositions)),
    "two layers on every edge (EdgeConv)": Variant(build=with_edges(EdgeMLP)),
    "attention (Point Transformer)": Variant(build=with_edges(Attention)),
    "without shapes and spacings": Variant(build=NoFeatures),
    "half the width": Variant(width=0.5),
}
