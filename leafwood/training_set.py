"""From the files of a training run to what its loop reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import nn
from torch.utils.data import Dataset
from torch_geometric.data import Data

from leafwood.errors import BadConfig
from leafwood.imbalance.meta_weight import MetaWeightConfig
from leafwood.imbalance.pretask import PretaskRecipe
from leafwood.recipes import PyramidRecipe, Recipe, SoulRecipe, State
from leafwood.stands import load_scan, load_stand
from leafwood.train_config import TrainConfig

__all__ = ["TrainingSet", "prepare"]

_SAMPLE = 64
_MIXING = 1  # of the random numbers that choose a pool; the crops draw from others


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """What a run learns from. Examples are what its network reads, with labels y (m,).

    Attributes:
        examples: one for each place of each batch.
        checks: to validate on.
        sample: some, to count classes and spacings in.
        trees: clean ones for `meta_weight`, else none.
        network: makes a fresh network.
        save: writes a state of it with its provenance to a path.
    """

    examples: Dataset[Data]
    checks: Dataset[Data]
    sample: Sequence[Data]
    trees: Sequence[Data]
    network: Callable[[], nn.Module]
    save: Callable[[State, dict[str, Any], Path], None]


def prepare(config: TrainConfig) -> TrainingSet:
    """Read the stands of a run.

    Raises:
        BadConfig: a pattern that matches no file, a stand that is in two of training, validation and clean trees, or no whole tree among the clean ones.
        BadCloud: a stand without labels.
    """
    files = {"train": _files(config.train), "validation": _files(config.validation)}
    of_sources = [_files(source.files) for source in config.sources]
    if config.meta_weight:
        files["meta_weight.files"] = _files(config.meta_weight.files)
    _check_apart({**files, "train": [*files["train"], *(path for paths in of_sources for path in paths)]})
    load = load_scan if config.pretask else partial(load_stand, preset=config.labels)
    stands, others = ([load(path) for path in files[name]] for name in ("train", "validation"))
    recipe = _recipe(config)
    pools = [_Pool(recipe, stands, 1 - sum(source.share for source in config.sources))]
    for source, paths in zip(config.sources, of_sources, strict=True):
        own = _recipe(replace(config, crops=source.crops or config.crops))
        loaded = [load_stand(path, config.labels, lone_tree=source.lone_trees) for path in paths]
        pools.append(_Pool(own, loaded, source.share))
    sampled = _examples(pools, (config.seed, 2), _SAMPLE)
    return TrainingSet(
        examples=_examples(pools, (config.seed, 0), config.steps * config.batch),
        checks=recipe.examples(others, (config.seed, 1), config.validation_crops),
        sample=[sampled[number] for number in range(_SAMPLE)],
        trees=_clean_trees(config, config.meta_weight, files["meta_weight.files"]) if config.meta_weight else [],
        network=lambda: recipe.network(stands),
        save=recipe.save,
    )


class _Pool(NamedTuple):
    """Stands that give a share of the examples, by a recipe of their own."""

    recipe: Recipe
    stands: Sequence[LabelledStand]
    share: float


def _examples(pools: Sequence[_Pool], seed: tuple[int, int], length: int) -> Dataset[Data]:
    """The examples of one pool, or each of the examples from one of several."""
    parts = [pool.recipe.examples(pool.stands, seed, length) for pool in pools]
    return parts[0] if len(parts) == 1 else _Mixture(parts, [pool.share for pool in pools], seed, length)


class _Mixture(Dataset[Data]):
    """Example number i is number i of one of several data sets of the same length, drawn by their shares."""

    def __init__(
        self, parts: Sequence[Dataset[Data]], shares: Sequence[float], seed: tuple[int, int], length: int
    ) -> None:
        self.parts, self.seed, self.length = parts, seed, length
        self.edges = np.cumsum(np.maximum(shares, 0.0)) / np.maximum(shares, 0.0).sum()

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> Data:
        draw = np.random.default_rng((*self.seed, _MIXING, number)).random()
        return self.parts[int(np.searchsorted(self.edges[:-1], draw, side="right"))][number]


def _recipe(config: TrainConfig) -> Recipe:
    if config.soul:
        return SoulRecipe(config.soul)
    if config.pretask:
        return PretaskRecipe(config.graph, config.network, config.crops, config.density_weights, config=config.pretask)
    return PyramidRecipe(config.graph, config.network, config.crops, config.density_weights, config.even_crops)


def _clean_trees(config: TrainConfig, meta: MetaWeightConfig, files: Sequence[Path]) -> list[Data]:
    """Whole trees of the given stands."""
    stands = [stand for stand in (load_stand(path, config.labels) for path in files) if len(stand.trees)]
    if not stands:
        raise BadConfig(f"meta_weight.files: no whole tree (gt_tree, 500 points) in {files[0]} or the others")
    stands = [stand.take((stand.tree > 0).nonzero()[0]) for stand in stands]
    trees = _recipe(replace(config, crops=replace(config.crops, single_tree=1.0)))
    examples = trees.examples(stands, (config.seed, 3), meta.trees)
    return [examples[number] for number in range(meta.trees)]


def _files(patterns: tuple[str, ...]) -> list[Path]:
    """Files of the patterns, sorted, relative to the working folder."""
    found: list[Path] = []
    for pattern in patterns:
        path = Path(pattern)
        root = Path(path.anchor) if path.is_absolute() else Path()
        matches = sorted(root.glob(str(path.relative_to(root) if path.is_absolute() else path)))
        if not matches:
            raise BadConfig(f"no file matches {pattern!r}")
        found += matches
    return found


def _check_apart(files: dict[str, list[Path]]) -> None:
    """Refuse a stand that is in two sets."""
    seen: dict[Path, str] = {}
    for name, paths in files.items():
        for path in paths:
            if seen.setdefault(path, name) != name:
                raise BadConfig(f"{path} is in {seen[path]} and in {name}")
