"""The leafwood segmenter: a graph U-Net over a voxel pyramid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear

from leafwood.graph import Graph, GraphConfig
from leafwood.nn.conv import MaxEdgeConv, neighbour_max
from leafwood.nn.rows import by_rows

__all__ = ["PyramidUNet", "UNetConfig"]


@dataclass(frozen=True, kw_only=True)
class UNetConfig:
    """Shape of the network.

    Attributes:
        widths: channels of each level, finest first; as many as the graph has levels.
        encoder_convs: graph convolutions of each level on the way down; none at the finest, whose input features
            describe neighbourhoods already and which would take a fifth of the time.
        decoder_convs: graph convolutions of each level on the way up (none at the coarsest).
        dropout: share of channels dropped before the head, in training.
    """

    widths: tuple[int, ...] = (24, 40, 64, 96, 128, 128)
    encoder_convs: tuple[int, ...] = (0, 1, 2, 2, 2, 1)
    decoder_convs: tuple[int, ...] = (0, 0, 1, 1, 1)
    dropout: float = 0.1


class _Block(nn.Module):
    """Convolution over the neighbours, then a two-layer network per voxel, added to what came in."""

    def __init__(self, width: int, scale: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = MaxEdgeConv(width, scale)
        self.mlp = nn.Sequential(nn.Linear(2 * width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, pos: Tensor, neighbours: Tensor) -> Tensor:
        h = by_rows(lambda rows: self.norm(x[rows]), len(x))
        near = self.conv(h, pos, neighbours)
        return by_rows(lambda rows: x[rows] + self.mlp(torch.cat([h[rows], near[rows]], dim=1)), len(x))


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
        weight, bias = first.parameters()
        of_parents = by_rows(lambda rows: linear(above[rows], weight[:, self.split :]), len(above))

        def join(rows: slice) -> Tensor:
            offset = (pos[rows] - pos_above[parent[rows]]) / self.scale
            x = linear(torch.cat([own[rows], offset], dim=1), weight[:, : self.split], bias)
            x = x + embedding(parent[rows], of_parents)
            for layer in others:
                x = layer(x)
            return x

        return by_rows(join, len(own))


class PyramidUNet(nn.Module):
    """Graph U-Net: down the voxel pyramid by child maxima, up again by parent links, two logits a finest voxel.

    Args:
        graph: the graphs it reads.
        config: its shape.

    Shapes:
        a :class:`~leafwood.graph.Graph` with m finest voxels -> (m, 2) logits, leaf and wood.
    """

    def __init__(self, graph: GraphConfig, config: UNetConfig) -> None:
        super().__init__()
        self.n_levels, widths = graph.n_levels, config.widths
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

    def forward(self, graph: Graph) -> Tensor:
        """Logits (m, 2) of the finest voxels; see the class."""
        h = self._up(self._down(graph), graph)
        return by_rows(lambda rows: self.head(h[rows]), len(h))

    def _down(self, graph: Graph) -> list[Tensor]:
        """What each level knows on the way down, finest first."""
        found: list[Tensor] = []
        for n in range(self.n_levels):
            x = by_rows(partial(self._read, graph, n, found), len(graph[f"x{n}"]))
            found.append(self.down[n](x, graph[f"pos{n}"], graph[f"neighbours{n}"]))
        return found

    def _read(self, graph: Graph, n: int, found: list[Tensor], rows: slice) -> Tensor:
        """Channels of some voxels of level n, from their features and their children's channels."""
        x = graph[f"x{n}"][rows]
        if n:
            children = graph[f"children{n}"][rows]
            offset = (graph[f"pos{n - 1}"][children[:, 0]] - graph[f"pos{n}"][rows]) / self.sizes[n]
            x = torch.cat([x, offset, neighbour_max(found[-1], children)], dim=1)
        out: Tensor = self.read[n](x)
        return out

    def _up(self, found: list[Tensor], graph: Graph) -> Tensor:
        """The finest level's channels after the way up."""
        x = found[-1]
        for n in reversed(range(self.n_levels - 1)):
            pos, pos_above, parent = graph[f"pos{n}"], graph[f"pos{n + 1}"], graph[f"parent{n}"]
            x = self.join[n](found[n], pos, x, pos_above, parent)
            x = self.up[n](x, pos, graph[f"neighbours{n}"])
        return x
