"""Meta-Weight-Net: a small network learns which training points to trust, by what helps on a few clean trees.

Shu et al., "Meta-Weight-Net: Learning an Explicit Mapping For Sample Weighting" (NeurIPS 2019). Before each step the
weights are tried out: a step of plain gradient descent with the point weights of the weight network V, then the loss of
clean trees there (the meta loss), and V moves down its gradient. With a_j the share of point j in the training loss, r
the rate of the trial step, which is that of the real step to come, and L the losses, that gradient is exactly

    -r sum_j G_j da_j / dTheta,    G_j = <grad L_meta(w - r sum_k a_k grad L_k(w)), grad L_j(w)>:

a point gains weight when its gradient agrees with that of the clean trees. G is a directional derivative, which forward
mode gives for all points at once, without a second-order graph. Or the trial step is restricted to the last linear
layer, where G has a closed form that costs next to nothing.

V learns from cross-entropy; the training loss is any, for its point weights are what V gives. V sees a point's loss as
a constant and, so that a hard leaf point is not taken for a hard wood point, its class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy, one_hot
from torch_geometric.data import Batch, Data

from leafwood.classes import IGNORE, OUTPUTS
from leafwood.config import in_range
from leafwood.errors import BadConfig
from leafwood.losses import Loss
from leafwood.train.agreement import Parameters, agreement, class_shares, last_layer_agreement
from leafwood.train.balance import Balance
from leafwood.train.steps import Method, RunningMean, Stateful, Step, without_dropout
from leafwood.train.tasks import TrainableNetwork

if TYPE_CHECKING:
    from leafwood.train.data import TrainingSet

__all__ = [
    "CURVE",
    "MetaWeightConfig",
    "MetaWeightStep",
    "WeightNet",
]

CURVE = (0.0, 0.1, 0.3, 0.7, 1.0, 2.0, 4.0)  # losses at which V is logged


@dataclass(frozen=True, kw_only=True)
class MetaWeightConfig(Method):
    """How points are weighed.

    Attributes:
        kind: kind of the method.
        files: files or glob patterns of labelled stands whose whole trees are the clean ones; in neither `train` nor
            `validation`.
        form: the trial step moves the ``last_layer`` (cheap) or all weights (``exact``).
        class_aware: tell the weight network the class of a point.
        hidden: its width.
        rate: rate of its optimiser (Adam).
        trees: clean trees, drawn once.
        batch: clean trees per step.

    Raises:
        BadConfig: a value out of range.
    """

    kind: Literal["meta_weight"] = "meta_weight"
    files: tuple[str, ...]
    form: Literal["last_layer", "exact"] = "last_layer"
    class_aware: bool = True
    hidden: int = 100
    rate: float = 1e-3
    trees: int = 48
    batch: int = 2

    def __post_init__(self) -> None:
        if not self.files:
            raise BadConfig("method.files must name labelled stands of clean trees")
        for name in ("hidden", "trees", "batch"):
            in_range(f"method.{name}", getattr(self, name), 1)
        in_range("method.rate", self.rate, 0.0)

    def clean_files(self) -> tuple[str, ...]:
        """The `files`."""
        return self.files

    def clean_trees(self) -> int:
        """The `trees`."""
        return self.trees

    def check(self, model: str, *, started: bool) -> None:
        """Refuse the exact form for SOUL's network."""
        if model != "pyramid" and self.form == "exact":
            raise BadConfig("method.form: exact needs leafwood's own network; for another set `form: last_layer`")

    def step(
        self,
        network: nn.Module,
        criterion: Loss,
        optimiser: torch.optim.Optimizer,
        balance: Balance | None,
        data: TrainingSet,
    ) -> Step:
        """Steps in which a weight network weighs the points."""
        return MetaWeightStep(network, criterion, optimiser, balance, config=self, trees=data.trees)


class WeightNet(nn.Module):
    """V: a point's loss, and its class if wanted, to a weight in (0, 1).

    Args:
        hidden: units of its one hidden layer.
        classes: number of classes it is told of; 0 to be told the loss only, as in the paper.
    """

    def __init__(self, hidden: int = 100, classes: int = 0) -> None:
        super().__init__()
        self.classes = classes
        self.layers = nn.Sequential(nn.Linear(1 + classes, hidden), nn.ReLU(), nn.Linear(hidden, 1), nn.Sigmoid())

    def forward(self, losses: Tensor, labels: Tensor) -> Tensor:
        """Weights (n,) of points with losses (n,), taken as constants, and labels (n,); ignored labels are leaf."""
        columns = [losses.detach()[:, None]]
        if self.classes:
            columns.append(one_hot(labels.clamp(min=0), self.classes).to(losses))
        weights: Tensor = self.layers(torch.cat(columns, dim=1)).squeeze(1)
        return weights


