"""Variants of the network beside one another: all learn from the same crops and are scored on the same points.

Voxels of unequal size cannot be compared, so scores are of points.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from leafwood.config import to_dict
from leafwood.datasets.stands import LabelledStand, load_stand
from leafwood.evaluate.metrics import Scores, score
from leafwood.graph.batching import Example, build_example
from leafwood.graph.config import GraphConfig
from leafwood.nn.unet import PyramidUNet
from leafwood.soul.samples import epochs
from leafwood.train.config import TrainConfig
from leafwood.train.data import TrainingSet
from leafwood.train.loop import fit
from leafwood.train.pyramid import PyramidTask, node_labels
from leafwood.train.trials.crops import keep, load_graphs
from leafwood.train.trials.variants import VARIANTS, Variant, rewired

__all__ = ["SCORES", "cut_crops", "run_variant"]

_SAMPLE = 64  # crops that classes and spacings are counted in
SCORES = ("auroc", "g_mean", "wood_recall", "leaf_recall", "wood_iou", "ece")


class _Coordinates(PyramidTask):
    """Crops as training cuts, thins and scales them, before their graphs are built."""

    def example(self, crop: LabelledStand, rng: np.random.Generator) -> Example:
        arrays = {"xyz": crop.xyz, "height": crop.height, "label": crop.label}
        return Example(**{name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in arrays.items()})


def cut_crops(files: Sequence[Path], base: TrainConfig, n: int, folder: Path) -> Path:
    """Cut about n crops of some stands, the same for every variant, unless they are there.

    Args:
        files: labelled stands.
        base: run of the shipped network, which says how crops are cut.
        n: how many, of all stands together.
        folder: where they are kept.

    Returns:
        The file that they are in.
    """
    spec = base.pyramid
    told = json.dumps([[str(path) for path in files], to_dict(spec.graph), to_dict(spec.crops), n])
    kept = folder / f"crops_{hashlib.sha256(told.encode()).hexdigest()[:16]}.pt"
    if not kept.exists():
        task, each = _Coordinates(spec), -(-n // len(files))
        crops: list[Example] = []
        for number, path in enumerate(files):
            examples = task.examples([load_stand(path)], (0, number), each)
            crops += [examples[place] for place in range(each)]
        keep(crops, kept)
    return kept


@lru_cache(maxsize=4)
def _graphs(crops: Path, config: GraphConfig) -> list[Example]:
    """Graphs of the crops in a file, with y for every finest voxel and the voxel and label of every point."""
    return [_graph(crop, config) for crop in load_graphs(crops)]


def _graph(crop: Example, config: GraphConfig) -> Example:
    graph, node = build_example(crop.xyz.numpy(), crop.height.numpy(), config)
    graph.y = torch.from_numpy(node_labels(crop.label.numpy(), node, len(graph.pos0)))
    graph.node, graph.label = torch.from_numpy(node), crop.label
    return graph


def _learn(variant: Variant, config: TrainConfig, crops: list[Example]) -> tuple[PyramidUNet, float]:
    """Train; the averaged weights at the end count. Also the processor seconds it took."""
    kept: dict[str, Any] = {}
    spec = config.pyramid
    order = epochs(len(crops), config.steps * config.batch, np.random.default_rng(config.seed))
    ready = TrainingSet(
        examples=[crops[place] for place in order],
        checks=crops[:1],  # the scores that count are those of points
        sample=crops[:_SAMPLE],
        network=lambda: variant.build(spec.graph, spec.network),
        save=lambda state, provenance, path: kept.update(state),
        balance=PyramidTask(spec).balance(crops[:_SAMPLE], config.loss),
    )
    started = time.process_time()  # a busy machine does not change it
    with tempfile.TemporaryDirectory() as folder:
        fit(config, ready, Path(folder), report=lambda line: None)
    seconds = time.process_time() - started
    network = variant.build(spec.graph, spec.network).eval()
    network.load_state_dict(kept)
    return network, seconds


def _score(network: PyramidUNet, checks: list[Example]) -> Scores:
    """Scores of the points of crops."""
    total = score(np.empty(0), np.empty(0))
    with torch.inference_mode():
        for graph in checks:
            wood = torch.softmax(network(graph), dim=1)[:, 1].numpy()
            total += score(graph.label.numpy(), wood[graph.node.numpy()])
    return total


def run_variant(name: str, config: TrainConfig, crops: Path, checks: Path) -> dict[str, object]:
    """Train and score one of ``VARIANTS``.

    Args:
        name: name of the variant.
        config: run of the shipped network.
        crops: file of :func:`cut_crops` to learn from.
        checks: another one, to score on.

    Returns:
        One row of the results.
    """
    started, variant, shipped = time.perf_counter(), VARIANTS[name], config.pyramid.graph
    pyramid = replace(shipped, size=variant.size or shipped.size)
    sets = [_graphs(some, pyramid) for some in (crops, checks)]  # a network of fewer levels reads the first of them
    if variant.rule:
        sets = [[rewired(graph, shipped.size, shipped.n_levels, variant.rule) for graph in some] for some in sets]
    config = replace(variant.configured(config), validation_crops=1)
    network, seconds = _learn(variant, config, sets[0])
    begun = time.process_time()
    values = _score(network, sets[1]).as_dict()
    taken = time.process_time() - begun
    return {
        "variant": name,
        "seed": config.seed,
        "steps": config.steps,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        **{column: values[column] for column in SCORES},
        "train_seconds": seconds,
        "points_per_second": values["points"] / taken,
        "seconds": time.perf_counter() - started,
    }
