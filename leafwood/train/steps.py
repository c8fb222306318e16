"""One optimiser step on one batch: the seam between the training loop and training methods.

The loop draws batches, follows the schedule, averages, validates and saves; what happens to the weights in between is a
:class:`Step`. Methods for rare wood are subclasses (:mod:`leafwood.train.sam`,
:mod:`leafwood.train.meta_weight`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch_geometric.data import Data

from leafwood.losses import Loss
from leafwood.train.balance import Balance
from leafwood.train.tasks import Task

if TYPE_CHECKING:
    from leafwood.train.data import TrainingSet

__all__ = ["Method", "PlainMethod", "RunningMean", "Stateful", "Step", "frozen_statistics", "without_dropout"]

_LONGEST_GRADIENT = 1.0


class Stateful(Protocol):
    """What a checkpoint can hold."""

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Go on from there."""


class RunningMean:
    """The mean of what was added since it was taken last."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def add(self, value: float) -> None:
        """Count one value."""
        self._sum, self._count = self._sum + value, self._count + 1

    def take(self) -> float:
        """The mean, 0 of nothing; counting begins anew."""
        mean = self._sum / max(self._count, 1)
        self._sum, self._count = 0.0, 0
        return mean


class Step:
    """Gradient of the training loss, clipped to length 1, then the optimiser. Subclasses do more.

    Args:
        network: from a batch of m labelled points to logits (m, C), in training mode.
        criterion: the training loss.
        optimiser: of the network's parameters.
        balance: point weights, if any.
    """

    def __init__(
        self, network: nn.Module, criterion: Loss, optimiser: torch.optim.Optimizer, balance: Balance | None = None
    ) -> None:
        self.network = network
        self.criterion = criterion
        self.optimiser = optimiser
        self.balance = balance

    def __call__(self, batch: Data) -> float:
        """Move the weights once.

        Args:
            batch: what the network reads, with y (m,).

        Returns:
            The training loss before the step.
        """
        loss = self.loss(batch)
        self.optimiser.zero_grad()
        loss.backward()
        self.descend()
        return loss.item()

    def parts(self) -> Mapping[str, Stateful]:
        """What a checkpoint has to hold besides network, optimiser and criterion, by name."""
        return {}

    def figures(self) -> dict[str, float]:
        """What the log is to have besides loss and scores, by column, since this was asked last."""
        return {}

    def loss(self, batch: Data) -> Tensor:
        """Training loss of a batch, with its graph."""
        return self.criterion(self.network(batch), batch.y, self.weights(batch))

    def weights(self, batch: Data) -> Tensor | None:
        """Weights (m,) of a batch's points: those of `balance` times the batch's own; None: all equal."""
        own: Tensor | None = batch.weight if "weight" in batch else None
        if self.balance is None:
            return own
        balanced = self.balance.of_points(batch)
        return balanced if own is None else balanced * own

    def descend(self) -> None:
        """Use the gradients that the parameters hold."""
        nn.utils.clip_grad_norm_(self.network.parameters(), _LONGEST_GRADIENT)
        self.optimiser.step()


@dataclass(frozen=True, kw_only=True)
class Method:
    """What a run does beside plain gradient steps; a subclass for each method, told apart by its `kind`.

    Attributes:
        needs_labels: whether the stands have to be labelled.
    """

    needs_labels: ClassVar[bool] = True

    def clean_files(self) -> tuple[str, ...]:
        """Files or glob patterns of labelled stands whose whole trees the method learns from besides."""
        return ()

    def clean_trees(self) -> int:
        """How many of those trees are drawn, once."""
        return 0

    def check(self, model: str, *, started: bool) -> None:
        """Refuse a run that the method cannot do.

        Args:
            model: kind of the model.
            started: whether the run begins with trained weights.

        Raises:
            BadConfig: it cannot.
        """

    def model(self, model: Any, start: Path | None) -> Any:
        """What a configuration says of the model, as the method has it; most methods leave it as it is.

        Args:
            model: a specification of one of the kinds of :mod:`leafwood.models`.
            start: weights that the run begins with, if any.
        """
        return model

    def task(self, task: Task) -> Task:
        """What is trained, from what the model's kind trains; most methods leave it as it is."""
        return task

    def prepare(self, network: nn.Module) -> None:
        """Change a network before its first step; most methods leave it as it is."""

    def step(
        self,
        network: nn.Module,
        criterion: Loss,
        optimiser: torch.optim.Optimizer,
        balance: Balance | None,
        data: TrainingSet,
    ) -> Step:
        """The steps of a run; see :class:`Step`."""
        return Step(network, criterion, optimiser, balance)


@dataclass(frozen=True, kw_only=True)
class PlainMethod(Method):
    """Plain gradient steps.

    Attributes:
        kind: kind of the method.
    """

    kind: Literal["plain"] = "plain"


@contextmanager
def without_dropout(network: nn.Module) -> Iterator[None]:
    """Evaluate a network with gradients: nothing is dropped, and batch norms use what they have counted so far."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


@contextmanager
def frozen_statistics(network: nn.Module) -> Iterator[None]:
    """Keep batch norms from counting a batch that is looked at a second time."""
    counting = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    for module in counting:
        module.track_running_stats = False
    try:
        yield
    finally:
        for module in counting:
            module.track_running_stats = True
