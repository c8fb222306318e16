"""LoRA as a training method: adapters and the last layer learn, all other weights stay."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

from torch import nn

from leafwood.errors import BadConfig
from leafwood.inference.model_file import load_model
from leafwood.nn.lora import LoRAConfig, add_adapters
from leafwood.nn.unet import PyramidUNet
from leafwood.train.steps import Method

__all__ = ["AdapterMethod", "LoraMethod"]


@dataclass(frozen=True, kw_only=True)
class AdapterMethod(Method):
    """Learn low-rank adapters of the weights of `start` and its last layer; what is saved has them melted in.

    Graphs and shape of the network are those of `start`; a configuration need not repeat them.

    Attributes:
        adapters: how much of the network may move.
    """

    adapters: LoRAConfig = field(default_factory=LoRAConfig)

    def check(self, model: str, *, started: bool) -> None:
        """Refuse SOUL's network and a run without `start`."""
        if model != "pyramid" or not started:
            raise BadConfig("method: adapters need `start`, trained weights of leafwood's own network")

    def model(self, model: Any, start: Path | None) -> Any:
        """The same crops and weights of points with the graphs and the network of the weights to adapt.

        Raises:
            BadConfig: `start` has no card beside it, or tells parts apart.
        """
        known = load_model(cast(Path, start))
        if known.config.outputs != "wood":
            raise BadConfig(f"start: {start}: adapters are for networks that tell leaf from wood alone")
        return replace(model, graph=known.graph, network=known.config)

    def prepare(self, network: nn.Module) -> None:
        """Give the network its adapters."""
        add_adapters(cast(PyramidUNet, network), self.adapters)


@dataclass(frozen=True, kw_only=True)
class LoraMethod(AdapterMethod):
    """LoRA (Hu et al. 2022) with plain gradient steps.

    Attributes:
        kind: kind of the method.
    """

    kind: Literal["lora"] = "lora"
