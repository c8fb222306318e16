"""How the gradients of training points agree with that of clean ones: the meta-gradient of Meta-Weight-Net.

Shu et al. (NeurIPS 2019); see :mod:`leafwood.train.meta_weight` for what G is for.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn.functional import cross_entropy, one_hot

from leafwood.classes import IGNORE

__all__ = ["Parameters", "PointLosses", "agreement", "class_shares", "last_layer_agreement"]

Parameters = dict[str, Tensor]
PointLosses = Callable[[Parameters], Tensor]


def agreement(
    point_losses: PointLosses, meta_loss: PointLosses, parameters: Parameters, shares: Tensor, rate: float
) -> tuple[Tensor, Tensor]:
    """How the gradient of each training point agrees with that of the clean ones after a trial step; G of that module.

    Args:
        point_losses: from parameters to the losses (n,) of the training points.
        meta_loss: from parameters to the loss of the clean points, a scalar.
        parameters: where the network is.
        shares: (n,) shares of the training points in the loss whose gradient the trial step follows.
        rate: rate of the trial step.

    Returns:
        G (n,), and the meta loss after the trial step, a scalar.
    """
    _, slope = _gradient(lambda at: (shares * point_losses(at)).sum(), parameters)
    ahead = {name: value - rate * slope[name] for name, value in parameters.items()}
    reached, direction = _gradient(meta_loss, ahead)
    with forward_ad.dual_level():  # torch.func.jvp gives the same and is slower
        along = {name: forward_ad.make_dual(value, direction[name]) for name, value in parameters.items()}
        agreed: Tensor = forward_ad.unpack_dual(point_losses(along)).tangent
    return agreed, reached


def _gradient(loss: PointLosses, parameters: Parameters) -> tuple[Tensor, Parameters]:
    """A scalar of the parameters, and its gradient."""
    at = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    value = loss(at)
    found = torch.autograd.grad(value, list(at.values()))
    return value.detach(), dict(zip(at, found, strict=True))


def last_layer_agreement(
    weight: Tensor,
    points: tuple[Tensor, Tensor],
    shares: Tensor,
    clean: tuple[Tensor, Tensor],
    clean_shares: Tensor,
    rate: float,
) -> tuple[Tensor, Tensor]:
    """:func:`agreement` for cross-entropy and a trial step of the last linear layer alone, in closed form.

    Args:
        weight: (C, f) weights of the layer; with a bias, its last column and a last feature of 1.
        points: features (n, f) and labels (n,) of the training points.
        shares: (n,) shares of them in the training loss, 0 for ignored ones.
        clean: features (m, f) and labels (m,) of the clean points.
        clean_shares: (m,).
        rate: rate of the trial step.

    Returns:
        As there.
    """
    residual = _residual(points[0] @ weight.T, points[1])
    ahead = weight - rate * (shares[:, None] * residual).T @ points[0]
    logits = clean[0] @ ahead.T
    direction = (clean_shares[:, None] * _residual(logits, clean[1])).T @ clean[0]
    reached = (clean_shares * cross_entropy(logits, clean[1], reduction="none", ignore_index=IGNORE)).sum()
    return (residual * (points[0] @ direction.T)).sum(dim=1), reached


def _residual(logits: Tensor, labels: Tensor) -> Tensor:
    """Gradient of each point's cross-entropy with respect to its logits (n, C)."""
    return torch.softmax(logits, dim=1) - one_hot(labels.clamp(min=0), logits.shape[1]).to(logits)


def class_shares(labels: Tensor) -> Tensor:
    """Weights (n,) that sum to 1, and to the same for each class that is there; 0 for ignored labels."""
    known = labels != IGNORE
    counts = torch.bincount(labels[known]).clamp(min=1)
    each = known / counts[labels.clamp(min=0)] if len(counts) else known.float()
    return each / each.sum().clamp(min=1)
