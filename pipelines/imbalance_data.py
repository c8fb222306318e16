"""What the comparison of losses and methods learns from and is scored on, prepared once and kept in a folder.

Every run reads the same graphs, so that nothing but the method differs and no run waits for data.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
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
from leafwood.evaluate.evaluation import truth_of
from leafwood.graph.batching import Example, build_example
from leafwood.graph.build import Graph, build_graph
from leafwood.graph.config import GraphConfig
from leafwood.graph.scale import scale_normalisation
from leafwood.io.loaders import read
from leafwood.nn.structure import UNetConfig
from leafwood.train.joint import JointTask
from leafwood.train.pretext import PretextConfig, PretextTask
from leafwood.train.pyramid import PyramidSpec, PyramidTask, node_labels

GRAPH = GraphConfig(n_levels=4)
SHAPE = UNetConfig(widths=(16, 24, 32, 48), encoder_convs=(1, 1, 1, 1), decoder_convs=(0, 1, 1))
# Wood is as common in the crops as in the thinned stands: none is sought, and no ground is let in.
SMALL = {"max_points": 4000, "min_points": 1500, "radius": (2.0, 3.5), "on_wood": 0.0, "ground_left": 0.0}
CROPS = 400  # of each set
CLEAN_STANDS, CLEAN_TREES = 4, 48
WOOD_SHARE = (0.01, 0.6)  # beyond these there is nothing to find, or nothing to tell it from
CYLINDERS, RADIUS, MOST = 2, 2.5, 25_000  # held out, of each stand; metres; points
Tree = tuple[Graph, NDArray[np.int64], NDArray[np.int8]]


@dataclass(frozen=True)
class Wanted:
    """A set of crops.

    Attributes:
        ratio: leaf voxels for each wood voxel of the stands it is cut from; 0: as they are.
        crops: how it is cut.
        clean: whole trees of the stands that nothing else is cut from.
        pretext: what is hidden, for graphs of the pretext task.
        labelled: whether such graphs have labels too, for joint self-supervision.
        number: of crops, of all stands together.
    """

    ratio: int
    crops: CropConfig
    clean: bool = False
    pretext: PretextConfig | None = None
    labelled: bool = False
    number: int = CROPS

    def name(self) -> str:
        """Of its file: another set, another name."""
        told = json.dumps([to_dict(self), to_dict(GRAPH), CLEAN_STANDS], sort_keys=True)
        return f"{hashlib.sha256(told.encode()).hexdigest()[:16]}.pt"


def write_training_data(wanted: Sequence[Wanted], files: Sequence[Path], folder: Path) -> None:
    """Cut the sets that are not there yet; every stand is read once."""
    missing = {one: list[Example]() for one in wanted if not (folder / one.name()).exists()}
    if not missing:
        return
    if len(files) <= CLEAN_STANDS:
        raise BadConfig(f"--train: more than {CLEAN_STANDS} stands are needed, the last of them for clean trees")
    for number, path in enumerate(files):
        print(f"crops of {path}", flush=True)
        stand, clean = load_stand(path), number >= len(files) - CLEAN_STANDS
        if not _mixed(stand) or (clean and not len(stand.trees)):
            continue
        for one, graphs in missing.items():
            if one.clean == clean:
                n = CLEAN_TREES // CLEAN_STANDS if clean else -(-one.number // (len(files) - CLEAN_STANDS))
                graphs += _cut(one, stand, number, n)
    for one, graphs in missing.items():
        if not graphs:
            raise BadConfig("--train: no stand in leaf, or no whole tree in the last of them")
        _save(graphs, folder / one.name())


def imbalance(graphs: Iterable[Example]) -> float:
    """Leaf voxels for each wood voxel."""
    counts = sum(torch.bincount(graph.y[graph.y != IGNORE], minlength=2) for graph in graphs)
    return float(counts[LEAF] / counts[WOOD])


def held_out(files: Sequence[Path], folder: Path) -> list[Example]:
    """Untouched cylinders of other stands, all their points kept."""
    told = json.dumps([[str(path) for path in files], to_dict(GRAPH), CYLINDERS, RADIUS, MOST])
    path = folder / f"held_out_{hashlib.sha256(told.encode()).hexdigest()[:16]}.pt"
    if not path.exists():
        _save([graph for file in files for graph in _cylinders(file)], path)
    return load_graphs(path)


def labelled_tree(path: Path) -> Tree:
    """A labelled file as one graph, the voxel of each point, and the truth of each point."""
    cloud = read(path)
    unknown = np.full(len(cloud), np.nan, dtype=np.float32)
    xyz = cloud.xyz - cloud.xyz.min(axis=0)
    graph, node = build_graph(xyz * np.float32(scale_normalisation(xyz, GRAPH)), unknown, GRAPH)
    return graph, node, truth_of(cloud, "gt_wood")


def _cut(one: Wanted, stand: LabelledStand, number: int, n: int) -> Iterator[Example]:
    """Some crops of a stand."""
    if one.ratio:
        stand = thinned(stand, one.ratio, np.random.default_rng(number))
    spec = PyramidSpec(graph=GRAPH, network=SHAPE, crops=one.crops)
    task = PyramidTask(spec)
    if one.pretext:
        task = JointTask(spec, one.pretext) if one.labelled else PretextTask(spec, one.pretext)
    examples = task.examples([stand], (0, number), n)
    for place in range(n):
        graph = examples[place]
        graph.stand = torch.tensor([number])
        yield graph


def thinned(stand: LabelledStand, ratio: float, rng: np.random.Generator) -> LabelledStand:
    """A stand with so many leaf voxels for each wood voxel: voxels of the class there is too much of are emptied.

    Args:
        stand: with leaves and wood.
        ratio: leaf over wood.
        rng: which voxels.
    """
    cell = np.floor(stand.xyz / GRAPH.size).astype(np.int64)
    _, voxel = np.unique(cell, axis=0, return_inverse=True)
    voxel = voxel.reshape(-1)
    plant = ~stand.ground
    labels = node_labels(np.where(plant, stand.label, IGNORE).astype(np.int8), voxel, int(voxel.max()) + 1)
    leaf, wood = (labels == LEAF).sum(), (labels == WOOD).sum()
    keep = {LEAF: min(1.0, ratio * wood / leaf), WOOD: min(1.0, leaf / (ratio * wood))}
    emptied = np.zeros(len(labels), dtype=bool)
    for label, share in keep.items():
        emptied |= (labels == label) & (rng.random(len(labels)) >= share)
    return stand.take(np.flatnonzero(~(emptied[voxel] & plant)))


def _cylinders(path: Path) -> Iterator[Example]:
    """Of one stand; none of one without leaves."""
    stand = load_stand(path)
    if not _mixed(stand):
        return
    rng, plants = np.random.default_rng(0), stand.take(np.flatnonzero(~stand.ground))
    low, high = plants.xyz[:, :2].min(axis=0) + RADIUS, plants.xyz[:, :2].max(axis=0) - RADIUS
    for _ in range(CYLINDERS):
        distance = np.hypot(*(plants.xyz[:, :2] - rng.uniform(low, high)).T)
        nearest = np.argsort(distance)[:MOST]
        piece = plants.take(nearest[distance[nearest] < RADIUS])
        if len(piece):
            xyz = piece.xyz - piece.xyz.min(axis=0)
            scale = np.float32(scale_normalisation(xyz, GRAPH))
            graph, node = build_example(xyz * scale, piece.height * scale, GRAPH)
            graph.y = torch.from_numpy(node_labels(piece.label, node, len(graph.pos0)))
            yield graph


def _mixed(stand: LabelledStand) -> bool:
    """Whether there are both leaves and wood."""
    plants, wood = stand.centres
    return WOOD_SHARE[0] <= len(wood) / len(plants) <= WOOD_SHARE[1]


def _save(graphs: Sequence[Example], path: Path) -> None:
    """Write graphs as plain tensors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half_done = path.with_suffix(".part")
    torch.save([graph.to_dict() for graph in graphs], half_done)
    half_done.rename(path)


def load_graphs(path: Path) -> list[Example]:
    """Read graphs that were kept."""
    tables: list[dict[str, Any]] = torch.load(path, weights_only=True)
    return [Example(**table) for table in tables]


def small(crops: CropConfig) -> CropConfig:
    """The crops of a configuration, in the comparison's size."""
    return replace(crops, **SMALL)
