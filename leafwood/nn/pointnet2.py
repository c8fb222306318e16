"""PointNet++ as SOUL uses it, the baseline network.

Qi et al. 2017, "PointNet++: Deep hierarchical feature learning on point sets in a metric space" (single-scale
grouping); shape and head from SOUL (Bai et al., NeurIPS 2023, arXiv 2305.16963). Samples have equal size and are worked
on as (b, n) tables; the set layers themselves are torch_geometric's.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding
from torch_geometric.data import Batch, Data
from torch_geometric.nn import MLP, PointNetConv
from torch_geometric.nn.aggr import Aggregation

__all__ = ["PointNet2", "ball_query", "farthest_points", "interpolate"]

_CENTRES = (1024, 256, 64, 16)
_REACH = (0.1, 0.2, 0.4, 0.8)  # of the unit cube
_NEIGHBOURS = 32
_DOWN = ((32, 32, 64), (64, 64, 128), (128, 128, 256), (256, 256, 512))
_UP = ((128, 128, 128), (256, 128), (256, 256), (256, 256))
_HEAD = (256, 128)
_NEAREST = 3


def farthest_points(pos: Tensor, n: int) -> Tensor:
    """Spread-out points: each is the one farthest from all before it, the first is point 0.

    The first m of them are what would be found for m, so one call serves every level of a network.

    Args:
        pos: (b, p, 3).
        n: how many.

    Returns:
        (b, n) positions; repeated where n is more than there are places.
    """
    places = pos.transpose(1, 2).contiguous()
    distance = torch.full_like(places[:, 0], torch.inf)
    chosen = torch.zeros(len(pos), n, dtype=torch.long, device=pos.device)
    for number in range(1, n):
        last = chosen[:, number - 1, None, None].expand(-1, 3, 1)
        distance = torch.minimum(distance, (places - places.gather(2, last)).square().sum(dim=1))
        chosen[:, number] = distance.argmax(dim=1)
    return chosen


def ball_query(pos: Tensor, centres: Tensor, radius: float, k: int) -> Tensor:
    """The first k points, in the order they come, within a radius of each centre.

    Args:
        pos: (b, p, 3).
        centres: (b, m, 3), each of them a point of `pos`.
        radius: in the unit of `pos`.
        k: points wanted; where there are fewer, the first is repeated.

    Returns:
        (b, m, k) positions.
    """
    return torch.stack([_ball_query(p, c, radius, k) for p, c in zip(pos, centres, strict=True)])


def _ball_query(pos: Tensor, centres: Tensor, radius: float, k: int) -> Tensor:
    row, point = torch.nonzero(_distance(centres, pos) <= radius, as_tuple=True)
    found = torch.bincount(row, minlength=len(centres))
    begin = found.cumsum(0) - found
    rank = torch.arange(k, device=pos.device)
    return point[begin[:, None] + torch.where(rank < found[:, None], rank, 0)]


def _distance(a: Tensor, b: Tensor) -> Tensor:
    """Distances (..., m, p), exact: a point is at 0 from itself."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def interpolate(x: Tensor, coarse: Tensor, fine: Tensor) -> Tensor:
    """Carry values from coarse to fine points: mean of the 3 nearest, weighted by inverse squared distance.

    Args:
        x: (b, m, c) values at the coarse points.
        coarse: (b, m, 3) their places.
        fine: (b, p, 3).

    Returns:
        (b, p, c).
    """
    with torch.no_grad():
        distance, index = _distance(fine, coarse).topk(min(_NEAREST, coarse.shape[1]), largest=False)
        weight = 1.0 / (distance.square() + 1e-8)
        weight /= weight.sum(dim=2, keepdim=True)
        index += torch.arange(len(x), device=x.device)[:, None, None] * x.shape[1]
    return (embedding(index, x.flatten(0, 1)) * weight[..., None]).sum(dim=2)


class _GroupMax(Aggregation):
    """Maximum over equally many edges of each target, which follow one another."""

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
    ) -> Tensor:
        groups = len(x) // _NEIGHBOURS if dim_size is None else dim_size
        return x.view(groups, -1, x.shape[-1]).max(dim=1).values


