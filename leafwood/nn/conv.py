"""Graph convolution for graphs of fixed degree, and the fused gather-and-maximum it is made of."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["MaxEdgeConv", "neighbour_max", "plain_neighbour_max"]

_VALUES = 1 << 17  # worked on at once: half a megabyte stays in the cache


class _NeighbourMax(torch.autograd.Function):
    """Gather and maximum, column by column of the table, with a backward pass that touches only the winners.

    On processors torch's maximum that also says which one it was is ten times slower than the one that does not. So
    each gathered value carries its column in its last mantissa bits (4 bits of 23 for k = 16), and the plain maximum
    brings it along. Winners can differ from the true ones where values agree to one part in 500 000. On a GPU that
    would be a thousand small kernels, and the plain gather and maximum of :func:`plain_neighbour_max` are used.
    """

    @staticmethod
    def forward(x: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        if x.is_cuda:
            return plain_neighbour_max(x, index)
        mask = (1 << max(1, (index.shape[1] - 1).bit_length())) - 1
        cleared = x.view(torch.int32).bitwise_and(~mask)
        row = torch.empty(len(index), x.shape[1], dtype=torch.int64, device=x.device)
        step = max(1, _VALUES // x.shape[1])
        for start in range(0, len(index), step):
            part = index[start : start + step]
            columns = part.t().contiguous()
            best = cleared.index_select(0, columns[0])
            other = torch.empty_like(best)
            for number, column in enumerate(columns[1:], start=1):
                torch.index_select(cleared, 0, column, out=other)
                other.bitwise_or_(number)
                values = best.view(torch.float32)
                torch.maximum(values, other.view(torch.float32), out=values)
            torch.gather(part.long(), 1, best.bitwise_and_(mask).long(), out=row[start : start + step])
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


def neighbour_max(x: Tensor, index: Tensor) -> Tensor:
    """Per-channel maximum over rows gathered from a table.

    Args:
        x: (n, c) float32 values.
        index: (m, k) rows of `x`, int32 or int64.

    Returns:
        (m, c), ``x[index].max(dim=1)``.
    """
    result: Tensor = _NeighbourMax.apply(x, index)[0]
    return result


def plain_neighbour_max(x: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """What :func:`neighbour_max` computes, by one gather and one maximum: the few large kernels that suit a GPU.

    Args:
        x: (n, c) values.
        index: (m, k) rows of `x`, int32 or int64.

    Returns:
        The maximum (m, c), and the row (m, c) of `x` that it comes from.
    """
    index = index.long()
    value, column = x[index].max(dim=1)
    return value, index.gather(1, column)


class MaxEdgeConv(nn.Module):
    r"""EdgeConv with a linear message, folded onto the nodes.

    .. math::
        y_i = \max_{j \in N(i)} \mathrm{ReLU}(W x_j + V (p_j - p_i) / s + b)

    ReLU is monotonic, so the maximum can be taken before it; W x_j + V p_j is computed once per node and V p_i is taken
    off afterwards. The edges then carry no arithmetic at all: the layer costs two matrix products over the nodes and
    one gather. Wang et al. 2019 (EdgeConv), Qi et al. 2017 (PointNet++) for the relative position. It gives what
    `torch_geometric.nn.PointNetConv` with a linear network does (a test shows it).

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
        place = self.offset(pos / self.scale)
        return torch.relu(neighbour_max(self.node(x) + place, neighbours) - place)
