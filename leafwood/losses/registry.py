"""Every loss by name, and sums of several from a configuration."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from numpy.typing import ArrayLike
from torch import Tensor, nn

from leafwood.config import in_range
from leafwood.errors import BadConfig
from leafwood.losses.adjusted import BalancedSoftmax, LogitAdjusted
from leafwood.losses.base import Loss
from leafwood.losses.cross_entropy import ClassBalanced, CrossEntropy, Smoothed, Weighted
from leafwood.losses.focal import Focal
from leafwood.losses.general import GCA, GLA, Generalised
from leafwood.losses.margin import LDAM
from leafwood.losses.overlap import Dice, Lovasz, Tversky
from leafwood.losses.poly import Poly1, Poly1Focal
from leafwood.losses.rebalanced import Rebalanced

__all__ = ["ALIASES", "LOSSES", "LossConfig", "SumLoss", "build", "build_all"]

LOSSES: Mapping[str, type[Loss]] = MappingProxyType(
    {
        "balanced_softmax": BalancedSoftmax,
        "class_balanced": ClassBalanced,
        "cross_entropy": CrossEntropy,
        "dice": Dice,
        "focal": Focal,
        "gca": GCA,
        "generalised": Generalised,
        "gla": GLA,
        "ldam": LDAM,
        "logit_adjusted": LogitAdjusted,
        "lovasz": Lovasz,
        "poly1": Poly1,
        "poly1_focal": Poly1Focal,
        "rebalanced": Rebalanced,
        "smoothed": Smoothed,
        "tversky": Tversky,
        "weighted": Weighted,
    }
)

# Other names of some losses, in papers and in other libraries.
ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "cb": "class_balanced",
        "ce": "cross_entropy",
        "gce": "generalised",
        "generalized": "generalised",
        "la": "logit_adjusted",
        "logit_adjustment": "logit_adjusted",
    }
)


@dataclass(frozen=True)
class LossConfig:
    """One term of a loss, as a YAML file names it.

    Attributes:
        name: one of :data:`LOSSES`, or of :data:`ALIASES`, in whose place the loss's own name is kept.
        options: options of that loss; their values are checked when it is built.
        weight: weight of this term in the sum.

    Raises:
        BadConfig: an unknown name or option, or a weight that is not above 0.
    """

    name: str
    options: Mapping[str, bool | int | float | list[float] | str | None] = field(default_factory=dict)
    weight: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", ALIASES.get(self.name, self.name))
        _check_options(self.name, self.options)
        if in_range("weight", self.weight, 0.0) == 0:
            raise BadConfig(f"weight of {self.name} must be above 0; leave the loss out instead")

    @property
    def balances(self) -> bool:
        """Whether the loss makes the classes count alike by itself."""
        return LOSSES[self.name].balances


class SumLoss(Loss):
    """A weighted sum of losses, itself a loss: one check of the batch, one progress for all.

    Args:
        class_counts: (C,) training points of each class.
        terms: losses with the weights of their values.
    """

    def __init__(self, class_counts: ArrayLike, terms: Sequence[tuple[float, Loss]]) -> None:
        super().__init__(class_counts)
        self.weights = tuple(weight for weight, _ in terms)
        self.terms = nn.ModuleList(loss for _, loss in terms)

    def set_progress(self, share: float) -> None:
        """Tell every term how much of the training is done, 0 to 1."""
        super().set_progress(share)
        for loss in self._losses():
            loss.set_progress(share)

    def reduce(self, logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        """Weighted sum of the terms."""
        total = logits.new_zeros(())
        for weight, loss in zip(self.weights, self._losses(), strict=True):
            total = total + weight * loss.reduce(logits, labels, weights)
        return total

    def _losses(self) -> list[Loss]:
        return [loss for loss in self.terms if isinstance(loss, Loss)]


def build(name: str, class_counts: ArrayLike, **options: Any) -> Loss:
    """A loss by name.

    Args:
        name: one of :data:`LOSSES`, or of :data:`ALIASES`.
        class_counts: (C,) points of each class in the training data (not in a batch); class 0 leaf, 1 wood.
        **options: of that loss; see its class, or docs/losses.md.

    Returns:
        A module: logits (n, C), labels (n,), weights (n,) or None -> scalar.

    Raises:
        BadConfig: an unknown name or option, an option out of range, a class without points, a negative count.
    """
    name = ALIASES.get(name, name)
    _check_options(name, options)
    try:
        return LOSSES[name](class_counts, **options)
    except BadConfig as error:
        raise BadConfig(f"{name}: {error}") from error


def build_all(configs: Sequence[LossConfig], class_counts: ArrayLike) -> SumLoss:
    """The weighted sum of one or more losses.

    Raises:
        BadConfig: as :func:`build`, or no loss at all.
    """
    if not configs:
        raise BadConfig("loss: name at least one loss")
    terms = [(config.weight, build(config.name, class_counts, **config.options)) for config in configs]
    return SumLoss(class_counts, terms)


def _check_options(name: str, options: Mapping[str, Any]) -> None:
    if name not in LOSSES:
        raise BadConfig(f"unknown loss {name!r}{_meant(name, (*LOSSES, *ALIASES))}; there are {', '.join(LOSSES)}")
    parameters = inspect.signature(LOSSES[name]).parameters.values()
    known = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            has = ", ".join(known) or "none"
            raise BadConfig(f"{name}: unknown option {option!r}{_meant(option, known)}; it has {has}")


def _meant(name: str, known: Sequence[str]) -> str:
    """A question about the likeliest of the known names, or nothing where none is alike."""
    near = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
