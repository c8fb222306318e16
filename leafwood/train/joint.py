"""A supervised and a self-supervised loss in one run: wood is learnt from labels, shapes from what was taken out.

Shwartz-Ziv et al., "Simplifying Neural Network Training Under Class Imbalance" (NeurIPS 2023), find that a
self-supervised loss on the same inputs beside the supervised one (Joint-SSL) helps more under imbalance than training
with it before: it reads no labels, so it does not know how rare a class is. Their loss contrasts images; here it is the
pretext task of :mod:`leafwood.train.pretext`, answered by a layer of its own on what the logits are read from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch_geometric.data import Data

from leafwood.config import in_range
from leafwood.datasets.stands import LabelledStand
from leafwood.errors import BadConfig
from leafwood.graph.batching import Example
from leafwood.losses import Loss
from leafwood.nn.unet import PyramidUNet
from leafwood.train.balance import Balance
from leafwood.train.pretext import HoledTask, PretextConfig
from leafwood.train.pyramid import PyramidTask
from leafwood.train.steps import Method, RunningMean, Stateful, Step
from leafwood.train.tasks import Task

if TYPE_CHECKING:
    from leafwood.train.data import TrainingSet

__all__ = ["JointConfig", "JointStep", "JointTask"]


@dataclass(frozen=True, kw_only=True)
class JointConfig(Method):
    """Learning from labels and by the pretext task at once.

    Attributes:
        kind: kind of the method.
        weight: weight of the self-supervised loss beside the supervised one.
        pretext: what is hidden.

    Raises:
        BadConfig: a weight that is not above 0.
    """

    kind: Literal["joint"] = "joint"
    weight: float = 0.5
    pretext: PretextConfig = field(default_factory=PretextConfig)

    def __post_init__(self) -> None:
        in_range("method.weight", self.weight, 1e-9)

    def check(self, model: str, *, started: bool) -> None:
        """Refuse another network than leafwood's own."""
        if model != "pyramid":
            raise BadConfig("method: joint needs leafwood's own network")

    def task(self, task: Task) -> Task:
        """The same network on crops with holes and labels."""
        assert isinstance(task, PyramidTask)
        return JointTask(task.spec, self.pretext)

    def step(
        self,
        network: nn.Module,
        criterion: Loss,
        optimiser: torch.optim.Optimizer,
        balance: Balance | None,
        data: TrainingSet,
    ) -> Step:
        """Steps with both losses."""
        return JointStep(cast(PyramidUNet, network), criterion, optimiser, balance, config=self)


class JointTask(HoledTask):
    """Crops with both answers: y is the label, `beside` (m,) whether a hidden point is near.

    Validation crops have holes too, as if they were thinned a little more.
    """

    def example(self, crop: LabelledStand, rng: np.random.Generator) -> Example:
        """The graph of what is left of a crop, with both answers."""
        graph, beside = self.holed(crop, rng)
        graph.beside = beside
        return graph


class JointStep(Step):
    """Step along the gradient of the training loss plus the weighted pretext loss.

    The layer that answers the pretext task is not part of the network and is not saved with it; it learns at the rate
    of the network.

    Args:
        network: leafwood's own.
        *args: criterion, optimiser and balance, as of :class:`~leafwood.train.steps.Step`.
        config: weight of the pretext loss.
    """

    network: PyramidUNet

    def __init__(self, network: PyramidUNet, *args: Any, config: JointConfig) -> None:
        super().__init__(network, *args)
        self.weight = config.weight
        last = network.last_layer
        self.answer = nn.Linear(last.in_features, 2).to(last.weight.device)
        self.answer_optimiser = torch.optim.AdamW(self.answer.parameters())
        self._mean = RunningMean()

    def parts(self) -> Mapping[str, Stateful]:
        """The layer of the pretext task and its optimiser."""
        return {"pretext_layer": self.answer, "pretext_optimiser": self.answer_optimiser}

    def figures(self) -> dict[str, float]:
        """The mean pretext loss since this was asked last."""
        return {"pretext_loss": self._mean.take()}

    def loss(self, batch: Data) -> Tensor:
        """Both losses of a batch, with their graph."""
        channels = self.network.channels(batch)
        supervised = self.criterion(self.network.last_layer(channels), batch.y, self.weights(batch))
        found = cross_entropy(self.answer(channels), batch.beside)
        self._mean.add(found.item())
        return supervised + self.weight * found

    def descend(self) -> None:
        """Move the network and the layer of the pretext task."""
        super().descend()
        for group in self.answer_optimiser.param_groups:
            group["lr"] = self.optimiser.param_groups[0]["lr"]
        self.answer_optimiser.step()
        self.answer_optimiser.zero_grad()
