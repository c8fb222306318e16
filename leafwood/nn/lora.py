"""Low-rank adapters (LoRA, Hu et al. 2022): a trained network learns new scans by few weights, which melt into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from leafwood.config import in_range
from leafwood.nn.unet import PyramidUNet

__all__ = ["LoRAConfig", "LowRank", "add_adapters", "merged"]


@dataclass(frozen=True, kw_only=True)
class LoRAConfig:
    """How much of a network may move.

    Attributes:
        rank: of what is added to each weight matrix; 0 adds nothing, so that the last layer alone learns.
        alpha: strength; alpha / rank times the product of the two factors is added.

    Raises:
        BadConfig: a value out of range.
    """

    rank: int = 8
    alpha: float = 16.0

    def __post_init__(self) -> None:
        in_range("lora.rank", self.rank, 0)
        in_range("lora.alpha", self.alpha, 1e-6)


class LowRank(nn.Module):
    """A weight matrix W as W + alpha / rank B A; A is Gaussian and B zero at first, so that nothing changes.

    Args:
        shape: of the matrix.
        config: rank and strength.
    """

    def __init__(self, shape: torch.Size, config: LoRAConfig) -> None:
        super().__init__()
        rank = min(config.rank, *shape)
        self.a = nn.Parameter(torch.randn(rank, shape[1]) / shape[1] ** 0.5)
        self.b = nn.Parameter(torch.zeros(shape[0], rank))
        self.scale = config.alpha / rank

    def forward(self, weight: Tensor) -> Tensor:
        """The adapted matrix."""
        return weight + self.scale * self.b @ self.a


def add_adapters(network: PyramidUNet, config: LoRAConfig) -> None:
    """Give every linear layer but the last an adapter, and freeze all that is not an adapter or in the last layer.

    Args:
        network: a trained one.
        config: rank and strength; with rank 0 no layer gets an adapter.
    """
    last = network.last_layer
    network.requires_grad_(False)
    last.requires_grad_(True)
    layers = [module for module in network.modules() if isinstance(module, nn.Linear) and module is not last]
    for layer in layers if config.rank else ():
        parametrize.register_parametrization(layer, "weight", LowRank(layer.weight.shape, config))


def merged(network: nn.Module) -> dict[str, Tensor]:
    """The weights with the adapters melted into them, by the names they have without; others as they are."""
    found: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        owner, _, rest = name.partition(".parametrizations.")
        if not rest:
            found[name] = value
        elif rest == "weight.original":
            found[f"{owner}.weight"] = cast(nn.Linear, network.get_submodule(owner)).weight.detach()
    return found
