"""Routine settings of a training run, each varied alone: batch, width, augmentation, smoothing and the optimiser.

Shwartz-Ziv et al. (NeurIPS 2023) find that such settings, well tuned, go as far under imbalance as special methods.
"""

from __future__ import annotations

from dataclasses import replace

from leafwood.losses import LossConfig
from leafwood.nn.structure import UNetConfig
from leafwood.train.config import TrainConfig

__all__ = ["routine_variations"]

_BATCHES = (2, 8, 16)
_WIDTHS = (0.5, 1.5)
_STRENGTHS = (0.0, 2.0)
_SMOOTHINGS = (0.0, 0.05, 0.2)
_RATES = (1e-3, 1e-2)
_DECAYS = (0.0, 0.1)


def routine_variations(plain: TrainConfig) -> dict[str, TrainConfig]:
    """A run under the name ``routine``, and the same with each of its settings changed alone.

    Args:
        plain: a run of leafwood's own network with a loss that balances the classes. Smoothed labels have a loss of
            their own, balanced by the weights of the points; without any smoothing it is what they compare with.
    """
    found = {"routine": plain}
    found |= {f"batch {batch}": replace(plain, batch=batch) for batch in _BATCHES}
    for factor in _WIDTHS:
        widths = tuple(round(factor * width) for width in UNetConfig().widths)
        model = replace(plain.pyramid, network=replace(plain.pyramid.network, widths=widths))
        found[f"width times {factor:g}"] = replace(plain, model=model)
    for strength in _STRENGTHS:
        model = replace(plain.pyramid, crops=replace(plain.pyramid.crops, wood_strength=strength))
        found[f"augmentation of wood times {strength:g}"] = replace(plain, model=model)
    for most in _SMOOTHINGS:
        smoothed = LossConfig("smoothed", {"eps_min": 0.0, "eps_max": most})
        found[f"smoothing up to {most:g}"] = replace(plain, loss=(smoothed,))
    found |= {f"learning rate {rate:g}": replace(plain, learning_rate=rate) for rate in _RATES}
    found |= {f"weight decay {decay:g}": replace(plain, weight_decay=decay) for decay in _DECAYS}
    found["SGD, rate 0.1"] = replace(plain, optimiser="sgd", learning_rate=0.1, weight_decay=1e-4)
    return found
