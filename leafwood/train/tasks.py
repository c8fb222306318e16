"""What is trained: which examples a network sees, the network, and how it is saved. The loop is the same for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import Dataset, Subset
from torch_geometric.data import Data

from leafwood.classes import IGNORE
from leafwood.cloud import PointCloud
from leafwood.datasets.crops import CropConfig, draw_crop
from leafwood.datasets.stands import LabelledStand
from leafwood.density.returns import inverse_weight
from leafwood.graph.batching import Example, build_example
from leafwood.graph.build import GraphConfig, scale_normalisation
from leafwood.inference.model_file import save_model
from leafwood.nn.pointnet2 import PointNet2
from leafwood.nn.shape import UNetConfig
from leafwood.nn.unet import PyramidUNet
from leafwood.samplers.decay import sampling_intensity
from leafwood.soul.samples import SoulConfig, SoulSamples, epochs
from leafwood.soul.segmenter import SoulModel, save_soul
from leafwood.train.balance import even_classes

__all__ = ["PyramidTask", "SoulTask", "State", "Task", "node_labels"]

_UNSURE = 0.2  # the spacing of a crop is not quite that of its scan; relative
State = dict[str, Any]


class Task(Protocol):
    """What the training loop needs to know of a network."""

    def examples(self, stands: Sequence[LabelledStand], seed: tuple[int, int], length: int) -> Dataset[Data]:
        """Labelled examples (`y` per node), number i always the same for the same seed."""

    def network(self, stands: Sequence[LabelledStand]) -> nn.Module:
        """A fresh network, from a batch of examples to logits (m, 2)."""

    def save(self, state: State, provenance: dict[str, Any], path: Path) -> None:
        """Write weights and card."""


class PyramidTask:
    """leafwood's graph U-Net on crops."""

    def __init__(
        self,
        graph: GraphConfig,
        network: UNetConfig,
        crops: CropConfig,
        density_weights: bool = False,
        even_crops: bool = False,
    ) -> None:
        self.graph, self.shape, self.crops = graph, network, crops
        self.density_weights, self.even_crops = density_weights, even_crops

    def examples(self, stands: Sequence[LabelledStand], seed: tuple[int, int], length: int) -> Dataset[Data]:
        """Crops as pyramid graphs; with a kind of weights they have the `weight` (m,) of each finest voxel."""
        return _Crops(stands, self, seed, length)

    def network(self, stands: Sequence[LabelledStand]) -> nn.Module:
        """An untrained U-Net."""
        return PyramidUNet(self.graph, self.shape)

    def example(self, crop: LabelledStand, rng: np.random.Generator) -> Example:
        """The graph of a crop, with the commoner label of each finest voxel as y."""
        graph, node = build_example(crop.xyz, crop.height, self.graph, crop.cloud().returns())
        graph.y = torch.from_numpy(node_labels(crop.label, node, len(graph.pos0)))
        return graph

    def save(self, state: State, provenance: dict[str, Any], path: Path) -> None:
        """Write a :class:`~leafwood.inference.model_file.Model`."""
        weights = {name: value.detach().cpu().numpy() for name, value in state.items()}
        save_model(weights, self.graph, self.shape, provenance, path)


class SoulTask:
    """SOUL's PointNet++ on slices of geodesic pieces (Bai et al., NeurIPS 2023)."""

    def __init__(self, config: SoulConfig) -> None:
        self.config = config
        self._prepared: dict[int, SoulSamples] = {}

    def _samples(self, stands: Sequence[LabelledStand]) -> SoulSamples:
        """The samples of some stands, cut once."""
        if id(stands) not in self._prepared:
            self._prepared[id(stands)] = SoulSamples(stands, self.config.for_training())
        return self._prepared[id(stands)]

    def examples(self, stands: Sequence[LabelledStand], seed: tuple[int, int], length: int) -> Dataset[Data]:
        """Every sample in random order, again and again."""
        samples = self._samples(stands)
        return Subset(samples, epochs(len(samples), length, np.random.default_rng(seed)))

    def network(self, stands: Sequence[LabelledStand]) -> nn.Module:
        """An untrained PointNet++ that knows the training features' mean and spread."""
        network = PointNet2()
        network.set_statistics(*self._samples(stands).statistics())
        return network

    def save(self, state: State, provenance: dict[str, Any], path: Path) -> None:
        """Write a :class:`~leafwood.soul.segmenter.SoulModel`."""
        kept = PointNet2()
        kept.load_state_dict(state)
        save_soul(SoulModel(kept.eval(), self.config, provenance), path)


class _Crops(Dataset[Example]):
    """Crop number i of a run."""

    def __init__(self, stands: Sequence[LabelledStand], task: PyramidTask, seed: tuple[int, int], length: int) -> None:
        self.stands, self.task, self.seed, self.length = stands, task, seed, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> Example:
        rng = np.random.default_rng((*self.seed, number))
        crop = draw_crop(self.stands[int(rng.integers(len(self.stands)))], self.task.crops, rng)
        scale = np.float32(scale_normalisation(crop.xyz, self.task.graph))
        if scale < 1:
            scale *= np.float32(np.exp(rng.uniform(-_UNSURE, _UNSURE)))
        graph = self.task.example(replace(crop, xyz=crop.xyz * scale, height=crop.height * scale), rng)
        if self.task.density_weights:
            # of the voxels, which the loss counts; heights above the lowest of them will do for a crop
            voxels = PointCloud(graph.pos0.numpy(), columns={"height_ag": np.full(len(graph.pos0), np.nan)})
            graph.weight = torch.from_numpy(inverse_weight(sampling_intensity(voxels)))
        if self.task.even_crops:
            even = even_classes(graph.y)
            graph.weight = even * graph.weight if "weight" in graph else even
        return graph


def node_labels(label: NDArray[np.int8], node: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Labels of voxels: the commoner one of their labelled points.

    Args:
        label: (p,) LEAF, WOOD or IGNORE.
        node: (p,) voxel of each point.
        n: number of voxels.

    Returns:
        (n,), IGNORE where no point has a label.
    """
    wood = np.bincount(node[label == 1], minlength=n)
    leaf = np.bincount(node[label == 0], minlength=n)
    return np.where(wood + leaf == 0, IGNORE, (wood > leaf).astype(np.int64))
