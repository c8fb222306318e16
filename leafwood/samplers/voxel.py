"""Even samples: one point per voxel, or no two points closer than a distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig
from leafwood.samplers.base import Sample
from leafwood.spatial.order import morton_codes, voxel_cells

__all__ = ["PoissonDiskSampler", "VoxelSampler"]

Integers = NDArray[np.int64]
_CANDIDATES = 500_000  # of a round, so that their pairs fit in memory


@dataclass(frozen=True)
class VoxelSampler:
    """One point of every occupied voxel.

    The grid is anchored at the origin of the cloud's local coordinates, so parts of one cloud share their voxels.

    Attributes:
        size: voxel edge, metres.
        keep: which point: the ``central`` one (ties: least x, then y, then z), which does not depend on the order of
            the points, or the ``first`` one, which is faster.
    """

    size: float
    keep: Literal["central", "first"] = "central"

    def __post_init__(self) -> None:
        _check("size", self.size)
        if self.keep not in ("central", "first"):
            raise BadConfig(f"keep must be central or first, not {self.keep!r}")

    def __call__(self, cloud: PointCloud, rng: np.random.Generator | None = None) -> Sample:
        """Sample a cloud; nothing is left to chance.

        Raises:
            BadCloud: the points span more than 2**21 voxels.
        """
        cells = voxel_cells(cloud.xyz, self.size)
        codes = morton_codes(cells)
        if self.keep == "first":
            return _even(np.unique(codes, return_index=True)[1])
        away = ((cloud.xyz / np.float64(self.size) - cells - 0.5) ** 2).sum(axis=1)
        x, y, z = cloud.xyz.T
        order = np.lexsort((z, y, x, away, codes))
        return _even(order[_first_of_runs(codes[order])])


@dataclass(frozen=True)
class PoissonDiskSampler:
    """Points that are all further apart than a distance, and so many that no other could be added.

    Rounds of dart throwing: the points have ranks drawn at random, and those that outrank every point near them are
    kept; what lies near a kept point is out. Only the best of each cell that is narrower than the distance is compared,
    so the cost does not grow with the square of the density.

    Attributes:
        distance: metres.
    """

    distance: float

    def __post_init__(self) -> None:
        _check("distance", self.distance)

    def __call__(self, cloud: PointCloud, rng: np.random.Generator) -> Sample:
        """Sample a cloud.

        Raises:
            BadCloud: the points span more than 2**21 times the distance, over the root of 3.
        """
        from scipy.spatial import cKDTree

        xyz = cloud.xyz.astype(np.float64)
        rank = rng.permutation(len(xyz))
        codes = morton_codes(voxel_cells(xyz, self.distance / np.sqrt(3)))
        left = np.lexsort((rank, codes))
        kept = [left[:0]]
        while len(left):
            best = left[_first_of_runs(codes[left])]
            best = best[np.argsort(rank[best])[:_CANDIDATES]]  # the better rank comes first
            pairs = cKDTree(xyz[best]).query_pairs(self.distance, output_type="ndarray")
            beaten = np.zeros(len(best), dtype=bool)
            beaten[pairs.max(axis=1)] = True
            kept.append(best[~beaten])
            reach = np.nextafter(self.distance, np.inf)  # scipy looks for less than this
            away, _ = cKDTree(xyz[kept[-1]]).query(xyz[left], distance_upper_bound=reach)
            left = left[away > self.distance]
        return _even(np.concatenate(kept))


def _check(name: str, metres: float) -> None:
    if not 0 < metres < np.inf:
        raise BadConfig(f"{name} must be a length above 0 m, not {metres}")


def _first_of_runs(codes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Where sorted codes (n,) differ from the one before."""
    first = np.ones(len(codes), dtype=bool)
    np.not_equal(codes[1:], codes[:-1], out=first[1:])
    return first


def _even(index: Integers) -> Sample:
    return Sample(np.sort(index), np.ones(len(index), dtype=np.float32))
