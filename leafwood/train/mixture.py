"""Training examples from several kinds of stands, each kind with its share and with crops of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch.utils.data import Dataset
from torch_geometric.data import Data

from leafwood.datasets.stands import LabelledStand
from leafwood.train.tasks import Task

__all__ = ["Pool", "mixed_examples"]

_CHOICE = 1  # marks the random numbers that choose a pool; the crops draw from others


class Pool(NamedTuple):
    """Stands that give a share of the examples.

    Attributes:
        task: what makes examples of them.
        stands: labelled stands.
        share: share of the examples; the shares of all pools add up to 1.
    """

    task: Task
    stands: Sequence[LabelledStand]
    share: float


def mixed_examples(pools: Sequence[Pool], seed: tuple[int, int], length: int) -> Dataset[Data]:
    """A data set each of whose examples comes from one of several pools, drawn by their shares.

    Args:
        pools: one or more; the examples of one pool alone are those that its task makes.
        seed: the same seed gives the same examples.
        length: number of examples.
    """
    parts = [pool.task.examples(pool.stands, seed, length) for pool in pools]
    return parts[0] if len(parts) == 1 else _Mixture(parts, [pool.share for pool in pools], seed, length)


class _Mixture(Dataset[Data]):
    """Example number i is number i of one of several data sets of the same length."""

    def __init__(
        self, parts: Sequence[Dataset[Data]], shares: Sequence[float], seed: tuple[int, int], length: int
    ) -> None:
        self.parts, self.seed, self.length = parts, seed, length
        self.edges = np.cumsum(np.maximum(shares, 0.0)) / np.maximum(shares, 0.0).sum()

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> Data:
        draw = np.random.default_rng((*self.seed, _CHOICE, number)).random()
        return self.parts[int(np.searchsorted(self.edges[:-1], draw, side="right"))][number]
