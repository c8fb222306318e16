"""Edge functions and inputs that the network's ablation puts in place of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding
from torch_geometric.nn import PointTransformerConv

from leafwood.graph.config import GraphConfig
from leafwood.nn.conv import neighbour_max
from leafwood.nn.structure import UNetConfig
from leafwood.nn.unet import GraphTensors, PyramidUNet

__all__ = ["Attention", "Build", "EdgeMLP", "NoFeatures", "NoPositions", "with_edges"]

Build = Callable[[GraphConfig, UNetConfig], PyramidUNet]


class NoPositions(nn.Module):
    """Maximum over the neighbours, wherever they lie: what PointNet (Qi et al. 2017) makes of a neighbourhood.

    Args, here and below:
        channels: channels of the input and of the result.
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


def with_edges(convolution: Callable[[int, float], nn.Module]) -> Build:
    """What makes the network with another edge function.

    Args:
        convolution: makes it from its channels and the edge of the voxels (m).
    """

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

    def forward(self, graph: GraphTensors) -> Tensor:
        """Logits (m, 2)."""
        return super().forward(_Blinded(graph, self.blind))


@dataclass(frozen=True)
class _Blinded:
    """A graph whose first columns of each level are 0."""

    graph: GraphTensors
    columns: list[int]

    def __getitem__(self, name: str, /) -> Tensor:
        value = self.graph[name]
        if not name.startswith("x"):
            return value
        return torch.cat([torch.zeros_like(value[:, : (n := self.columns[int(name[1:])])]), value[:, n:]], dim=1)
