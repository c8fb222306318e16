"""What a training run can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from leafwood.classes import check_preset
from leafwood.datasets.crops import CropConfig
from leafwood.errors import BadConfig
from leafwood.graph.build import GraphConfig
from leafwood.losses import LossConfig
from leafwood.losses.base import in_range
from leafwood.nn.lora import LoRAConfig
from leafwood.nn.shape import UNetConfig
from leafwood.soul.samples import SoulConfig
from leafwood.train.deblora import DebiasConfig
from leafwood.train.meta_weight import MetaWeightConfig
from leafwood.train.pretask import PretaskConfig
from leafwood.train.sam import SAMConfig

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
        soul: train the SOUL baseline on such samples; `graph`, `network` and `crops` are not used then.
        pretask: learn without labels what shapes are like; any scans will do then. Another run starts from the weights.
        graph: the graphs.
        network: the network's shape.
        crops: what examples look like.
        loss: terms of the loss, from :mod:`leafwood.losses`.
        balance: weigh points so that leaf and wood have the same mass at every point spacing; see
            :class:`~leafwood.train.balance.Balance`. Left out: yes, unless a loss balances the classes by itself; then
            they would count twice, which a run that asks for it by name is warned of.
        density_weights: weigh points by the inverse density of sampling in their crop, on top of `balance`: the lower
            canopy then counts for as much as the crown tops; see :mod:`leafwood.density.returns`.
        even_crops: weigh points so that leaf and wood have the same mass in every crop, on top of `balance`; wood that
            is rare in its stand then counts for as much as that of leafless trees.
        sam: sharpness-aware steps.
        meta_weight: points weigh what helps on clean trees. Not together with `sam`.
        lora: learn low-rank adapters of the weights of `start` and its last layer instead of all weights; what is saved
            has them melted in.
        debias: with `lora`, debLoRA: adapters that also move wood out of the region of the leaves. Not together with
            `sam` or `meta_weight`.
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
        seed: of everything.

    Raises:
        BadConfig: a value out of range, or two settings that exclude one another.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    labels: str = "gt_wood"
    start: Path | None = None
    soul: SoulConfig | None = None
    pretask: PretaskConfig | None = None
    graph: GraphConfig = field(default_factory=GraphConfig)
    network: UNetConfig = field(default_factory=UNetConfig)
    crops: CropConfig = field(default_factory=CropConfig)
    loss: tuple[LossConfig, ...] = (LossConfig("cross_entropy"),)
    balance: bool | None = None
    density_weights: bool = False
    even_crops: bool = False
    sam: SAMConfig | None = None
    meta_weight: MetaWeightConfig | None = None
    lora: LoRAConfig | None = None
    debias: DebiasConfig | None = None
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
        if self.sam and self.meta_weight:
            raise BadConfig("sam and meta_weight are two kinds of step; choose one")
        if self.lora and (not self.start or self.soul or self.pretask):
            raise BadConfig("lora needs `start`, trained weights of leafwood's own network, and labels")
        if self.debias and (not self.lora or self.sam or self.meta_weight):
            raise BadConfig("debias needs lora, and does not go with sam or meta_weight")
        if self.pretask and (self.soul or self.meta_weight):
            other = "soul" if self.soul else "meta_weight"
            raise BadConfig(f"pretask needs leafwood's own network and no labels, so it does not go with {other}")
        if self.soul and self.balance:
            raise BadConfig("balance needs leafwood's own graphs; with soul set `balance: false`")
        for name in ("density_weights", "even_crops"):
            if self.soul and getattr(self, name):
                raise BadConfig(f"{name} needs leafwood's own graphs and does not go with soul")
        if self.pretask and self.even_crops:
            raise BadConfig("even_crops needs labels and does not go with pretask")
        if self.soul and self.meta_weight and self.meta_weight.form == "exact":
            raise BadConfig("meta_weight.form: exact needs leafwood's own network; with soul set `form: last_layer`")
