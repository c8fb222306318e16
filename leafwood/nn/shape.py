"""The shape of leafwood's network; both who trains it and who only uses it must know it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["UNetConfig"]


@dataclass(frozen=True, kw_only=True)
class UNetConfig:
    """Shape of the network.

    Attributes:
        widths: channels of each level, finest first; as many as the graph has levels.
        encoder_convs: graph convolutions of each level on the way down; none at the finest, whose input features
            describe neighbourhoods already.
        decoder_convs: graph convolutions of each level on the way up (none at the coarsest).
        dropout: share of channels dropped before the head, in training.
    """

    widths: tuple[int, ...] = (24, 40, 64, 96, 128, 128)
    encoder_convs: tuple[int, ...] = (0, 1, 2, 2, 2, 1)
    decoder_convs: tuple[int, ...] = (0, 0, 1, 1, 1)
    dropout: float = 0.1
