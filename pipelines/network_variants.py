"""What the ablation compares the shipped network with: other edge functions, neighbour rules, inputs and sizes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import embedding
from torch_geometric.nn import PointTransformerConv

from leafwood.graph.batching import Example
from leafwood.graph.config import GraphConfig
from leafwood.nn.conv import neighbour_max
from leafwood.nn.structure import UNetConfig
from leafwood.nn.unet import Graph, PyramidUNet
from leafwood.spatial.neighbours import nearest
from leafwood.train.loop import TrainConfig

__all__ = ["SHIPPED", "VARIANTS", "Variant", "rewired"]

Rule = Callable[[NDArray[np.float32], float], NDArray[np.int64]]  # places (m, 3) and voxel edge -> neighbours (m, k)


def nearest_k(k: int) -> Rule:
    """The k nearest."""
    return lambda pos, size: nearest(pos, k)[0]


def dilated(k: int) -> Rule:
    """Every second of the 2k nearest: as many edges, twice the volume (Li et al. 2019, DeepGCNs)."""
    return lambda pos, size: nearest(pos, 2 * k)[0][:, ::2]


def within(voxels: float, k: int) -> Rule:
    """Of the k nearest those within a number of voxel edges; the voxel itself stands in for the others."""

    def rule(pos: NDArray[np.float32], size: float) -> NDArray[np.int64]:
        index, distance = nearest(pos, k)
        return np.where(distance <= voxels * size, index, index[:, :1])

    return rule


def rewired(graph: Example, config: GraphConfig, rule: Rule) -> Example:
    """The graph with other neighbours at every level, and the same features."""
    graph = copy.copy(graph)
    for level in range(config.n_levels):
        index = rule(graph[f"pos{level}"].numpy(), config.size * 2**level)
        graph[f"neighbours{level}"] = torch.from_numpy(np.ascontiguousarray(index))
    return graph


class NoPositions(nn.Module):
    """Maximum over the neighbours, wherever they lie: what PointNet (Qi et al. 2017) makes of a neighbourhood.

    Args, here and below:
        channels: of the input and of the result.
        scale: metres that count as 1.

    Shapes, here and below:
        x (n, c), pos (n, 3), neighbours (n, k) -> (n, c).
    """

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.node = nn.Linear(channels, channels)

    def forward(self, x: Tensor, pos: Tensor, neighbours: Tensor) -> Tensor:
        """Convolve; see the class."""
        return torch.relu(neighbour_max(self.node(x), neighbours))


class EdgeMLP(nn.Module):
    """EdgeConv as published (Wang et al. 2019), with the relative position: a two-layer network on every edge.

    Its first layer, of the voxel, the difference to the neighbour and the offset, is a sum of layers on voxels.
    """

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.own = nn.Linear(channels, channels)
        self.near = nn.Linear(channels, channels, bias=False)
        self.offset = nn.Linear(3, channels, bias=False)
        self.edge = nn.Linear(channels, channels)

    def forward(self, x: Tensor, pos: Tensor, neighbours: Tensor) -> Tensor:
        """Convolve; see :class:`NoPositions`."""
        carried = self.near(x) + self.offset(pos / self.scale)
        message = embedding(neighbours, carried) + (self.own(x) - carried)[:, None]
        return torch.relu(self.edge(torch.relu(message)).max(dim=1).values)


class Attention(nn.Module):
    """Vector attention over the neighbours (Zhao et al. 2021, Point Transformer)."""

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.conv = PointTransformerConv(channels, channels, add_self_loops=False)  # neighbours hold the voxel itself

    def forward(self, x: Tensor, pos: Tensor, neighbours: Tensor) -> Tensor:
        """Convolve; see :class:`NoPositions`."""
        target = torch.arange(len(x)).repeat_interleave(neighbours.shape[1])
        out: Tensor = self.conv(x, pos / self.scale, torch.stack([neighbours.reshape(-1), target]))
        return out


def with_edges(convolution: Callable[[int, float], nn.Module]) -> Callable[[GraphConfig, UNetConfig], PyramidUNet]:
    """Makes the network with another edge function."""

    def build(graph: GraphConfig, shape: UNetConfig) -> PyramidUNet:
        network = PyramidUNet(graph, shape)
        for levels in (network.down, network.up):
            for level, blocks in enumerate(levels):
                for block in blocks.children():
                    block.conv = convolution(shape.widths[level], network.sizes[level])
        return network

    return build


class NoFeatures(PyramidUNet):
    """The network without shapes and spacings of neighbourhoods: it reads heights, counts, and where voxels lie."""

    def __init__(self, graph: GraphConfig, config: UNetConfig) -> None:
        super().__init__(graph, config)
        self.blind = [
            graph.columns("spacing", level).stop for level in range(graph.n_levels)
        ]  # shapes come before them

    def forward(self, graph: Graph) -> Tensor:
        """Logits (m, 2)."""
        return super().forward(_Blinded(graph, self.blind))


@dataclass(frozen=True)
class _Blinded:
    """A graph whose first columns of each level are 0."""

    graph: Graph
    columns: list[int]

    def __getitem__(self, name: str, /) -> Tensor:
        value = self.graph[name]
        if not name.startswith("x"):
            return value
        return torch.cat([torch.zeros_like(value[:, : (n := self.columns[int(name[1:])])]), value[:, n:]], dim=1)


@dataclass(frozen=True)
class Variant:
    """The shipped network with one thing changed.

    Attributes:
        levels: of the pyramid; those of the configuration when None.
        size: finest voxel edge, metres, likewise.
        rule: neighbours, likewise.
        build: makes the network.
        width: factor on the channels.
    """

    levels: int | None = None
    size: float | None = None
    rule: Rule | None = None
    build: Callable[[GraphConfig, UNetConfig], PyramidUNet] = PyramidUNet
    width: float = 1.0

    def configured(self, base: TrainConfig) -> TrainConfig:
        """A training run with the change."""
        model = base.model
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
