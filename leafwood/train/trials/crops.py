"""What a comparison of training methods learns from and is scored on, prepared once and kept in a folder.

Every run reads the same graphs, so that nothing but the method differs and no run waits for data.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from leafwood.classes import IGNORE, LEAF, WOOD
from leafwood.config import to_dict
from leafwood.datasets.crops import CropConfig
from leafwood.datasets.stands import LabelledStand, load_stand
from leafwood.errors import BadConfig
from leafwood.graph.batching import Example, build_example
from leafwood.graph.config import GraphConfig
from leafwood.graph.scale import scale_normalisation
from leafwood.nn.structure import UNetConfig
from leafwood.train.joint import JointTask
from leafwood.train.pretext import PretextConfig, PretextTask
from leafwood.train.pyramid import PyramidSpec, PyramidTask, node_labels

__all__ = [
    "CropSet",
    "SmallCrops",
    "TrialSize",
    "held_out_cylinders",
    "imbalance",
    "keep",
    "load_graphs",
    "thin_to_ratio",
    "write_crop_sets",
]

_WOOD_SHARE = (0.01, 0.6)  # beyond these there is nothing to find, or nothing to tell it from


@dataclass(frozen=True)
class SmallCrops:
    """How the crops of a comparison differ from those of a configuration; fields as in ``CropConfig``.

    Wood is as common in the crops as in the thinned stands: none is sought, and no ground is let in.
    """

    max_points: int = 4000
    min_points: int = 1500
    radius: tuple[float, float] = (2.0, 3.5)
    on_wood: float = 0.0
    ground_left: float = 0.0


@dataclass(frozen=True)
class TrialSize:
    """How large a comparison is.

    Attributes:
        graph: graphs of every run.
        network: shape of every network; a configuration that asks for another width gets that multiple of it.
        crops: how they are cut.
        number: crops of each training set, of all stands together.
        clean_stands: the last of the training stands, from which nothing but clean trees is cut.
        clean_trees: how many.
        cylinders: held-out pieces of each stand.
        radius: of a cylinder, m.
        most_points: most points of a cylinder; those farthest from its axis are left out.
    """

    graph: GraphConfig = field(default_factory=lambda: GraphConfig(n_levels=4))
    network: UNetConfig = field(
        default_factory=lambda: UNetConfig(widths=(16, 24, 32, 48), encoder_convs=(1, 1, 1, 1), decoder_convs=(0, 1, 1))
    )
    crops: SmallCrops = field(default_factory=SmallCrops)
    number: int = 400
    clean_stands: int = 4
    clean_trees: int = 48
    cylinders: int = 2
    radius: float = 2.5
    most_points: int = 25_000

    def cut(self, crops: CropConfig) -> CropConfig:
        """The crops of a configuration, in the comparison's size."""
        return replace(crops, **asdict(self.crops))


@dataclass(frozen=True)
class CropSet:
    """A set of crops.

    Attributes:
        ratio: leaf voxels for each wood voxel of the stands it is cut from; 0 leaves them as they are.
        crops: how it is cut.
        clean: whole trees of the stands that nothing else is cut from.
        pretext: what is hidden, for graphs of the pretext task.
        labelled: whether such graphs have labels too, for joint self-supervision.
    """

    ratio: int
    crops: CropConfig
    clean: bool = False
    pretext: PretextConfig | None = None
    labelled: bool = False

    def file(self, folder: Path, size: TrialSize) -> Path:
        """Where it is kept: another set has another name."""
        told = json.dumps([to_dict(self), to_dict(size)], sort_keys=True)
        return folder / f"{hashlib.sha256(told.encode()).hexdigest()[:16]}.pt"


def write_crop_sets(sets: Iterable[CropSet], files: Sequence[Path], folder: Path, size: TrialSize) -> None:
    """Cut the sets that are not there yet; every stand is read once.

    Args:
        sets: what is wanted.
        files: labelled stands.
        folder: where the sets are kept.
        size: size of the comparison.

    Raises:
        BadConfig: too few stands, or none with both leaves and wood.
    """
    missing = {one: list[Example]() for one in sets if not one.file(folder, size).exists()}
    if not missing:
        return
    ordinary = len(files) - size.clean_stands
    if ordinary < 1:
        raise BadConfig(f"more than {size.clean_stands} training stands are needed, the last of them for clean trees")
    for number, path in enumerate(files):
        stand, clean = load_stand(path), number >= ordinary
        if not _mixed(stand) or (clean and not len(stand.trees)):
            continue
        n = size.clean_trees // size.clean_stands if clean else -(-size.number // ordinary)
        for one, graphs in missing.items():
            if one.clean == clean:
                graphs += _cut(one, stand, number, n, size)
    for one, graphs in missing.items():
        if not graphs:
            raise BadConfig("no training stand in leaf, or no whole tree in the last of them")
        keep(graphs, one.file(folder, size))


