"""What is trained: which examples a network sees, the network, and how it is saved. The loop is the same for all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from torch import nn
from torch.utils.data import Dataset
from torch_geometric.data import Data

from leafwood.datasets.crops import CropConfig
from leafwood.datasets.stands import LabelledStand
from leafwood.losses import LossConfig
from leafwood.train.balance import Balance

__all__ = ["State", "Task", "TrainableNetwork"]

State = dict[str, Any]


class TrainableNetwork(Protocol):
    """What training methods ask of a network beside its forward pass."""

    @property
    def last_layer(self) -> nn.Linear:
        """The layer that gives the logits."""


class Task(Protocol):
    """What the training loop needs to know of a kind of model; see :mod:`leafwood.models` for the table of kinds."""

    def examples(self, stands: Sequence[LabelledStand], seed: tuple[int, int], length: int) -> Dataset[Data]:
        """Labelled examples (`y` per node), number i always the same for the same seed."""

    def whole_trees(self) -> Task:
        """The same task on whole trees, cut out of their stands."""

    def with_crops(self, crops: CropConfig) -> Task:
        """The same task on other crops; a model that cuts samples of its own keeps them."""

    def balance(self, sample: Sequence[Data], losses: Sequence[LossConfig]) -> Balance | None:
        """Weights of points that balance leaf and wood, counted in some examples; None for equal weights.

        Args:
            sample: examples to count in.
            losses: terms of the loss, of which some balance the classes by themselves.
        """

    def network(self, stands: Sequence[LabelledStand]) -> nn.Module:
        """A fresh network, from a batch of examples to logits (m, 2)."""

    def save(self, state: State, provenance: dict[str, Any], path: Path) -> None:
        """Write weights and card."""
