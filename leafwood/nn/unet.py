"""The leafwood segmenter: a graph U-Net over a voxel pyramid, as it is trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear

from leafwood.graph.build import GraphConfig
from leafwood.nn.conv import MaxEdgeConv, neighbour_max
from leafwood.nn.shape import UNetConfig

__all__ = ["GraphTensors", "PyramidUNet", "begin_with"]


class GraphTensors(Protocol):
    """A :class:`leafwood.graph.build.Graph` in tensors.

    It is a dictionary, or an :class:`~leafwood.graph.batching.Example`.
    """

    def __getitem__(self, name: str, /) -> Tensor:
        """A tensor."""


class _Block(nn.Module):
    """Convolution over the neighbours, then a two-layer network per voxel, added to what came in."""

    def __init__(self, width: int, scale: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = MaxEdgeConv(width, scale)
        self.mlp = nn.Sequential(nn.Linear(2 * width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, pos: Tensor, neighbours: Tensor) -> Tensor:
        h = self.norm(x)
        out: Tensor = x + self.mlp(torch.cat([h, self.conv(h, pos, neighbours)], dim=1))
        return out


class _Blocks(nn.ModuleList):
    """Blocks of one level, one after the other."""

    def __init__(self, n: int, width: int, scale: float) -> None:
        super().__init__(_Block(width, scale) for _ in range(n))

    def forward(self, x: Tensor, pos: Tensor, neighbours: Tensor) -> Tensor:
        for block in self:
            x = block(x, pos, neighbours)
        return x


def _mlp(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(n_in, n_out), nn.LayerNorm(n_out), nn.ReLU(), nn.Linear(n_out, n_out))


class _Join(nn.ModuleList):
    """A two-layer network over a voxel's own channels, its place in its parent, and its parent's channels.

    The first layer is linear, so its part for the parents is computed once for each of them and not for each child.
    """

    def __init__(self, own: int, parent: int, scale: float) -> None:
        super().__init__(_mlp(own + 3 + parent, own))
        self.split, self.scale = own + 3, scale

    def forward(self, own: Tensor, pos: Tensor, above: Tensor, pos_above: Tensor, parent: Tensor) -> Tensor:
        first, *others = self
        weight, bias = cast(nn.Linear, first).weight, cast(nn.Linear, first).bias
        offset = (pos - pos_above[parent]) / self.scale
        x = linear(torch.cat([own, offset], dim=1), weight[:, : self.split], bias)
        x = x + embedding(parent, linear(above, weight[:, self.split :]))
        for layer in others:
            x = layer(x)
        return x


class PyramidUNet(nn.Module):
    """Graph U-Net: down the voxel pyramid by child maxima, up again by parent links, two logits a finest voxel.

    Once trained it is :class:`~leafwood.nn.trained.TrainedUNet`, which knows the names of its parts.

    Args:
        graph: the graphs it reads.
        config: its shape.

    Shapes:
        a graph with m finest voxels -> (m, 2) logits, leaf and wood.
    """

    def __init__(self, graph: GraphConfig, config: UNetConfig) -> None:
        super().__init__()
        self.graph, self.n_levels, widths = graph, graph.n_levels, config.widths
        sizes = [graph.size * 2**level for level in range(self.n_levels)]
        self.sizes = sizes
        self.read = nn.ModuleList(
            _mlp(graph.n_features(n) + (widths[n - 1] + 3 if n else 0), widths[n]) for n in range(self.n_levels)
        )
        self.down = nn.ModuleList(_Blocks(config.encoder_convs[n], widths[n], sizes[n]) for n in range(self.n_levels))
        self.join = nn.ModuleList(_Join(widths[n], widths[n + 1], sizes[n + 1]) for n in range(self.n_levels - 1))
        self.up = nn.ModuleList(_Blocks(config.decoder_convs[n], widths[n], sizes[n]) for n in range(self.n_levels - 1))
        self.head = nn.Sequential(
            nn.LayerNorm(widths[0]), nn.Dropout(config.dropout), nn.Linear(widths[0], 32), nn.ReLU(), nn.Linear(32, 2)
        )

    def forward(self, graph: GraphTensors) -> Tensor:
        """Logits (m, 2) of the finest voxels; see the class."""
        logits: Tensor = self.head[-1](self.channels(graph))
        return logits

    def channels(self, graph: GraphTensors) -> Tensor:
        """What the logits are read from, (m, 32)."""
        found: Tensor = self.head[:-1](self._up(self._down(graph), graph))
        return found

    def _down(self, graph: GraphTensors) -> list[Tensor]:
        """What each level knows on the way down, finest first."""
        found: list[Tensor] = []
        for n in range(self.n_levels):
            x = graph[f"x{n}"]
            if n:
                children = graph[f"children{n}"]
                offset = (graph[f"pos{n - 1}"][children[:, 0]] - graph[f"pos{n}"]) / self.sizes[n]
                x = torch.cat([x, offset, neighbour_max(found[-1], children)], dim=1)
            found.append(self.down[n](self.read[n](x), graph[f"pos{n}"], graph[f"neighbours{n}"]))
        return found

    def _up(self, found: list[Tensor], graph: GraphTensors) -> Tensor:
        """The finest level's channels after the way up."""
        x = found[-1]
        for n in reversed(range(self.n_levels - 1)):
            pos, pos_above, parent = graph[f"pos{n}"], graph[f"pos{n + 1}"], graph[f"parent{n}"]
            x = self.join[n](found[n], pos, x, pos_above, parent)
            x = self.up[n](x, pos, graph[f"neighbours{n}"])
        return x


def begin_with(network: nn.Module, weights: dict[str, Tensor]) -> None:
    """Put weights into a fresh network; convolutions that they lack begin as the identity, returns as without effect.

    Args:
        network: with no fewer convolutions than the one the weights are of, and otherwise of the same shape.
        weights: its tensors by name.

    Raises:
        RuntimeError: weights are missing elsewhere, left over, or of another shape.
    """
    blocks = {name: part for name, part in network.named_modules() if isinstance(part, _Block)}
    for name, block in blocks.items():
        if not any(key.startswith(f"{name}.") for key in weights):
            for value in block.mlp[-1].parameters():
                nn.init.zeros_(value)
            weights = weights | {f"{name}.{key}": value for key, value in block.state_dict().items()}
    if isinstance(network, PyramidUNet):
        weights = weights | _with_returns(network, weights)
    network.load_state_dict(weights)


def _with_returns(network: PyramidUNet, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The first layer of each level with columns of zeros for the returns, where it has none."""
    found: dict[str, Tensor] = {}
    for level, layers in enumerate(network.read):
        name, before = f"read.{level}.0.weight", replace(network.graph, returns=False).n_features(level)
        own, wanted = weights.get(name), layers.get_parameter("0.weight").shape[1]
        more = network.graph.n_features(level) - before
        if own is not None and own.shape[1] + more == wanted:
            found[name] = torch.cat([own[:, :before], own.new_zeros(len(own), more), own[:, before:]], dim=1)
    return found