def _cut(one: CropSet, stand: LabelledStand, number: int, n: int, size: TrialSize) -> Iterator[Example]:
    """Some crops of a stand."""
    if one.ratio:
        stand = thin_to_ratio(stand, one.ratio, size.graph.size, np.random.default_rng(number))
    spec = PyramidSpec(graph=size.graph, network=size.network, crops=one.crops)
    task = PyramidTask(spec)
    if one.pretext:
        task = JointTask(spec, one.pretext) if one.labelled else PretextTask(spec, one.pretext)
    examples = task.examples([stand], (0, number), n)
    for place in range(n):
        graph = examples[place]
        graph.stand = str(number)
        yield graph


def thin_to_ratio(stand: LabelledStand, ratio: float, voxel: float, rng: np.random.Generator) -> LabelledStand:
    """A stand with so many leaf voxels for each wood voxel: voxels of the class there is too much of are emptied.

    Args:
        stand: with leaves and wood; its ground is left alone.
        ratio: leaf over wood.
        voxel: edge, m.
        rng: which voxels.
    """
    cell = np.floor(stand.xyz / voxel).astype(np.int64)
    _, node = np.unique(cell, axis=0, return_inverse=True)
    node = node.reshape(-1)
    plant = ~stand.ground
    labels = node_labels(np.where(plant, stand.label, IGNORE).astype(np.int8), node, int(node.max()) + 1)
    leaf, wood = (labels == LEAF).sum(), (labels == WOOD).sum()
    share = {LEAF: min(1.0, ratio * wood / leaf), WOOD: min(1.0, leaf / (ratio * wood))}
    emptied = np.zeros(len(labels), dtype=bool)
    for label, kept in share.items():
        emptied |= (labels == label) & (rng.random(len(labels)) >= kept)
    return stand.take(np.flatnonzero(~(emptied[node] & plant)))


def held_out_cylinders(files: Sequence[Path], folder: Path, size: TrialSize) -> list[Example]:
    """Untouched cylinders of other stands, all their points kept; cut once."""
    told = json.dumps([[str(path) for path in files], to_dict(size)])
    path = folder / f"held_out_{hashlib.sha256(told.encode()).hexdigest()[:16]}.pt"
    if not path.exists():
        keep([graph for file in files for graph in _cylinders(file, size)], path)
    return load_graphs(path)


def _cylinders(path: Path, size: TrialSize) -> Iterator[Example]:
    """Those of one stand; none of one without leaves."""
    stand = load_stand(path)
    if not _mixed(stand):
        return
    rng, plants = np.random.default_rng(0), stand.take(np.flatnonzero(~stand.ground))
    low, high = plants.xyz[:, :2].min(axis=0) + size.radius, plants.xyz[:, :2].max(axis=0) - size.radius
    for _ in range(size.cylinders):
        distance = np.hypot(*(plants.xyz[:, :2] - rng.uniform(low, high)).T)
        nearest: NDArray[np.int64] = np.argsort(distance)[: size.most_points]
        piece = plants.take(nearest[distance[nearest] < size.radius])
        if len(piece):
            xyz = piece.xyz - piece.xyz.min(axis=0)
            scale = np.float32(scale_normalisation(xyz, size.graph))
            graph, node = build_example(xyz * scale, piece.height * scale, size.graph)
            graph.y = torch.from_numpy(node_labels(piece.label, node, len(graph.pos0)))
            yield graph


def _mixed(stand: LabelledStand) -> bool:
    """Whether there are both leaves and wood."""
    plants, wood = stand.centres
    return _WOOD_SHARE[0] <= len(wood) / len(plants) <= _WOOD_SHARE[1]


def imbalance(graphs: Iterable[Example]) -> float:
    """Leaf voxels for each wood voxel."""
    counts = torch.stack([torch.bincount(graph.y[graph.y != IGNORE], minlength=2) for graph in graphs]).sum(dim=0)
    return float(counts[LEAF] / counts[WOOD])


def keep(graphs: Sequence[Example], path: Path) -> None:
    """Write graphs as plain tensors, under a temporary name until done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half_done = path.with_suffix(".part")
    torch.save([graph.to_dict() for graph in graphs], half_done)
    half_done.rename(path)


def load_graphs(path: Path) -> list[Example]:
    """Read graphs that were kept."""
    tables: list[dict[str, Any]] = torch.load(path, weights_only=True)
    return [Example(**table) for table in tables]
