"""What a training run can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from leafwood.classes import check_preset
from leafwood.config import in_range
from leafwood.losses import LossConfig
from leafwood.train.methods import AnyMethod
from leafwood.train.pyramid import PyramidSpec
from leafwood.train.soul import SoulSpec
from leafwood.train.steps import PlainMethod

__all__ = ["TrainConfig"]


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A training run; every field can be set in the YAML file.

    Attributes:
        train: files or glob patterns of labelled stands to learn from.
        validation: the same for choosing weights; never the same stands.
        labels: how their labels are written, a name of :data:`leafwood.classes.PRESETS`.
        start: weights to begin with, a ``.safetensors`` file of a network of the same shape; convolutions that it lacks
            begin as the identity.
        model: what is trained, and on what examples; ``pyramid`` or ``soul``.
        method: what happens in a step beside following the gradient.
        loss: terms of the loss, from :mod:`leafwood.losses`.
        steps: optimiser steps.
        batch: crops per step.
        learning_rate: peak of the one-cycle schedule (AdamW).
        weight_decay: AdamW's.
        averaging: decay of the exponential moving average of the weights that is validated and kept.
        validate_every: steps between validations.
        validation_crops: crops per validation, always the same ones.
        patience: validations without a better G-mean after which the run stops; 0 to go on to the end. The schedule
            does not know of it.
        device: ``auto`` is a GPU (``cuda``) where torch sees one. GPUs have not been tested.
        loader_processes: processes that prepare crops.
        threads: threads of the training process.
        seed: of the crops, the first weights and everything else that is drawn.

    Raises:
        BadConfig: a value out of range, or a method that does not go with the model.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    labels: str = "gt_wood"
    start: Path | None = None
    model: PyramidSpec | SoulSpec = field(default_factory=PyramidSpec)
    method: AnyMethod = field(default_factory=PlainMethod)
    loss: tuple[LossConfig, ...] = (LossConfig("cross_entropy"),)
    steps: int = 3000
    batch: int = 4
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    averaging: float = 0.998
    validate_every: int = 250
    validation_crops: int = 120
    patience: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    loader_processes: int = 1
    threads: int = 1
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "validate_every", "validation_crops", "threads"):
            in_range(name, getattr(self, name), 1)
        for name in ("weight_decay", "patience", "loader_processes", "seed"):
            in_range(name, getattr(self, name), 0)
        in_range("learning_rate", self.learning_rate, 1e-12)
        check_preset(self.labels)
        in_range("averaging", self.averaging, 0.0, 1.0)
        self.method.check(self.model.kind, started=self.start is not None)
