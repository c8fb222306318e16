"""The leafwood segmenter: a graph U-Net over a voxel pyramid, as it is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear

from leafwood.graph.config import GraphConfig
from leafwood.nn.conv import MaxEdgeConv, neighbour_max
from leafwood.nn.structure import Block, Layers, UNetConfig, unet_structure

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

    def __init__(self, blocks: Iterable[Block]) -> None:
        super().__init__(_Block(block.width, block.scale) for block in blocks)

    def forward(self, x: Tensor, pos: Tensor, neighbours: Tensor) -> Tensor:
        for block in self:
            x = block(x, pos, neighbours)
        return x


def _mlp(layers: Layers) -> nn.Sequential:
    n = layers.n_out
    return nn.Sequential(nn.Linear(layers.n_in, n), nn.LayerNorm(n), nn.ReLU(), nn.Linear(n, n))


class _Join(nn.ModuleList):
    """A two-layer network over a voxel's own channels, its place in its parent, and its parent's channels.

    The first layer is linear, so its part for the parents is computed once for each of them and not for each child.
    """

    def __init__(self, layers: Layers, scale: float) -> None:
        super().__init__(_mlp(layers))
        self.split, self.scale = layers.n_out + 3, scale

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
    """Graph U-Net: down the voxel pyramid by child maxima, up again by parent links, a logit for each output.

    Once trained it is :class:`~leafwood.nn.trained.TrainedUNet`, which knows the names of its parts.

    Args:
        graph: the graphs it reads.
        config: its shape.

    Shapes:
        a graph with m finest voxels -> (m, 2) logits, leaf and wood, or one for each of the parts.
    """

    def __init__(self, graph: GraphConfig, config: UNetConfig) -> None:
        super().__init__()
        structure = unet_structure(graph, config)
        self.graph, self.n_levels, self.sizes = graph, graph.n_levels, structure.sizes
        self.read = nn.ModuleList(_mlp(layers) for layers in structure.read)
        self.down = nn.ModuleList(_Blocks(blocks) for blocks in structure.down)
        self.join = nn.ModuleList(
            _Join(layers, scale) for layers, scale in zip(structure.join, structure.sizes[1:], strict=True)
        )
        self.up = nn.ModuleList(_Blocks(blocks) for blocks in structure.up)
        head = structure.head
        self.head = nn.Sequential(
            nn.LayerNorm(head.n_in),
            nn.Dropout(config.dropout),
            nn.Linear(head.n_in, head.channels),
            nn.ReLU(),
            nn.Linear(head.channels, head.n_out),
        )

    @property
    def last_layer(self) -> nn.Linear:
        """The layer that gives the logits."""
        return cast(nn.Linear, self.head[-1])

    def forward(self, graph: GraphTensors) -> Tensor:
        """Logits (m, outputs) of the finest voxels; see the class."""
        logits: Tensor = self.last_layer(self.channels(graph))
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


def begin_with(network: nn.Module, weights: Mapping[str, Tensor], graph: GraphConfig | None = None) -> None:
    """Put weights into a fresh network.

    Convolutions that the weights lack begin as the identity, and input columns that they do not read without effect.

    Args:
        network: with no fewer convolutions and input columns than the one the weights are of, and otherwise of the same
            shape.
        weights: its tensors by name.
        graph: the graphs that the weights read; the same as those of the network when None.

    Raises:
        RuntimeError: weights are missing elsewhere, left over, or of another shape.
    """
    blocks = {name: part for name, part in network.named_modules() if isinstance(part, _Block)}
    found = dict(weights)
    for name, block in blocks.items():
        if not any(key.startswith(f"{name}.") for key in weights):
            for value in block.mlp[-1].parameters():
                nn.init.zeros_(value)
            found |= {f"{name}.{key}": value for key, value in block.state_dict().items()}
    if isinstance(network, PyramidUNet) and graph is not None:
        found |= _with_new_columns(network, found, graph)
    network.load_state_dict(found)


def _with_new_columns(network: PyramidUNet, weights: Mapping[str, Tensor], graph: GraphConfig) -> dict[str, Tensor]:
    """The first matrix of each level with its columns in the places that the network's features have."""
    found: dict[str, Tensor] = {}
    for level in range(min(network.n_levels, graph.n_levels)):
        name, names = f"read.{level}.0.weight", network.graph.column_names(level)
        before = graph.column_names(level)
        own = weights.get(name)
        if own is None or not set(before) <= set(names):
            continue
        placed = own.new_zeros(len(own), len(names))
        placed[:, [names.index(column) for column in before]] = own[:, : len(before)]
        found[name] = torch.cat([placed, own[:, len(before) :]], dim=1)
    return found
