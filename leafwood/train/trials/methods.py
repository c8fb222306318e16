"""Losses and training methods beside one another, in one size: a run, and all runs of a comparison."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, reduce
from operator import add
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from leafwood.config import load
from leafwood.errors import BadBatch, BadConfig
from leafwood.evaluate.evaluation import truth_of
from leafwood.evaluate.metrics import score
from leafwood.graph.batching import Example
from leafwood.graph.build import Graph, build_graph
from leafwood.graph.scale import scale_normalisation
from leafwood.inference.model_file import load_model
from leafwood.io.loaders import read
from leafwood.nn.structure import UNetConfig
from leafwood.soul.samples import epochs
from leafwood.train.config import TrainConfig
from leafwood.train.data import TrainingSet
from leafwood.train.joint import JointConfig
from leafwood.train.loop import fit
from leafwood.train.pretext import PretextConfig
from leafwood.train.pyramid import PyramidTask
from leafwood.train.trials.crops import (
    CropSet,
    TrialSize,
    held_out_cylinders,
    imbalance,
    load_graphs,
    write_crop_sets,
)
from leafwood.train.trials.results import append, rows

__all__ = ["SCORES", "MethodTrials", "crop_sets", "crops_of", "in_size", "load_methods", "of_fixed_length"]

SCORES = ("wood_recall", "leaf_recall", "balanced_accuracy", "g_mean", "wood_iou", "auroc", "ece")
_Tree = tuple[Graph, NDArray[np.int64], NDArray[np.int8]]  # a graph, the voxel and the truth of each point


def load_methods(folder: Path, names: Sequence[str] = ()) -> dict[str, TrainConfig]:
    """Configurations that tell leaf from wood, by the names of their files.

    Args:
        folder: folder of YAML files.
        names: those that are wanted; all of them when empty.

    Raises:
        BadConfig: no configuration of one of the names.
    """
    there = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    if unknown := set(names) - there.keys():
        raise BadConfig(f"no configuration {sorted(unknown)[0]!r}; there are {', '.join(there)}")
    found = {name: load(path, TrainConfig) for name, path in there.items() if not names or name in names}
    return {name: config for name, config in found.items() if config.pyramid.network.outputs == "wood"}


def crop_sets(config: TrainConfig, ratio: int, size: TrialSize) -> tuple[CropSet, CropSet | None]:
    """What a run learns from: its crops, and its clean trees if it needs any.

    Args:
        config: the run.
        ratio: leaf voxels for each wood voxel.
        size: size of the comparison.
    """
    crops, method = size.cut(config.pyramid.crops), config.method
    clean = CropSet(0, replace(crops, single_tree=1.0), clean=True) if method.clean_files() else None
    if isinstance(method, PretextConfig):
        return CropSet(0, crops, pretext=method), clean
    joint = method.pretext if isinstance(method, JointConfig) else None
    return CropSet(ratio, crops, pretext=joint, labelled=joint is not None), clean


def of_fixed_length(config: TrainConfig, steps: int, seed: int) -> TrainConfig:
    """The run with so many steps and a seed, on one thread of the CPU, scored once: at its end.

    Weights are averaged over the last eight steps, or over all where there are fewer.
    """
    return replace(
        config,
        start=None,
        steps=steps,
        averaging=1 - min(1.0, 8 / steps),
        validate_every=steps,
        loader_processes=0,
        threads=1,
        device="cpu",
        seed=seed,
    )


def in_size(config: TrainConfig, crops: int, seed: int, size: TrialSize) -> TrainConfig:
    """A configuration in the comparison's size; its loss, method, batch, relative width and augmentation are kept.

    Args:
        config: the run.
        crops: how many it sees, whatever its batch.
        seed: seed of the run.
        size: size of the comparison.
    """
    wider = config.pyramid.network.widths[0] / UNetConfig().widths[0]
    model = replace(
        config.pyramid,
        graph=size.graph,
        network=replace(size.network, widths=tuple(round(wider * width) for width in size.network.widths)),
        crops=size.cut(config.pyramid.crops),
    )
    return of_fixed_length(replace(config, model=model), max(1, crops // config.batch), seed)


@lru_cache(maxsize=3)
def crops_of(one: CropSet, folder: Path, size: TrialSize) -> list[Example]:
    """The graphs of a set, kept in memory between runs."""
    return load_graphs(one.file(folder, size))


@dataclass(frozen=True)
class MethodTrials:
    """A comparison of methods in a folder.

    Attributes:
        out: folder of the results and of the crops.
        train: labelled stands to learn from.
        held_out: other stands, to score on.
        labelled: labelled files (`gt_wood`) to score on too; those whose names begin alike together.
        pretext: configuration that those which start from given weights begin with; None where none does.
        size: size of the comparison.
        crops: how many crops a run sees.
        report: told a line about each run.
    """

    out: Path
    train: Sequence[Path]
    held_out: Sequence[Path]
    labelled: Sequence[Path] = ()
    pretext: TrainConfig | None = None
    size: TrialSize = field(default_factory=TrialSize)
    crops: int = 1200
    report: Callable[[str], None] = lambda line: None

    def run_missing(self, chosen: Mapping[str, TrainConfig], ratios: Sequence[int], seeds: int) -> None:
        """Do the runs that are not in the results yet: seed 1 of everything first.

        Args:
            chosen: configurations by name.
            ratios: leaf voxels for each wood voxel.
            seeds: how many runs of each.

        Raises:
            BadConfig: too few stands, or results that were begun with other files.
        """
        torch.set_num_threads(1)
        starting = [self.pretext] if self.pretext and any(config.start for config in chosen.values()) else []
        pairs = [crop_sets(one, ratio, self.size) for one in (*chosen.values(), *starting) for ratio in ratios]
        write_crop_sets({one for pair in pairs for one in pair if one}, self.train, self.cache, self.size)
        done = {(row["method"], int(row["ratio"]), int(row["seed"])) for row in rows(self.out)}
        for seed in range(1, seeds + 1):
            for ratio in ratios:
                for name, config in chosen.items():
                    if (name, ratio, seed) not in done:
                        sized = in_size(config, self.crops, seed, self.size)
                        started = replace(sized, start=self.pretrained) if config.start else sized
                        row = self.run(name, started, ratio)
                        append(self.out, row)
                        g_mean, seconds = row["held_out.g_mean"], row["seconds"]
                        self.report(f"{name}, ratio {ratio}, seed {seed}: G-mean {g_mean:.3f}, {seconds:.0f} s")

    @property
    def cache(self) -> Path:
        """Folder of what is prepared once."""
        return self.out / "cache"

    @cached_property
    def checks(self) -> list[Example]:
        """The held-out pieces."""
        return held_out_cylinders(self.held_out, self.cache, self.size)

    @cached_property
    def trees(self) -> dict[str, list[_Tree]]:
        """The labelled files by the first word of their names."""
        found: dict[str, list[_Tree]] = {}
        for path in self.labelled:
            found.setdefault(path.stem.split("_")[0], []).append(_tree(path, self.size))
        return found

    @cached_property
    def pretrained(self) -> Path:
        """Weights of the pretext task, trained unless they are there."""
        path = self.out / "pretext" / "model.safetensors"
        if not path.exists():
            assert self.pretext is not None
            crops, _ = crop_sets(self.pretext, 0, self.size)
            seen = crops_of(crops, self.cache, self.size)
            config = in_size(self.pretext, self.crops, 1, self.size)
            self._learn(config, crops, None, seen[: max(1, len(seen) // 10)], path.parent)
        return path

    def run(self, name: str, config: TrainConfig, ratio: int) -> dict[str, object]:
        """One row of the results; its scores are NaN if the training diverged."""
        started = time.perf_counter()
        row: dict[str, object] = {"method": name, "ratio": ratio, "seed": config.seed, "imbalance": float("nan")}
        scores: dict[str, dict[str, float]] = {}
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a method is compared as it is, advised or not
            try:
                crops, clean = crop_sets(config, ratio, self.size)
                scores["held_out"] = self._learn(config, crops, clean, self.checks, Path(folder))
                row["imbalance"] = imbalance(crops_of(crops, self.cache, self.size))
                scores |= {group: _on_trees(Path(folder), trees) for group, trees in self.trees.items()}
            except BadBatch as error:
                self.report(f"{name}: {error}")
        for where in ("held_out", *self.trees):
            row |= {f"{where}.{column}": scores.get(where, {}).get(column, float("nan")) for column in SCORES}
        return {**row, "seconds": time.perf_counter() - started}

    def _learn(
        self, config: TrainConfig, crops: CropSet, clean: CropSet | None, checks: list[Example], folder: Path
    ) -> dict[str, float]:
        """Train into a folder; the scores on the checks at the end."""
        graphs = crops_of(crops, self.cache, self.size)
        order = epochs(len(graphs), config.steps * config.batch, np.random.default_rng(config.seed))
        task = PyramidTask(config.pyramid)
        ready = TrainingSet(
            examples=[graphs[place] for place in order],
            checks=checks,
            sample=graphs,
            trees=crops_of(clean, self.cache, self.size) if clean else [],
            network=lambda: task.network([]),
            save=task.save,
            balance=task.balance(graphs, config.loss),
        )
        return fit(replace(config, validation_crops=len(checks)), ready, folder, report=lambda line: None)


def _tree(path: Path, size: TrialSize) -> _Tree:
    """A labelled file as one graph."""
    cloud = read(path)
    unknown = np.full(len(cloud), np.nan, dtype=np.float32)
    xyz = cloud.xyz - cloud.xyz.min(axis=0)
    graph, node = build_graph(xyz * np.float32(scale_normalisation(xyz, size.graph)), unknown, size.graph)
    return graph, node, truth_of(cloud, "gt_wood")


def _on_trees(folder: Path, trees: Sequence[_Tree]) -> dict[str, float]:
    """Scores of a trained network on some labelled files, over all their points."""
    network, parts = load_model(folder / "model.safetensors").network, []
    for graph, node, truth in trees:
        logits, _ = network(dict(graph), threads=1)
        wood = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
        parts.append(score(truth, wood[node]))
    return reduce(add, parts).as_dict()