class MetaWeightStep(Step):
    """A step in which the points weigh what the weight network says, after that has learnt from clean trees.

    Args:
        *args: arguments of :class:`~leafwood.train.steps.Step`.
        config: how the weight network learns.
        trees: clean trees as the network reads them, with y.
        **options: options of :class:`~leafwood.train.steps.Step`.
    """

    def __init__(self, *args: Any, config: MetaWeightConfig, trees: Sequence[Data], **options: Any) -> None:
        super().__init__(*args, **options)
        self.config = config
        self.trees = trees
        self.device = next(self.network.parameters()).device
        self._last = cast(TrainableNetwork, self.network).last_layer
        classes = self._last.out_features if config.class_aware else 0
        self.weight_net = WeightNet(config.hidden, classes).to(self.device)
        self.weight_optimiser = torch.optim.Adam(self.weight_net.parameters(), lr=config.rate, weight_decay=1e-4)
        self._last.register_forward_pre_hook(self._keep)
        self._features = torch.empty(0)
        self._mean = RunningMean()

    def parts(self) -> Mapping[str, Stateful]:
        """The weight network and its optimiser."""
        return {"weight_net": self.weight_net, "weight_optimiser": self.weight_optimiser}

    def figures(self) -> dict[str, float]:
        """The mean meta loss since this was asked last, and V at some losses, by class if it is told of classes."""
        found = {"meta_loss": self._mean.take()}
        losses = torch.tensor(CURVE, device=self.device)
        names = next((names for names in OUTPUTS.values() if len(names) == self.weight_net.classes), ("any",))
        for label, name in enumerate(names):
            with torch.no_grad():
                weights = self.weight_net(losses, torch.full((len(CURVE),), label, device=self.device))
            found |= {f"v_{name}_{at:g}": value for at, value in zip(CURVE, weights.tolist(), strict=True)}
        return found

    def loss(self, batch: Data) -> Tensor:
        """Training loss of a batch by the weights of the weight network, which learns first."""
        logits = self.network(batch)
        losses = cross_entropy(logits.detach(), batch.y, reduction="none", ignore_index=IGNORE)
        shares = self._shares(losses, batch)
        rate = float(self.optimiser.param_groups[0]["lr"])
        look = self._exact if self.config.form == "exact" else self._cheap
        agreed, reached = look(batch, shares.detach(), rate)
        self._mean.add(float(reached))
        self.weight_optimiser.zero_grad()
        # The gradient for a rate of 1: Adam does not mind how long a gradient is, but its weight decay does, and at the
        # rates of AdamW it would leave nothing else of V.
        (-(agreed * shares).sum()).backward()
        self.weight_optimiser.step()
        with torch.no_grad():
            better = self._shares(losses, batch)
        return self.criterion(logits, batch.y, better)

    def _shares(self, losses: Tensor, batch: Data) -> Tensor:
        """Share of each point (m,) in the training loss."""
        weights = self.weight_net(losses, batch.y) * (batch.y != IGNORE)
        base = self.weights(batch)
        weights = weights if base is None else weights * base
        return weights / weights.sum().clamp(min=torch.finfo(weights.dtype).tiny)

    def _exact(self, batch: Data, shares: Tensor, rate: float) -> tuple[Tensor, Tensor]:
        """Agreement (m,) and meta loss where the trial step moves all weights."""
        clean = self._draw()
        clean_shares = class_shares(clean.y)

        def losses(at: Parameters, data: Data) -> Tensor:
            logits = functional_call(self.network, at, (data,))
            return cross_entropy(logits, data.y, reduction="none", ignore_index=IGNORE)

        parameters = {name: value.detach() for name, value in self.network.named_parameters()}
        with without_dropout(self.network):  # The network is looked at three times and must be the same each time.
            return agreement(
                lambda at: losses(at, batch),
                lambda at: (clean_shares * losses(at, clean)).sum(),
                parameters,
                shares,
                rate,
            )

    def _cheap(self, batch: Data, shares: Tensor, rate: float) -> tuple[Tensor, Tensor]:
        """Agreement (m,) and meta loss where the trial step moves the last layer."""
        points = (self._features, batch.y)
        clean = self._draw()
        with without_dropout(self.network), torch.no_grad():
            self.network(clean)
            weight = torch.cat([self._last.weight, self._last.bias[:, None]], dim=1)
            return last_layer_agreement(weight, points, shares, (self._features, clean.y), class_shares(clean.y), rate)

    def _keep(self, _layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Remember what the last layer reads, and the 1 that its bias reads."""
        if self.config.form == "last_layer":
            features = inputs[0].detach()
            self._features = torch.cat([features, features.new_ones(len(features), 1)], dim=1)

    def _draw(self) -> Data:
        """Some of the clean trees, at random."""
        chosen = torch.randint(len(self.trees), (self.config.batch,)).tolist()
        return Batch.from_data_list([self.trees[number] for number in chosen]).to(self.device)
