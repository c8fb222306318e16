"""The trained network without torch: :class:`~leafwood.nn.unet.PyramidUNet` as it labels.

Importing torch takes longer than labelling many a scan. The two kinds of layers that it is made of are computed by the
compiled kernels, or in NumPy where there are none: gather and maximum, column by column of the neighbour table, take a
third of the time that torch's operations take. Tests hold all three together.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from leafwood.classes import WOODY
from leafwood.graph.build import Graph
from leafwood.graph.config import GraphConfig
from leafwood.graph.features.neighbourhood import neighbour_max
from leafwood.kernels import compiled
from leafwood.nn.structure import Block, Layers, Structure, UNetConfig, unet_structure
from leafwood.threads import by_rows

__all__ = ["Floats", "Network", "TrainedUNet", "leaf_and_wood", "neighbour_max"]

Floats = NDArray[np.float32]
Links = NDArray[np.integer[Any]]

_EPSILON = 1e-5  # torch's LayerNorm


class Network(Protocol):
    """What labels a graph."""

    @property
    def classifiers(self) -> Floats:
        """The last layer's weights (outputs, c): a row for each output."""

    def __call__(self, graph: Graph, threads: int) -> tuple[Floats, Floats]:
        """Logits (m, 2) of the m finest voxels, leaf and wood, and the channels (m, c) that they are read from.

        The finest features, a tenth of the memory of a tile, may be taken out of the graph once they have been read.
        """