def _mlp(*widths: int) -> MLP:
    """Linear, batch norm and ReLU for each width after the first."""
    return MLP(list(widths), norm="batch_norm", act="relu", plain_last=False)


class _SetAbstraction(nn.Module):
    """Fewer points, each knowing more: PointNet over the ball around each centre."""

    def __init__(self, n_in: int, widths: tuple[int, ...], radius: float) -> None:
        super().__init__()
        self.radius = radius
        self.conv = PointNetConv(_mlp(n_in + 3, *widths), add_self_loops=False, aggr=_GroupMax())

    def forward(self, x: Tensor, pos: Tensor, centres: Tensor) -> Tensor:
        b, p, m = len(pos), pos.shape[1], centres.shape[1]
        with torch.no_grad():
            source = ball_query(pos, centres, self.radius, _NEIGHBOURS)
            source += torch.arange(b, device=pos.device)[:, None, None] * p
            target = torch.arange(b * m, device=pos.device).repeat_interleave(_NEIGHBOURS)
        edges = torch.stack([source.flatten(), target])
        out: Tensor = self.conv((x.flatten(0, 1), None), (pos.flatten(0, 1), centres.flatten(0, 1)), edges)
        return out.view(b, m, -1)


class PointNet2(nn.Module):
    """PointNet++ with SOUL's four levels down, four up and its head: 1 016 194 parameters for 15 input channels.

    Features are standardised inside, with the statistics of the training set, which are saved with the weights; SOUL
    standardises each file by itself, so that the same twig looks different in another scan.

    Args:
        n_features: columns per point beside its place.

    Shapes:
        a Data of one sample or a Batch of b samples of equal size p, with pos (b * p, 3) in the unit cube and
        features x (b * p, n_features) -> (b * p, 2) logits, leaf and wood.
    """

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(self, n_features: int = 12) -> None:
        super().__init__()
        self.register_buffer("feature_mean", torch.zeros(n_features))
        self.register_buffer("feature_std", torch.ones(n_features))
        known = [n_features + 3, *(widths[-1] for widths in _DOWN)]
        self.down = nn.ModuleList(
            _SetAbstraction(n_in, widths, reach) for n_in, widths, reach in zip(known, _DOWN, _REACH, strict=False)
        )
        skipped = [0, *known[1:-1]]  # the points themselves are not joined in again
        below = [*(widths[-1] for widths in _UP[1:]), known[-1]]
        self.up = nn.ModuleList(_mlp(a + b, *widths) for a, b, widths in zip(skipped, below, _UP, strict=True))
        self.head = nn.Sequential(
            nn.Linear(_UP[0][-1], _HEAD[0]),
            nn.ELU(),
            nn.Linear(*_HEAD),
            nn.ELU(),
            nn.Linear(_HEAD[1], 2),
        )

    @property
    def last_layer(self) -> nn.Linear:
        """The layer that gives the logits."""
        return cast(nn.Linear, self.head[-1])

    def set_statistics(self, mean: Tensor, std: Tensor) -> None:
        """Set what the features (n_features,) are standardised with."""
        self.feature_mean.copy_(mean)
        self.feature_std.copy_(std.clamp(min=1e-6))

    def forward(self, data: Data) -> Tensor:
        """Logits (b * p, 2); see the class."""
        b = data.num_graphs if isinstance(data, Batch) else 1
        pos = data.pos.view(b, -1, 3)
        features = (data.x - self.feature_mean) / self.feature_std
        places, known = [pos], [torch.cat([pos, features.view(b, pos.shape[1], -1)], dim=2)]
        chosen = farthest_points(pos, _CENTRES[0])
        centres = pos.gather(1, chosen[..., None].expand(-1, -1, 3))
        for layer, n in zip(self.down, _CENTRES, strict=True):
            places.append(centres[:, :n])
            known.append(layer(known[-1], places[-2], places[-1]))
        x = known[-1]
        for n in reversed(range(len(self.up))):
            x = interpolate(x, places[n + 1], places[n])
            if n:
                x = torch.cat([known[n], x], dim=2)
            x = self.up[n](x.flatten(0, 1)).view(b, x.shape[1], -1)
        logits: Tensor = self.last_layer(self.head[:-1](x.flatten(0, 1)))
        return logits
