"""Graph convolution for graphs of fixed degree, and the fused gather-and-maximum it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from leafwood.nn.rows import by_rows

__all__ = ["MaxEdgeConv", "neighbour_max"]

_CHUNK_VALUES = 1 << 18  # gathered floats held at once: 1 MB stays in the cache


class _NeighbourMax(torch.autograd.Function):
    """Gather and maximum, chunk by chunk, with a backward pass that touches only the winners.

    torch's maximum that also says which one it was is ten times slower than the one that does not. So each gathered
    value carries its column in its last mantissa bits (4 bits of 23 for k = 16), and the plain maximum brings it along.
    Winners can differ from the true ones where values agree to one part in 500 000.
    """

    @staticmethod
    def forward(x: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        mask = (1 << max(1, (index.shape[1] - 1).bit_length())) - 1
        column = torch.arange(index.shape[1], dtype=torch.int32, device=x.device)[:, None]
        row = index.new_empty(len(index), x.shape[1])
        for part in _chunks(x, index):
            values = embedding(index[part], x).view(torch.int32).bitwise_and_(~mask).bitwise_or_(column)
            winner = values.view(torch.float32).amax(dim=1).view(torch.int32) & mask
            torch.gather(index[part], 1, winner.long(), out=row[part])
        row = row.long()  # which is what can be scattered to
        return x.gather(0, row), row

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: tuple[Tensor, Tensor]) -> None:
        ctx.rows = len(inputs[0])
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1])
        ctx.save_for_forward(output[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _row: Tensor) -> tuple[Tensor, None]:
        (row,) = ctx.saved_tensors
        return grad.new_zeros(ctx.rows, grad.shape[1]).scatter_add_(0, row, grad), None

    @staticmethod
    def jvp(ctx: Any, x_tangent: Tensor, _index: None) -> tuple[Tensor, None]:
        (row,) = ctx.saved_tensors
        return x_tangent.gather(0, row), None


def _chunks(x: Tensor, index: Tensor) -> Iterator[slice]:
    """Parts of `index` whose gathered rows fit the cache."""
    rows = max(1, _CHUNK_VALUES // (index.shape[1] * x.shape[1]))
    return (slice(start, start + rows) for start in range(0, len(index), rows))


def neighbour_max(x: Tensor, index: Tensor) -> Tensor:
    """Per-channel maximum over rows gathered from a table.

    Args:
        x: (n, c) float32 values.
        index: (m, k) rows of `x`, int32 or int64.

    Returns:
        (m, c), ``x[index].max(dim=1)``.
    """
    if torch.is_grad_enabled():
        result: Tensor = _NeighbourMax.apply(x, index)[0]
        return result
    out = x.new_empty(len(index), x.shape[1])
    for part in _chunks(x, index):
        torch.amax(embedding(index[part], x), dim=1, out=out[part])
    return out


class MaxEdgeConv(nn.Module):
    r"""EdgeConv with a linear message, folded onto the nodes.

    .. math::
        y_i = \max_{j \in N(i)} \mathrm{ReLU}(W x_j + V (p_j - p_i) / s + b)

    ReLU is monotonic, so the maximum can be taken before it; W x_j + V p_j is computed once per node and V p_i is taken
    off afterwards. The edges then carry no arithmetic at all: the layer costs two matrix products over the nodes and
    one gather. Wang et al. 2019 (EdgeConv), Qi et al. 2017 (PointNet++) for the relative position. It gives what
    `torch_geometric.nn.PointNetConv` with a linear network does (a test shows it), without an import that takes longer
    than the convolutions of a whole plot.

    Args:
        channels: width of `x` and of the result.
        scale: metres that count as 1 in relative positions (the voxel size of the level).

    Shapes:
        x (n, c), pos (n, 3), neighbours (n, k) table -> (n, c).
    """

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.node = nn.Linear(channels, channels)
        self.offset = nn.Linear(3, channels, bias=False)

    def forward(self, x: Tensor, pos: Tensor, neighbours: Tensor) -> Tensor:
        """Convolve; see the class for shapes."""

        def place(rows: slice) -> Tensor:
            where: Tensor = self.offset(pos[rows] / self.scale)
            return where

        message = by_rows(lambda rows: self.node(x[rows]) + place(rows), len(x))
        return by_rows(lambda rows: torch.relu(neighbour_max(message, neighbours[rows]) - place(rows)), len(x))
