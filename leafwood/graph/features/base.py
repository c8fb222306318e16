"""What a group of input features is: named columns, where they stand, and how they come about."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["FeatureGroup", "Nodes", "Points"]


@dataclass(frozen=True, eq=False)
class Points:
    """What is known of n points beside their places.

    Attributes:
        height: (n,) metres above ground, NaN where unknown.
        returns: (n, 2) return number and number of returns, 0 where unknown.
    """

    height: NDArray[np.float32]
    returns: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Nodes:
    """The m voxels of one level of the pyramid, as a feature group sees them.

    Attributes:
        xyz: (m, 3) metres.
        codes: (m,) Morton codes of their cells, ascending.
        neighbours: (m, K) positions of the nearest voxels, nearest first, the voxel itself included.
        distance: (m, K) metres to them.
        scales: numbers of neighbours over which this level's geometry is described.
        k: number of neighbours that the network's convolutions read.
        count: (m,) points in each voxel.
        sums: (m, c) sums of the group's :meth:`FeatureGroup.of_points` over the points of each voxel.
        threads: that work on them, where a kernel is there to do so.
    """

    xyz: NDArray[np.float32]
    codes: NDArray[np.uint64]
    neighbours: NDArray[np.int32]
    distance: NDArray[np.float32]
    scales: tuple[int, ...]
    k: int
    count: NDArray[np.int64]
    sums: NDArray[np.float64]
    threads: int = 1


class FeatureGroup(ABC):
    """Some columns of the network's input that belong together.

    Attributes:
        name: by which a configuration asks for the group.
        finest_only: whether only the finest level has the group; the others' voxels are too coarse for it.
        described: whether the scan descriptor has the group's means, which say how unlike known scans a scan is.
    """

    name: ClassVar[str]
    finest_only: ClassVar[bool] = False
    described: ClassVar[bool] = True

    @abstractmethod
    def columns(self, scales: tuple[int, ...]) -> tuple[str, ...]:
        """Names of the group's columns on a level that is described over these numbers of neighbours."""

    @abstractmethod
    def of_nodes(self, nodes: Nodes) -> NDArray[np.float32]:
        """The columns (m, c) of a level's voxels; all zero for a voxel of which nothing is known."""

    def of_points(self, points: Points) -> NDArray[np.floating[Any]]:
        """What is added up (n, c) over the points of each voxel before :meth:`of_nodes` is asked; most need nothing."""
        return np.zeros((len(points.height), 0), dtype=np.float32)
