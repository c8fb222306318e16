"""leafwood's graph U-Net as a training task: crops of labelled stands as pyramid graphs."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset
from torch_geometric.data import Data

from leafwood.classes import IGNORE, OUTPUTS, part_outputs
from leafwood.cloud import PointCloud
from leafwood.datasets.crops import CropConfig, draw_crop
from leafwood.datasets.stands import LabelledStand
from leafwood.density.returns import inverse_weight
from leafwood.errors import BadCloud, BadConfig
from leafwood.graph.batching import Example, build_example
from leafwood.graph.config import GraphConfig
from leafwood.graph.scale import scale_normalisation
from leafwood.inference.model_file import save_model
from leafwood.losses import LossConfig
from leafwood.nn.structure import UNetConfig, unet_structure
from leafwood.nn.unet import PyramidUNet
from leafwood.samplers.decay import sampling_intensity
from leafwood.train.balance import Balance, even_classes, is_wanted
from leafwood.train.tasks import State

__all__ = ["PyramidSpec", "PyramidTask", "node_labels"]

_UNSURE = 0.2  # the spacing of a crop is not quite that of its scan; relative


@dataclass(frozen=True, kw_only=True)
class PyramidSpec:
    """leafwood's own network and the crops that it learns from.

    Attributes:
        kind: kind of the model.
        graph: the graphs.
        network: the network's shape.
        crops: what examples look like.
        balance: weigh points so that leaf and wood have the same mass at every point spacing; see
            :class:`~leafwood.train.balance.Balance`. None balances them unless a loss does so by itself; then
            they would count twice, which a run that asks for it by name is warned of.
        density_weights: weigh points by the inverse density of sampling in their crop, on top of `balance`: the lower
            canopy then counts for as much as the crown tops; see :mod:`leafwood.density.returns`.
        even_crops: weigh points so that leaf and wood have the same mass in every crop, on top of `balance`; wood that
            is rare in its stand then counts for as much as that of leafless trees.

    Raises:
        BadConfig: the network's shape has fewer levels than the graph, or `balance` or `even_crops` with other outputs
            than leaf and wood.
    """

    kind: Literal["pyramid"] = "pyramid"
    graph: GraphConfig = field(default_factory=GraphConfig)
    network: UNetConfig = field(default_factory=UNetConfig)
    crops: CropConfig = field(default_factory=CropConfig)
    balance: bool | None = None
    density_weights: bool = False
    even_crops: bool = False

    def __post_init__(self) -> None:
        unet_structure(self.graph, self.network)
        if self.network.outputs != "wood" and (self.balance or self.even_crops):
            raise BadConfig(
                "balance and even_crops weigh leaf against wood; with other outputs use a loss that balances"
            )


class PyramidTask:
    """leafwood's graph U-Net on crops.

    Args:
        spec: network and crops.
    """

    def __init__(self, spec: PyramidSpec) -> None:
        self.spec = spec

    def examples(self, stands: Sequence[LabelledStand], seed: tuple[int, int], length: int) -> Dataset[Data]:
        """Crops as pyramid graphs; with a kind of weights they have the `weight` (m,) of each finest voxel."""
        return _Crops(stands, self, seed, length)

    def whole_trees(self) -> PyramidTask:
        """The same task on crops that are whole trees."""
        return self.with_crops(replace(self.spec.crops, single_tree=1.0))

    def with_crops(self, crops: CropConfig) -> PyramidTask:
        """The same task on other crops."""
        task = copy.copy(self)
        task.spec = replace(self.spec, crops=crops)
        return task

    def balance(self, sample: Sequence[Data], losses: Sequence[LossConfig]) -> Balance | None:
        """Weights that balance leaf and wood at every point spacing, where they are wanted."""
        if self.spec.network.outputs != "wood":
            return None
        wanted = is_wanted(self.spec.balance, losses, self.spec.even_crops)
        return Balance.of(sample, self.spec.graph) if wanted else None

    def network(self, stands: Sequence[LabelledStand]) -> PyramidUNet:
        """An untrained U-Net."""
        return PyramidUNet(self.spec.graph, self.spec.network)

    def example(self, crop: LabelledStand, rng: np.random.Generator) -> Example:
        """The graph of a crop, with labels; see :meth:`labelled`."""
        return self.labelled(crop)[0]

    def labelled(self, crop: LabelledStand) -> tuple[Example, NDArray[np.int64]]:
        """The graph of a crop, with the commonest label of each finest voxel as y, and the voxel of each point.

        Raises:
            BadCloud: parts are to be told apart, and the stand does not say which they are.
        """
        graph, node = build_example(crop.xyz, crop.height, self.spec.graph, crop.cloud().returns())
        label, outputs = crop.label, self.spec.network.outputs
        if outputs == "parts":
            if crop.part is None:
                raise BadCloud(f"{crop.path}: no column gt_part, which `outputs: parts` learns from")
            label = part_outputs(label, crop.part)
        graph.y = torch.from_numpy(node_labels(label, node, len(graph.pos0), len(OUTPUTS[outputs])))
        return graph, node

    def save(self, state: State, provenance: dict[str, Any], path: Path) -> None:
        """Write a :class:`~leafwood.inference.model_file.Model`."""
        weights = {name: value.detach().cpu().numpy() for name, value in state.items()}
        save_model(weights, self.spec.graph, self.spec.network, provenance, path)


class _Crops(Dataset[Example]):
    """Crop number i of a run."""

    def __init__(self, stands: Sequence[LabelledStand], task: PyramidTask, seed: tuple[int, int], length: int) -> None:
        self.stands, self.task, self.seed, self.length = stands, task, seed, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> Example:
        rng = np.random.default_rng((*self.seed, number))
        crop = draw_crop(self.stands[int(rng.integers(len(self.stands)))], self.task.spec.crops, rng)
        scale = np.float32(scale_normalisation(crop.xyz, self.task.spec.graph))
        if scale < 1:
            scale *= np.float32(np.exp(rng.uniform(-_UNSURE, _UNSURE)))
        graph = self.task.example(replace(crop, xyz=crop.xyz * scale, height=crop.height * scale), rng)
        if self.task.spec.density_weights:
            # of the voxels, which the loss counts; heights above the lowest of them will do for a crop
            voxels = PointCloud(graph.pos0.numpy(), columns={"height_ag": np.full(len(graph.pos0), np.nan)})
            graph.weight = torch.from_numpy(inverse_weight(sampling_intensity(voxels)))
        if self.task.spec.even_crops:
            even = even_classes(graph.y)
            graph.weight = even * graph.weight if "weight" in graph else even
        graph.stand = crop.path.name
        return graph


def node_labels(
    label: NDArray[np.int8], node: NDArray[np.int64], n: int, classes: int = len(OUTPUTS["wood"])
) -> NDArray[np.int64]:
    """Labels of voxels: the commonest one of their labelled points, the first of those that are equally common.

    Args:
        label: (p,) class of each point, or IGNORE.
        node: (p,) voxel of each point.
        n: number of voxels.
        classes: number of classes.

    Returns:
        (n,), IGNORE where no point has a label.
    """
    counts = np.stack([np.bincount(node[label == one], minlength=n) for one in range(classes)])
    return np.where(counts.sum(axis=0) == 0, IGNORE, counts.argmax(axis=0))