class _Tensors:
    """Weights by the names and in the shapes of a structure."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]], structure: Structure) -> None:
        wanted = structure.tensors()
        for name in wanted.keys() | tensors.keys():
            if name not in tensors:
                raise KeyError(f"{name} is missing")
            if name not in wanted:
                raise ValueError(f"{name} belongs to another network")
            if tensors[name].shape != wanted[name]:
                raise ValueError(f"{name} is {tensors[name].shape} and not {wanted[name]}")
        self._tensors = tensors

    def take(self, name: str) -> Floats:
        """One tensor in single precision."""
        return np.ascontiguousarray(self._tensors[name], dtype=np.float32)

    def linear(self, name: str) -> tuple[Floats, Floats]:
        """Matrix (n_in, n_out) and bias (n_out,)."""
        return np.ascontiguousarray(self.take(f"{name}.weight").T), self.take(f"{name}.bias")

    def norm(self, name: str) -> tuple[Floats, Floats]:
        """Scale and shift (n,) of a layer normalisation (Ba et al. 2016)."""
        return self.take(f"{name}.weight"), self.take(f"{name}.bias")


def _folded(norm: tuple[Floats, Floats], matrix: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """A linear layer that takes over the scale and shift of the normalisation before it."""
    scale, shift = norm
    return scale[:, None] * matrix, bias + shift @ matrix


def _standard(x: Floats) -> Floats:
    """Each row with mean 0 and variance 1."""
    share = np.full(x.shape[1], 1 / x.shape[1], dtype=np.float32)
    x = x - (x @ share)[:, None]
    x *= (1 / np.sqrt(np.einsum("ij,ij->i", x, x) * share[0] + np.float32(_EPSILON)))[:, None]
    return x


def _relu(x: Floats) -> Floats:
    return np.maximum(x, 0, out=x)


class _Block:
    """A convolution and the two-layer network after it; see :class:`leafwood.nn.unet.PyramidUNet`.

    The result may take the place of the channels that it was made from.
    """

    def __init__(self, tensors: _Tensors, block: Block) -> None:
        norm = tensors.norm(f"{block.name}.norm")
        self.node, self.bias = _folded(norm, *tensors.linear(f"{block.name}.conv.node"))
        self.offset = tensors.take(f"{block.name}.conv.offset.weight").T / np.float32(block.scale)
        first, bias = tensors.linear(f"{block.name}.mlp.0")
        own, self.first_bias = _folded(norm, first[: block.width], bias)
        self.first = np.concatenate([own, first[block.width :]])
        self.second, self.second_bias = tensors.linear(f"{block.name}.mlp.2")

    def __call__(self, x: Floats, pos: Floats, neighbours: Links, threads: int) -> Floats:
        if kernels := compiled():
            kernels.convolve(x, pos, neighbours, *self._layers(), threads)
            return x
        messages = by_rows(lambda rows: self._message(x[rows], pos[rows]), len(x), threads)
        return by_rows(partial(self._update, x, pos, messages, neighbours), len(x), threads)

    def _layers(self) -> tuple[tuple[Floats, Floats], ...]:
        """What the kernel takes: from channels and place to messages, from the place alone, and the two layers."""
        node = np.concatenate([self.node, self.offset])
        nothing = np.zeros_like(self.bias)
        first, second = (self.first, self.first_bias), (self.second, self.second_bias)
        return (node, self.bias), (np.ascontiguousarray(self.offset), nothing), first, second

    def _message(self, x: Floats, pos: Floats) -> Floats:
        x = _standard(x) @ self.node
        x += pos @ self.offset
        x += self.bias
        return x

    def _update(self, x: Floats, pos: Floats, messages: Floats, neighbours: Links, rows: slice) -> Floats:
        near = neighbour_max(messages, neighbours[rows])
        near -= pos[rows] @ self.offset
        hidden = np.concatenate([_standard(x[rows]), _relu(near)], axis=1) @ self.first
        hidden += self.first_bias
        out = _relu(hidden) @ self.second
        out += x[rows]
        out += self.second_bias
        return out


class _Others(NamedTuple):
    """Voxels of another level that those of a level are linked to: children, or a parent each.

    Attributes:
        x: (n, c) channels.
        pos: (m, 3) metres, of those that are linked.
        other_pos: (n, 3) metres.
        links: (m, k) rows of `x`.
        size: metres that count as 1; negative where the offset is told from the other's side.
    """

    x: Floats
    pos: Floats
    other_pos: Floats
    links: Links
    size: float


class _TwoLayers:
    """A linear layer, a normalisation, a rectification and a linear layer, for each voxel.

    They read its own values and, where it is linked to others, its offset from the first of them and the greatest of
    their channels.
    """

    def __init__(self, tensors: _Tensors, layers: Layers) -> None:
        self.first, self.bias = tensors.linear(f"{layers.name}.0")
        self.scale, self.shift = tensors.norm(f"{layers.name}.1")
        self.second, self.end = tensors.linear(f"{layers.name}.3")

    def __call__(self, own: Floats, others: _Others | None, threads: int) -> Floats:
        if kernels := compiled():
            norm = self.scale, self.shift
            first, second = (self.first, self.bias), (self.second, self.end)
            return np.asarray(kernels.layers(own, others, first, norm, second, threads))
        if others is not None and others.links.shape[1] == 1:  # once for each parent and not for each child
            others = others._replace(x=others.x @ self.first[own.shape[1] + 3 :])
        return by_rows(partial(self._rows, own, others), len(own), threads)

    def _rows(self, own: Floats, others: _Others | None, rows: slice) -> Floats:
        width = own.shape[1]
        x = own[rows] @ self.first[:width] + self.bias
        if others is not None:
            links = others.links[rows]
            offset = (others.other_pos[links[:, 0]] - others.pos[rows]) / np.float32(others.size)
            x += offset @ self.first[width : width + 3]
            found = neighbour_max(others.x, links)
            x += found if links.shape[1] == 1 else found @ self.first[width + 3 :]
        x = _standard(x)
        x *= self.scale
        x += self.shift
        x = _relu(x) @ self.second
        x += self.end
        return x


def leaf_and_wood(logits: Floats) -> Floats:
    """Logits (m, 2) of leaf and wood from those (m, outputs) of all: the chances of the woody ones are added."""
    if logits.shape[1] == 2:
        return logits
    woody = list(WOODY[logits.shape[1]])
    others = np.setdiff1d(np.arange(logits.shape[1]), woody)
    found = [np.logaddexp.reduce(logits[:, those], axis=1) for those in (others, woody)]
    return np.stack(found, axis=1).astype(np.float32)


class TrainedUNet:
    """Logits of a graph's finest voxels.

    Args:
        weights: tensors by the names that PyramidUNet gives them.
        graph: the graphs it reads.
        config: its shape.

    Raises:
        KeyError: a tensor is missing.
        ValueError: a tensor has another shape, or is not one of this network.
    """

    def __init__(self, weights: Mapping[str, NDArray[Any]], graph: GraphConfig, config: UNetConfig) -> None:
        structure = unet_structure(graph, config)
        tensors = _Tensors(weights, structure)
        self.sizes = structure.sizes
        self.read = [_TwoLayers(tensors, layers) for layers in structure.read]
        self.join = [_TwoLayers(tensors, layers) for layers in structure.join]
        self.down = [[_Block(tensors, block) for block in level] for level in structure.down]
        self.up = [[_Block(tensors, block) for block in level] for level in structure.up]
        head = structure.head.name
        first = _folded(tensors.norm(f"{head}.0"), *tensors.linear(f"{head}.2"))
        self.head = first, tensors.linear(f"{head}.4")

    def __call__(self, graph: Graph, threads: int) -> tuple[Floats, Floats]:
        """Logits (m, 2) of the m finest voxels, leaf and wood, and the channels (m, c) that they are read from."""
        (first, bias), (second, end) = self.head
        with threadpool_limits(1, user_api="blas"):  # the threads are those of by_rows
            x = self._up(self._down(graph, threads), graph, threads)
            hidden = by_rows(lambda rows: _relu(_standard(x[rows]) @ first + bias), len(x), threads)
            return leaf_and_wood(hidden @ second + end), hidden

    @property
    def classifiers(self) -> Floats:
        """The last layer's weights (outputs, c): a row for each output."""
        return self.head[1][0].T

    def _down(self, graph: Graph, threads: int) -> list[Floats]:
        """What each level knows on the way down, finest first."""
        found: list[Floats] = []
        for n, blocks in enumerate(self.down):
            pos, others = graph[f"pos{n}"], None
            if n:
                others = _Others(found[-1], pos, graph[f"pos{n - 1}"], graph[f"children{n}"], self.sizes[n])
            x = self.read[n](graph[f"x{n}"] if n else graph.pop("x0"), others, threads)
            for block in blocks:
                x = block(x, pos, graph[f"neighbours{n}"], threads)
            found.append(x)
        return found

    def _up(self, found: list[Floats], graph: Graph, threads: int) -> Floats:
        """The finest level's channels after the way up; what was found on the way down is taken, to make room."""
        x = found.pop()
        for n in reversed(range(len(self.up))):
            pos, parent = graph[f"pos{n}"], graph[f"parent{n}"][:, None]
            x = self.join[n](found.pop(), _Others(x, pos, graph[f"pos{n + 1}"], parent, -self.sizes[n + 1]), threads)
            for block in self.up[n]:
                x = block(x, pos, graph[f"neighbours{n}"], threads)
        return x
