"""From points to the samples that SOUL's network reads, for training and for prediction alike.

Bai et al. (NeurIPS 2023, arXiv 2305.16963): geometric features of the whole cloud, points without them left out, then
geodesic voxelisation, unit cubes, and slices of 3000 points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from torch_geometric.data import Data

from leafwood.classes import IGNORE
from leafwood.datasets.stands import LabelledStand
from leafwood.errors import BadCloud
from leafwood.samplers.chunks import Chunks, chunk
from leafwood.samplers.gvd import GVDConfig, decompose
from leafwood.soul.features import soul_features
from leafwood.soul.released import decompose_as_released

__all__ = ["SoulConfig", "SoulSamples", "epochs", "prepare_cloud"]


@dataclass(frozen=True, kw_only=True)
class SoulConfig:
    """What SOUL's samples look like.

    Attributes:
        gvd: how clouds are cut for prediction.
        points: points of a sample.
        training_min_points: replaces `gvd.min_points` in training, as in the released code.
        released: do as the released code does: cut with its faults (:mod:`leafwood.soul.released`), leave out points
            that are alone within the smallest radius only, and standardise the features of each cloud by itself.
    """

    gvd: GVDConfig = field(default_factory=GVDConfig)
    points: int = 3000
    training_min_points: int = 10
    released: bool = False

    def for_training(self) -> SoulConfig:
        """The same with small pieces let in."""
        return replace(self, gvd=replace(self.gvd, min_points=self.training_min_points))


@dataclass(frozen=True, eq=False)
class Prepared:
    """A cloud of n points, ready for the network.

    Attributes:
        kept: (k,) int64, the points that have features.
        features: (k, 12) float32.
        chunks: samples; their indices count kept points.
    """

    kept: NDArray[np.int64]
    features: NDArray[np.float32]
    chunks: Chunks

    def sample(self, number: int) -> Data:
        """One sample: pos (points, 3) in the unit cube, x (points, 12), point (points,) among the kept ones."""
        index = self.chunks.index[number]
        return Data(
            x=torch.from_numpy(self.features[index]),
            pos=torch.from_numpy(self.chunks.unit[index]),
            point=torch.from_numpy(index),  # not `index`: Batch would count that on
        )


def prepare_cloud(xyz: NDArray[np.floating[Any]], config: SoulConfig) -> Prepared:
    """Describe and cut a cloud.

    Args:
        xyz: (n, 3) metres, without ground.
        config: how samples are cut.

    Returns:
        Its samples; always the same for the same points.
    """
    features = soul_features(xyz, fewest=2 if config.released else 3)
    kept = np.flatnonzero(np.isfinite(features).all(axis=1))
    features = features[kept]
    if config.released and len(kept):
        spread = np.maximum(features.std(axis=0, dtype=np.float64), 1e-6)
        features = ((features - features.mean(axis=0, dtype=np.float64)) / spread).astype(np.float32)
    pieces = (decompose_as_released if config.released else decompose)(xyz[kept], config.gvd)
    return Prepared(kept, features, chunk(xyz[kept], pieces, config.points, np.random.default_rng(0)))


class SoulSamples(Dataset[Data]):
    """Every sample of some labelled stands; ground and points of neither class are left out.

    Items are :meth:`Prepared.sample` with y (points,), int64 labels, LEAF or WOOD; metres (points, 3) in the stand; and
    stand, the name of its file.

    Args:
        stands: at least one labelled point between them.
        config: how they are cut.

    Raises:
        BadCloud: there is nothing to learn from.
    """

    def __init__(self, stands: Sequence[LabelledStand], config: SoulConfig) -> None:
        self._clouds: list[Prepared] = []
        self._labels: list[NDArray[np.int64]] = []
        self._places: list[NDArray[np.float32]] = []
        self._names = [stand.path.name for stand in stands]
        for stand in stands:
            known = stand.take(np.flatnonzero(~stand.ground & (stand.label != IGNORE)))
            cloud = prepare_cloud(known.xyz, config)
            self._clouds.append(cloud)
            self._labels.append(known.label[cloud.kept].astype(np.int64))
            self._places.append(known.xyz[cloud.kept])
        self._first = np.cumsum([0, *(len(cloud.chunks) for cloud in self._clouds)])
        if not self._first[-1]:
            raise BadCloud("no labelled vegetation to draw samples from")

    def __len__(self) -> int:
        return int(self._first[-1])

    def __getitem__(self, number: int) -> Data:
        if not 0 <= number < len(self):
            raise IndexError(number)
        stand = int(np.searchsorted(self._first, number, side="right")) - 1
        sample = self._clouds[stand].sample(number - int(self._first[stand]))
        sample.y = torch.from_numpy(self._labels[stand][sample.point.numpy()])
        sample.metres = torch.from_numpy(self._places[stand][sample.point.numpy()])
        sample.stand = self._names[stand]
        return sample

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each feature (12,), over all points."""
        features = np.concatenate([cloud.features for cloud in self._clouds])
        mean, std = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
        return torch.from_numpy(mean).float(), torch.from_numpy(std).float()


def epochs(n: int, length: int, rng: np.random.Generator) -> list[int]:
    """Numbers 0 to n - 1 in random order, again and again in other orders, `length` of them."""
    rounds = -(-length // n)
    return np.concatenate([rng.permutation(n) for _ in range(rounds)])[:length].tolist() if length else []
