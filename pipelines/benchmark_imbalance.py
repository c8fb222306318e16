"""Every loss and method of configs/train/imbalance on the same virtual stands, at three imbalances, over three seeds.

    python pipelines/benchmark_imbalance.py out/imbalance --train runs/stands/train --held-out runs/stands/validation
    python pipelines/benchmark_imbalance.py out/imbalance --table
    python pipelines/benchmark_imbalance.py out/imbalance --figure docs/img/imbalance.png

A small network, a few hundred steps, the same crops for all; what a YAML file says of loss, method, batch, width and
augmentation is kept, the rest is the comparison's. The training stands are thinned to about 5, 20 and 50 leaf voxels
for each wood voxel; the held-out ones, on which all are scored, are not touched, and nothing is chosen on them: the
weights at the end of a run count. Labelled trees can be scored too, those whose names begin alike together. Runs that
are in results.csv are not done again.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, reduce
from operator import add
from pathlib import Path

import numpy as np
import torch
from imbalance_data import (
    CROPS,
    GRAPH,
    SHAPE,
    Tree,
    Wanted,
    held_out,
    imbalance,
    labelled_tree,
    load_graphs,
    small,
    write_training_data,
)
from imbalance_report import draw, table
from torch.utils.data import Subset

from leafwood.config import load
from leafwood.errors import BadBatch, BadConfig
from leafwood.evaluate.metrics import score
from leafwood.graph.batching import Example
from leafwood.inference.model_file import load_model
from leafwood.nn.structure import UNetConfig
from leafwood.soul.samples import epochs
from leafwood.train.data import TrainingSet
from leafwood.train.joint import JointConfig
from leafwood.train.loop import TrainConfig, fit
from leafwood.train.pretext import PretextConfig
from leafwood.train.pyramid import PyramidTask

CONFIGS = Path(__file__).resolve().parents[1] / "configs" / "train" / "imbalance"
RATIOS = (5, 20, 50)
Trees = dict[str, list[Tree]]  # labelled files by the first word of their names
SCORES = ("wood_recall", "leaf_recall", "balanced_accuracy", "g_mean", "wood_iou", "auroc", "ece")


def methods() -> dict[str, TrainConfig]:
    """Every configuration that tells leaf from wood by name, the pretext task included."""
    found = {path.stem: load(path, TrainConfig) for path in sorted(CONFIGS.glob("*.yaml"))}
    return {name: config for name, config in found.items() if config.model.network.outputs == "wood"}


def sets(config: TrainConfig, ratio: int, number: int = CROPS) -> tuple[Wanted, Wanted | None]:
    """What a run learns from: its crops, so many of them, and its clean trees if it needs any."""
    crops, method = small(config.model.crops), config.method
    clean = Wanted(0, replace(crops, single_tree=1.0), clean=True) if method.clean_files() else None
    if isinstance(method, PretextConfig):
        return Wanted(0, crops, pretext=method, number=number), clean
    joint = method.pretext if isinstance(method, JointConfig) else None
    return Wanted(ratio, crops, pretext=joint, labelled=joint is not None, number=number), clean


def in_size(config: TrainConfig, crops: int, seed: int) -> TrainConfig:
    """A configuration in the comparison's size."""
    steps = max(1, crops // config.batch)
    wider = config.model.network.widths[0] / UNetConfig().widths[0]
    return replace(
        config,
        model=replace(
            config.model,
            graph=GRAPH,
            network=replace(SHAPE, widths=tuple(round(wider * width) for width in SHAPE.widths)),
            crops=small(config.model.crops),
        ),
        start=None,
        steps=steps,
        averaging=1 - min(1.0, 8 / steps),  # over the last eighth of the run, however long its steps
        validate_every=steps,
        loader_processes=0,
        threads=1,
        device="cpu",
        seed=seed,
    )


def learn(
    config: TrainConfig, wanted: Wanted, clean: Wanted | None, checks: list[Example], cache: Path, folder: Path
) -> tuple[dict[str, float], float]:
    """One run: scores on the checks at its end, and the imbalance of its crops."""
    crops = graphs_of(wanted, cache)
    order = epochs(len(crops), config.steps * config.batch, np.random.default_rng(config.seed))
    task = PyramidTask(config.model)
    ready = TrainingSet(
        examples=Subset(crops, order),
        checks=checks,
        sample=crops,
        trees=graphs_of(clean, cache) if clean else [],
        network=lambda: task.network([]),
        save=task.save,
        balance=task.balance(crops, config.loss),
    )
    config = replace(config, validation_crops=len(checks))
    return fit(config, ready, folder, report=lambda line: None), imbalance(crops)


@lru_cache(maxsize=3)
def graphs_of(wanted: Wanted, cache: Path) -> list[Example]:
    """The graphs of a set, kept between runs."""
    return load_graphs(cache / wanted.name())


def on_trees(model: Path, trees: Sequence[Tree]) -> dict[str, float]:
    """Scores of weights on some labelled files, over all their points."""
    network, parts = load_model(model).network, []
    for graph, node, truth in trees:
        logits, _ = network(graph, threads=1)
        wood = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
        parts.append(score(truth, wood[node]))
    return reduce(add, parts).as_dict()


def run(
    name: str, config: TrainConfig, ratio: int, number: int, checks: list[Example], trees: Trees, cache: Path
) -> dict[str, object]:
    """One row of the results; without scores if the training diverged."""
    started = time.perf_counter()
    row: dict[str, object] = {"method": name, "ratio": ratio, "seed": config.seed, "imbalance": float("nan")}
    scores: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a method is compared as it is, advised or not
        try:
            wanted, clean = sets(config, ratio, number)
            scores["held_out"], row["imbalance"] = learn(config, wanted, clean, checks, cache, Path(folder))
            scores |= {group: on_trees(Path(folder) / "model.safetensors", trees[group]) for group in trees}
        except BadBatch as error:
            print(f"{name}: {error}", flush=True)
    for where in ("held_out", *trees):
        row |= {f"{where}.{column}": scores.get(where, {}).get(column, float("nan")) for column in SCORES}
    return {**row, "seconds": time.perf_counter() - started}


def compare(args: argparse.Namespace, chosen: dict[str, TrainConfig]) -> None:
    """Do the runs that are missing: seed 1 of everything first."""
    torch.set_num_threads(1)
    cache, pretext = args.out / "cache", methods()["pretext"]
    if unknown := set(args.methods or []) - set(chosen):
        raise BadConfig(f"--methods: no {sorted(unknown)[0]!r}; there are {', '.join(chosen)}")
    chosen = {name: config for name, config in chosen.items() if not args.methods or name in args.methods}
    chosen.pop("pretext", None)
    before = [pretext] if any(config.start for config in chosen.values()) else []
    every = [sets(config, ratio, args.cut) for config in (*chosen.values(), *before) for ratio in args.ratios]
    wanted = {one for pair in every for one in pair if one}
    write_training_data(sorted(wanted, key=Wanted.name), stands(args.train, "--train"), cache)
    checks = held_out(stands(args.held_out, "--held-out"), cache)
    trees: Trees = {}
    for path in args.labelled:
        trees.setdefault(path.stem.split("_")[0], []).append(labelled_tree(path))
    begin = args.out / "pretext" / "model.safetensors"
    if before and not begin.exists():
        crops, _ = sets(pretext, 0, args.cut)
        seen = graphs_of(crops, cache)
        learn(in_size(pretext, args.crops, 1), crops, None, seen[: len(seen) // 10], cache, begin.parent)
    done = {(row["method"], int(row["ratio"]), int(row["seed"])) for row in rows(args.out)}
    for seed in range(1, args.seeds + 1):
        for ratio in args.ratios:
            for name, config in chosen.items():
                if (name, ratio, seed) not in done:
                    sized = in_size(config, args.crops, seed)
                    started = replace(sized, start=begin) if config.start else sized
                    row = run(name, started, ratio, args.cut, checks, trees, cache)
                    append(args.out, row)
                    shown = f"G-mean {row['held_out.g_mean']:.3f}, {row['seconds']:.0f} s"
                    print(f"{name}, ratio {ratio}, seed {seed}: {shown}", flush=True)


def stands(folder: Path | None, option: str) -> list[Path]:
    """The scans of a folder."""
    if folder is None:
        raise BadConfig(f"{option} is needed: a folder of labelled stands")
    if not (files := sorted(folder.glob("*.laz"))):
        raise BadConfig(f"{option}: no .laz file in {folder}")
    return files


def rows(out: Path) -> list[dict[str, str]]:
    """The runs that are done."""
    path = out / "results.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def append(out: Path, row: dict[str, object]) -> None:
    """Add a run to the results."""
    path = out / "results.csv"
    before = rows(out)
    if before and list(before[0]) != list(row):
        raise BadConfig(f"--labelled: {path} was begun with other files; give the same, or another folder")
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, row)
        if not before:
            writer.writeheader()
        writer.writerow(row)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every comparison is told."""
    parser.add_argument("out", type=Path, help="folder of the results, and of what is prepared once")
    parser.add_argument("--train", type=Path, help="folder of labelled stands; the last four give the clean trees")
    parser.add_argument("--held-out", type=Path, help="folder of other stands, to score on")
    parser.add_argument("--labelled", type=Path, nargs="*", default=[], help="labelled files (gt_wood) to score on too")
    parser.add_argument("--methods", nargs="*", help="names of configurations; all of them by default")
    parser.add_argument("--ratios", type=int, nargs="+", default=RATIOS, help="leaf voxels for each wood voxel")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--crops", type=int, default=1200, help="that a run sees")
    parser.add_argument("--cut", type=int, default=CROPS, help="crops of each training set, to choose those from")


def main() -> None:
    """Run, or print, or draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--table", action="store_true", help="print what is there, do nothing")
    parser.add_argument("--figure", type=Path, help="draw what is there, do nothing")
    args = parser.parse_args()
    try:
        if args.table:
            print(table(rows(args.out)))
        elif args.figure:
            draw(rows(args.out), args.figure)
        else:
            compare(args, methods())
    except BadConfig as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
