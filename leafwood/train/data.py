"""From the files of a training run to what its loop reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn
from torch.utils.data import Dataset
from torch_geometric.data import Data

from leafwood.datasets.stands import load_scan, load_stand
from leafwood.errors import BadConfig, FileProblem
from leafwood.io.files import list_files
from leafwood.models import MODEL_KINDS
from leafwood.train.balance import Balance
from leafwood.train.config import TrainConfig
from leafwood.train.mixture import Pool, mixed_examples
from leafwood.train.tasks import State, Task

__all__ = ["TrainingSet", "check_apart", "files_of", "load_training_set"]

_SAMPLE = 64


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """What a run learns from. Examples are what its network reads, with labels y (m,).

    Attributes:
        examples: one for each place of each batch.
        checks: to validate on.
        sample: some, to count classes and spacings in.
        network: makes a fresh network.
        save: writes a state of it with its provenance to a path.
        balance: weights of points, if any.
        trees: clean ones for a method that learns from them, else none.
    """

    examples: Dataset[Data] | Sequence[Data]
    checks: Dataset[Data] | Sequence[Data]
    sample: Sequence[Data]
    network: Callable[[], nn.Module]
    save: Callable[[State, dict[str, Any], Path], None]
    balance: Balance | None = None
    trees: Sequence[Data] = ()


def load_training_set(config: TrainConfig) -> TrainingSet:
    """Read the stands of a run.

    Raises:
        BadConfig: a pattern that matches no file, a stand that is in two of the sets (training, validation, clean
            trees), or no whole tree among the clean ones.
        BadCloud: a stand without labels.
    """
    files = {"train": files_of(config.train), "validation": files_of(config.validation)}
    of_sources = [files_of(source.files) for source in config.sources]
    if config.method.clean_files():
        files["method.files"] = files_of(config.method.clean_files())
    check_apart({**files, "train": [*files["train"], *(path for paths in of_sources for path in paths)]})
    load = partial(load_stand, preset=config.labels) if config.method.needs_labels else load_scan
    stands, others = ([load(path) for path in files[name]] for name in ("train", "validation"))
    model = config.method.model(config.model, config.start)
    task = config.method.task(MODEL_KINDS[config.model.kind].make_task(model))
    pools = [Pool(task, stands, 1 - sum(source.share for source in config.sources))]
    for source, paths in zip(config.sources, of_sources, strict=True):
        loaded = [load_stand(path, config.labels, lone_tree=source.lone_trees) for path in paths]
        pools.append(Pool(task.with_crops(source.crops) if source.crops else task, loaded, source.share))
    sampled = mixed_examples(pools, (config.seed, 2), _SAMPLE)
    sample = [sampled[number] for number in range(_SAMPLE)]
    return TrainingSet(
        examples=mixed_examples(pools, (config.seed, 0), config.steps * config.batch),
        checks=task.examples(others, (config.seed, 1), config.validation_crops),
        sample=sample,
        network=lambda: task.network(stands),
        save=task.save,
        balance=task.balance(sample, config.loss),
        trees=_clean_trees(config, task.whole_trees(), files["method.files"]) if "method.files" in files else (),
    )


def _clean_trees(config: TrainConfig, task: Task, files: Sequence[Path]) -> list[Data]:
    """Whole trees of the given stands."""
    stands = [stand for stand in (load_stand(path, config.labels) for path in files) if len(stand.trees)]
    if not stands:
        raise BadConfig(f"method.files: no whole tree (gt_tree, 500 points) in {files[0]} or the others")
    stands = [stand.take((stand.tree > 0).nonzero()[0]) for stand in stands]
    examples = task.examples(stands, (config.seed, 3), config.method.clean_trees())
    return [examples[number] for number in range(config.method.clean_trees())]


def files_of(patterns: tuple[str, ...]) -> list[Path]:
    """Files of the patterns, sorted, relative to the working folder.

    Raises:
        BadConfig: a pattern that matches no file.
    """
    try:
        return list_files(map(Path, patterns))
    except FileProblem as error:
        raise BadConfig(str(error)) from error


def check_apart(files: dict[str, list[Path]]) -> None:
    """Refuse a stand that is in two sets.

    Raises:
        BadConfig: it is.
    """
    seen: dict[Path, str] = {}
    for name, paths in files.items():
        for path in paths:
            if seen.setdefault(path, name) != name:
                raise BadConfig(f"{path} is in {seen[path]} and in {name}")
