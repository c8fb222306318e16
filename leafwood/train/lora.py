"""LoRA as a training method: adapters and the last layer learn, all other weights stay."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, cast

from torch import nn

from leafwood.errors import BadConfig
from leafwood.nn.lora import LoRAConfig, add_adapters
from leafwood.nn.unet import PyramidUNet
from leafwood.train.steps import Method

__all__ = ["AdapterMethod", "LoraMethod"]


@dataclass(frozen=True, kw_only=True)
class AdapterMethod(Method):
    """Learn low-rank adapters of the weights of `start` and its last layer; what is saved has them melted in.

    Attributes:
        adapters: how much of the network may move.
    """

    adapters: LoRAConfig = field(default_factory=LoRAConfig)

    def check(self, model: str, *, started: bool) -> None:
        """Refuse SOUL's network and a run without `start`."""
        if model != "pyramid" or not started:
            raise BadConfig("method: adapters need `start`, trained weights of leafwood's own network")

    def prepare(self, network: nn.Module) -> None:
        """Give the network its adapters."""
        add_adapters(cast(PyramidUNet, network), self.adapters)


@dataclass(frozen=True, kw_only=True)
class LoraMethod(AdapterMethod):
    """LoRA (Hu et al. 2022) with plain gradient steps.

    Attributes:
        kind: of the method.
    """

    kind: Literal["lora"] = "lora"
