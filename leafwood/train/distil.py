"""Distillation: a network learns what trained weights say, beside the labels.

Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network" (2015, arXiv 1503.02531): a small network
learns from a larger one, whose probabilities tell how sure of a voxel one can be. Li and Hoiem, "Learning without
forgetting" (ECCV 2016): a network that goes on to other data learns from what it was before, on data like those it came
from, so that it does not forget them. For that, the teacher is asked about the crops of some files only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch_geometric.data import Data

from leafwood.classes import IGNORE
from leafwood.config import in_range
from leafwood.errors import BadConfig
from leafwood.inference.model_file import load_model
from leafwood.io.files import is_one_of
from leafwood.losses import Loss
from leafwood.nn.unet import PyramidUNet
from leafwood.train.balance import Balance
from leafwood.train.start import start_from
from leafwood.train.steps import Method, Step

if TYPE_CHECKING:
    from leafwood.train.data import TrainingSet

__all__ = ["DistilMethod", "DistilStep"]


@dataclass(frozen=True, kw_only=True)
class DistilMethod(Method):
    """Learn from the labels and from what trained weights of another shape say.

    Attributes:
        kind: kind of the method.
        teacher: a shipped model's name, or a ``.safetensors`` file with its card beside it, weights of leafwood's own
            network that read the same graphs; their uncalibrated logits are learnt.
        share: share of the teacher in the loss, 0..1; the labels have the rest.
        files: patterns of the names of files whose crops the teacher is asked about; all where there are none.

    Raises:
        BadConfig: a share out of range.
    """

    kind: Literal["distil"] = "distil"
    teacher: Path
    share: float = 0.7
    files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        in_range("method.share", self.share, 0.0, 1.0)

    def check(self, model: str, *, started: bool) -> None:
        """Refuse SOUL's network."""
        if model != "pyramid":
            raise BadConfig("method: distil is for leafwood's own network")

    def step(
        self,
        network: nn.Module,
        criterion: Loss,
        optimiser: torch.optim.Optimizer,
        balance: Balance | None,
        data: TrainingSet | None,
    ) -> Step:
        """Steps that also ask the teacher."""
        teacher = self._teacher(network)
        return DistilStep(network, criterion, optimiser, balance, teacher=teacher, share=self.share, files=self.files)

    def _teacher(self, network: nn.Module) -> nn.Module:
        """The teacher, on the network's device.

        Raises:
            BadConfig: it reads other graphs, or tells other classes apart.
        """
        known = load_model(self.teacher)
        teacher = PyramidUNet(known.graph, known.config)
        start_from(teacher, self.teacher)
        if isinstance(network, PyramidUNet) and (
            known.graph != network.graph or teacher.last_layer.out_features != network.last_layer.out_features
        ):
            raise BadConfig(f"method.teacher: {self.teacher} reads other graphs, or tells other classes apart")
        return teacher.eval().requires_grad_(False).to(next(network.parameters()).device)


class DistilStep(Step):
    """A gradient step on the training loss and on the distance to the teacher's probabilities.

    Args:
        network: as :class:`~leafwood.train.steps.Step` takes it.
        criterion: likewise.
        optimiser: likewise.
        balance: likewise.
        teacher: from a batch to logits, in evaluation mode, without gradients.
        share: share of the teacher in the loss of the crops that it is asked about.
        files: patterns of their files' names; all crops where there are none.
    """

    def __init__(
        self,
        network: nn.Module,
        criterion: Loss,
        optimiser: torch.optim.Optimizer,
        balance: Balance | None = None,
        *,
        teacher: nn.Module,
        share: float,
        files: tuple[str, ...] = (),
    ) -> None:
        super().__init__(network, criterion, optimiser, balance)
        self.teacher, self.share, self.files = teacher, share, files

    def loss(self, batch: Data) -> Tensor:
        """The training loss, and the cross-entropy to the teacher's probabilities, of the labelled voxels."""
        with torch.no_grad():
            wanted = torch.softmax(self.teacher(batch), dim=1)
        logits, weights, known = self.network(batch), self.weights(batch), batch.y != IGNORE
        weights = known.float() if weights is None else weights * known
        of_teacher = weights * self._shares(batch)
        distance = (cross_entropy(logits, wanted, reduction="none") * of_teacher).sum()
        rest = weights - of_teacher
        return (distance + rest.sum() * self.criterion(logits, batch.y, rest)) / weights.sum().clamp(min=1e-9)

    def _shares(self, batch: Data) -> Tensor:
        """Share of the teacher at each voxel (m,)."""
        asked = [not self.files or is_one_of(name, self.files) for name in batch.stand]
        shares = batch.pos0.new_tensor([self.share if each else 0.0 for each in asked])
        return shares.repeat_interleave(batch.ptr.diff())
