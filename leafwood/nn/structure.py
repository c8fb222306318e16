"""The structure of leafwood's network: one description for who trains it and for who only uses it.

:class:`~leafwood.nn.unet.PyramidUNet` builds its layers from :func:`unet_structure`, and
:class:`~leafwood.nn.trained.TrainedUNet` finds their tensors by the names that stand here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from leafwood.classes import OUTPUTS
from leafwood.config import in_range
from leafwood.errors import BadConfig
from leafwood.graph.config import GraphConfig

__all__ = ["Block", "Head", "Layers", "Structure", "UNetConfig", "unet_structure"]

_HEAD_CHANNELS = 32
_WIDEST, _MOST_CONVS = 4096, 16
Shapes = Iterator[tuple[str, tuple[int, ...]]]


@dataclass(frozen=True, kw_only=True)
class UNetConfig:
    """Shape of the network.

    Attributes:
        widths: channels of each level, finest first; at least as many as the graph has levels.
        encoder_convs: graph convolutions of each level on the way down; none at the finest, whose input features
            describe neighbourhoods already.
        decoder_convs: graph convolutions of each level on the way up (none at the coarsest).
        dropout: share of channels dropped before the head, in training.
        outputs: what the network tells apart, of :data:`leafwood.classes.OUTPUTS`: ``wood`` (leaf and wood), or
            ``parts`` (leaf, stem, branch, ground), from which leaf and wood follow.

    Raises:
        BadConfig: a value out of range.
    """

    widths: tuple[int, ...] = (24, 40, 64, 96, 128, 128)
    encoder_convs: tuple[int, ...] = (0, 1, 2, 2, 2, 1)
    decoder_convs: tuple[int, ...] = (0, 0, 1, 1, 1)
    dropout: float = 0.1
    outputs: Literal["wood", "parts"] = "wood"

    def __post_init__(self) -> None:
        for width in self.widths:
            in_range("network.widths", width, 1, _WIDEST)
        for name in ("encoder_convs", "decoder_convs"):
            for number in getattr(self, name):
                in_range(f"network.{name}", number, 0, _MOST_CONVS)
        in_range("network.dropout", self.dropout, 0, 0.95)


@dataclass(frozen=True)
class Layers:
    """A two-layer network per voxel: linear, layer normalisation, ReLU, linear."""

    name: str
    n_in: int
    n_out: int

    def tensors(self) -> Shapes:
        """Names and shapes of its weights."""
        yield f"{self.name}.0.weight", (self.n_out, self.n_in)
        yield f"{self.name}.0.bias", (self.n_out,)
        yield f"{self.name}.1.weight", (self.n_out,)
        yield f"{self.name}.1.bias", (self.n_out,)
        yield f"{self.name}.3.weight", (self.n_out, self.n_out)
        yield f"{self.name}.3.bias", (self.n_out,)


@dataclass(frozen=True)
class Block:
    """A graph convolution and a two-layer network, added to what comes in.

    Attributes:
        name: before the names of its tensors.
        width: channels.
        scale: metres that count as 1 in relative positions.
    """

    name: str
    width: int
    scale: float

    def tensors(self) -> Shapes:
        """Names and shapes of its weights."""
        width = self.width
        yield f"{self.name}.norm.weight", (width,)
        yield f"{self.name}.norm.bias", (width,)
        yield f"{self.name}.conv.node.weight", (width, width)
        yield f"{self.name}.conv.node.bias", (width,)
        yield f"{self.name}.conv.offset.weight", (width, 3)
        yield f"{self.name}.mlp.0.weight", (2 * width, 2 * width)
        yield f"{self.name}.mlp.0.bias", (2 * width,)
        yield f"{self.name}.mlp.2.weight", (width, 2 * width)
        yield f"{self.name}.mlp.2.bias", (width,)


@dataclass(frozen=True)
class Head:
    """From a finest voxel's channels to its logits: normalisation, dropout, linear, ReLU, linear.

    Attributes:
        name: before the names of its tensors.
        n_in: channels that come in.
        channels: that the logits are read from.
        n_out: logits.
    """

    name: str
    n_in: int
    channels: int
    n_out: int

    def tensors(self) -> Shapes:
        """Names and shapes of its weights."""
        yield f"{self.name}.0.weight", (self.n_in,)
        yield f"{self.name}.0.bias", (self.n_in,)
        yield f"{self.name}.2.weight", (self.channels, self.n_in)
        yield f"{self.name}.2.bias", (self.channels,)
        yield f"{self.name}.4.weight", (self.n_out, self.channels)
        yield f"{self.name}.4.bias", (self.n_out,)


@dataclass(frozen=True)
class Structure:
    """All parts of a network, finest level first.

    Attributes:
        sizes: voxel edge of each level, metres.
        read: of each level, from its features (and its children's channels and place) to its channels.
        down: blocks of each level on the way down.
        join: of each level but the coarsest, from its channels, its place in its parent and its parent's channels.
        up: blocks of each level but the coarsest on the way up.
        head: of the finest level.
    """

    sizes: tuple[float, ...]
    read: tuple[Layers, ...]
    down: tuple[tuple[Block, ...], ...]
    join: tuple[Layers, ...]
    up: tuple[tuple[Block, ...], ...]
    head: Head

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of all weights."""
        blocks = [block for level in (*self.down, *self.up) for block in level]
        parts: list[Layers | Block | Head] = [*self.read, *blocks, *self.join, self.head]
        return {name: shape for part in parts for name, shape in part.tensors()}


def unet_structure(graph: GraphConfig, config: UNetConfig) -> Structure:
    """What a network is made of that reads such graphs.

    Raises:
        BadConfig: the network's shape has fewer levels than the graph.
    """
    levels = graph.n_levels
    needed = {"widths": levels, "encoder_convs": levels, "decoder_convs": levels - 1}
    for name, number in needed.items():
        if len(getattr(config, name)) < number:
            raise BadConfig(f"network.{name} needs {number} numbers for {levels} levels, not {getattr(config, name)}")
    widths = config.widths
    sizes = tuple(graph.size * 2**level for level in range(levels))

    def blocks(way: str, convs: tuple[int, ...], number: int) -> tuple[tuple[Block, ...], ...]:
        return tuple(
            tuple(Block(f"{way}.{n}.{i}", widths[n], sizes[n]) for i in range(convs[n])) for n in range(number)
        )

    def read(n: int) -> Layers:
        below = widths[n - 1] + 3 if n else 0
        return Layers(f"read.{n}", graph.n_features(n) + below, widths[n])

    return Structure(
        sizes=sizes,
        read=tuple(read(n) for n in range(levels)),
        down=blocks("down", config.encoder_convs, levels),
        join=tuple(Layers(f"join.{n}", widths[n] + 3 + widths[n + 1], widths[n]) for n in range(levels - 1)),
        up=blocks("up", config.decoder_convs, levels - 1),
        head=Head("head", widths[0], _HEAD_CHANNELS, len(OUTPUTS[config.outputs])),
    )
