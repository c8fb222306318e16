"""From the network's margin to P(wood)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Calibration"]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Temperature and bias on the logit margin (Platt 1999; Guo et al. 2017).

    Attributes:
        temperature: divides the margin.
        bias: added to the margin first.
    """

    temperature: float = 1.0
    bias: float = 0.0

    def probability(self, margin: NDArray[Any]) -> NDArray[np.float32]:
        """P(wood) (n,) float32 of margins (n,): the wood logit less the leaf logit."""
        return (1.0 / (1.0 + np.exp(-(margin + self.bias) / self.temperature))).astype(np.float32)
