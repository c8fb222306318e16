"""The configuration of a training run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from leafwood.classes import check_preset
from leafwood.config import in_range
from leafwood.datasets.crops import CropConfig
from leafwood.errors import BadConfig
from leafwood.losses import LossConfig
from leafwood.train.methods import AnyMethod
from leafwood.train.pyramid import PyramidSpec
from leafwood.train.soul import SoulSpec
from leafwood.train.start import TrainingDevice
from leafwood.train.steps import PlainMethod

__all__ = ["Source", "TrainConfig"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Labelled scans that give a run a fixed share of its crops.

    Attributes:
        files: files or glob patterns.
        share: share of the crops of the run, above 0 and at most 1.
        lone_trees: every file holds one tree and nothing else; see :func:`leafwood.datasets.stands.load_stand`.
        crops: what its crops look like, for a model that learns from crops; those of the model where it is left out.

    Raises:
        BadConfig: a share out of range.
    """

    files: tuple[str, ...]
    share: float
    lone_trees: bool = False
    crops: CropConfig | None = None

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise BadConfig(f"share must be above 0 and at most 1, not {self.share}")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A training run; every field can be set in the YAML file.

    Attributes:
        train: files or glob patterns of labelled stands to learn from.
        validation: files or glob patterns of labelled stands to choose weights by; never those of `train`.
        sources: other labelled stands, each kind with its share of the crops; `train` gets what they leave.
        labels: how their labels are written, as :func:`leafwood.classes.preset_of` takes it.
        start: weights to begin with, a shipped model's name or a ``.safetensors`` file, of a network of the same shape;
            convolutions that it lacks begin as the identity.
        model: what is trained, and on what examples; ``pyramid`` or ``soul``.
        method: what happens in a step beside following the gradient.
        loss: terms of the loss, from :mod:`leafwood.losses`.
        steps: optimiser steps.
        batch: crops per step.
        optimiser: ``adamw``, or ``sgd`` with a Nesterov momentum of 0.9, which needs a larger rate.
        learning_rate: peak of the one-cycle schedule.
        weight_decay: weight decay of the optimiser.
        averaging: decay of the exponential moving average of the weights that is validated and kept.
        keep: the weights that are saved: the ``best`` by validation G-mean, or those of the ``last`` step, where
            validation is to choose nothing.
        validate_every: steps between validations.
        validation_crops: crops per validation, always the same ones.
        patience: validations without a better G-mean after which the run stops; 0 to go on to the end. The schedule
            does not know of it.
        device: ``auto`` is a GPU (``cuda``) where torch sees one, and several loader processes keep it busy. The
            shipped weights were trained on processors; the tests that need a GPU are skipped where there is none.
        loader_processes: processes that prepare crops.
        threads: threads of the training process.
        seed: seed of the crops, the first weights and everything else that is drawn.

    Raises:
        BadConfig: a value out of range, or a method that does not go with the model.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    sources: tuple[Source, ...] = ()
    labels: str = "gt_wood"
    start: Path | None = None
    model: PyramidSpec | SoulSpec = field(default_factory=PyramidSpec)
    method: AnyMethod = field(default_factory=PlainMethod)
    loss: tuple[LossConfig, ...] = (LossConfig("cross_entropy"),)
    steps: int = 3000
    batch: int = 4
    optimiser: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    averaging: float = 0.998
    keep: Literal["best", "last"] = "best"
    validate_every: int = 250
    validation_crops: int = 120
    patience: int = 0
    device: TrainingDevice = "auto"
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
        if sum(source.share for source in self.sources) > 1 + 1e-9:
            raise BadConfig("the shares of the sources add up to more than 1")
        if self.sources and not self.method.needs_labels:
            raise BadConfig(f"sources are labelled and do not go with the method {self.method.kind}")
        if self.keep == "last" and self.patience:
            raise BadConfig("patience waits for better weights and does not go with `keep: last`")
        self.method.check(self.model.kind, started=self.start is not None)

    @property
    def pyramid(self) -> PyramidSpec:
        """What is trained, where only leafwood's own network will do.

        Raises:
            BadConfig: the run trains another kind of model.
        """
        if not isinstance(self.model, PyramidSpec):
            raise BadConfig(
                f"this needs a run that trains leafwood's own network, not one of the kind {self.model.kind}"
            )
        return self.model
