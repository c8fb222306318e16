"""SOUL's network as a training task: slices of geodesic pieces (Bai et al., NeurIPS 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch.utils.data import Dataset, Subset
from torch_geometric.data import Data

from leafwood.datasets.crops import CropConfig
from leafwood.datasets.stands import LabelledStand
from leafwood.losses import LossConfig
from leafwood.nn.pointnet2 import PointNet2
from leafwood.soul.samples import SoulConfig, SoulSamples, epochs
from leafwood.soul.segmenter import SoulModel, save_soul
from leafwood.train.balance import Balance
from leafwood.train.tasks import State

__all__ = ["SoulSpec", "SoulTask"]


@dataclass(frozen=True, kw_only=True)
class SoulSpec:
    """The SOUL baseline.

    Attributes:
        kind: kind of the model.
        samples: what its network reads.
    """

    kind: Literal["soul"] = "soul"
    samples: SoulConfig = field(default_factory=SoulConfig)


class SoulTask:
    """SOUL's PointNet++ on its samples.

    Args:
        spec: the samples.
    """

    def __init__(self, spec: SoulSpec) -> None:
        self.spec = spec
        self._prepared: list[tuple[Sequence[LabelledStand], SoulSamples]] = []

    def _samples(self, stands: Sequence[LabelledStand]) -> SoulSamples:
        """The samples of some stands, cut once."""
        for known, samples in self._prepared:
            if known is stands:
                return samples
        samples = SoulSamples(stands, self.spec.samples.for_training())
        self._prepared.append((stands, samples))
        return samples

    def examples(self, stands: Sequence[LabelledStand], seed: tuple[int, int], length: int) -> Dataset[Data]:
        """Every sample in random order, again and again."""
        samples = self._samples(stands)
        return Subset(samples, epochs(len(samples), length, np.random.default_rng(seed)))

    def whole_trees(self) -> SoulTask:
        """The same task: SOUL cuts trees and stands alike."""
        return self

    def with_crops(self, crops: CropConfig) -> SoulTask:
        """The same task: SOUL learns from samples of its own."""
        return self

    def balance(self, sample: Sequence[Data], losses: Sequence[LossConfig]) -> Balance | None:
        """None: SOUL's loss draws a balanced share of the points itself."""
        return None

    def network(self, stands: Sequence[LabelledStand]) -> PointNet2:
        """An untrained PointNet++ that knows the training features' mean and spread."""
        network = PointNet2()
        network.set_statistics(*self._samples(stands).statistics())
        return network

    def save(self, state: State, provenance: dict[str, Any], path: Path) -> None:
        """Write a :class:`~leafwood.soul.segmenter.SoulModel`."""
        kept = PointNet2()
        kept.load_state_dict(state)
        save_soul(SoulModel(kept.eval(), self.spec.samples, provenance), path)
