"""What each choice in the network buys: the shipped one with one thing changed at a time, in short trainings.

    python pipelines/ablation_network.py out/network --train runs/stands/train --validation runs/stands/validation
    python pipelines/ablation_network.py out/network --table

Receptive field, neighbour rule, edge function, handcrafted features, width; two seeds each. All see the same crops as
often and are scored on the points of the same crops of the validation stands, so that voxels of unequal size compare.
Crops are cut once and kept, graphs are built for each voxel size. Runs that are in results.csv are not done again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmark_imbalance import append, rows, stands
from imbalance_data import load_graphs
from network_variants import SHIPPED, VARIANTS, Variant, rewired
from torch.utils.data import Subset

from leafwood.config import load, to_dict
from leafwood.datasets.stands import LabelledStand, load_stand
from leafwood.errors import BadConfig
from leafwood.evaluate.metrics import Scores, score
from leafwood.graph.batching import Example, build_example
from leafwood.graph.config import GraphConfig
from leafwood.nn.unet import PyramidUNet
from leafwood.soul.samples import epochs
from leafwood.train.data import TrainingSet
from leafwood.train.loop import TrainConfig, fit
from leafwood.train.pyramid import PyramidTask, node_labels

CHECKS = 6  # crops to learn from for each one to score on
SAMPLE = 64  # crops that classes and spacings are counted in
SCORES = ("auroc", "g_mean", "wood_recall", "leaf_recall", "wood_iou", "ece")
Runs = dict[str, dict[str, str]]  # of one variant, by seed


class _Coordinates(PyramidTask):
    """Crops as training cuts, thins and shrinks them, before their graphs are built."""

    def example(self, crop: LabelledStand, rng: np.random.Generator) -> Example:
        arrays = {"xyz": crop.xyz, "height": crop.height, "label": crop.label}
        return Example(**{name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in arrays.items()})


def cut(files: Sequence[Path], base: TrainConfig, n: int, folder: Path) -> Path:
    """File with about n crops of some stands, the same for every variant; cut unless it is there."""
    told = json.dumps([[str(path) for path in files], to_dict(base.model.graph), to_dict(base.model.crops), n])
    kept = folder / f"crops_{hashlib.sha256(told.encode()).hexdigest()[:16]}.pt"
    if not kept.exists():
        task, each = _Coordinates(base.model), -(-n // len(files))
        crops: list[dict[str, Any]] = []
        for number, path in enumerate(files):
            print(f"crops of {path}", flush=True)
            examples = task.examples([load_stand(path)], (0, number), each)
            crops += [examples[place].to_dict() for place in range(each)]
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(crops, kept.with_suffix(".part"))
        kept.with_suffix(".part").rename(kept)
    return kept


@lru_cache(maxsize=4)
def graphs(crops: Path, config: GraphConfig) -> list[Example]:
    """Graphs of the crops in a file, with y for every finest voxel and the voxel and label of every point."""
    return [_graph(crop, config) for crop in load_graphs(crops)]


def _graph(crop: Example, config: GraphConfig) -> Example:
    graph, node = build_example(crop.xyz.numpy(), crop.height.numpy(), config)
    graph.y = torch.from_numpy(node_labels(crop.label.numpy(), node, len(graph.pos0)))
    graph.node, graph.label = torch.from_numpy(node), crop.label
    return graph


def learn(variant: Variant, config: TrainConfig, crops: list[Example]) -> tuple[PyramidUNet, float]:
    """Train; the averaged weights at the end count. Also the processor seconds it took."""
    kept: dict[str, Any] = {}
    order = epochs(len(crops), config.steps * config.batch, np.random.default_rng(config.seed))
    ready = TrainingSet(
        examples=Subset(crops, order),
        checks=crops[:1],  # scored below, on points
        sample=crops[:SAMPLE],
        network=lambda: variant.build(config.model.graph, config.model.network),
        save=lambda state, provenance, path: kept.update(state),
        balance=PyramidTask(config.model).balance(crops[:SAMPLE], config.loss),
    )
    started = time.process_time()  # a busy machine does not change it
    with tempfile.TemporaryDirectory() as folder:
        fit(config, ready, Path(folder), report=lambda line: None)
    seconds = time.process_time() - started
    network = variant.build(config.model.graph, config.model.network).eval()
    network.load_state_dict(kept)
    return network, seconds


def judge(network: PyramidUNet, checks: list[Example]) -> Scores:
    """Scores of the points of crops."""
    total = score(np.empty(0), np.empty(0))
    with torch.inference_mode():
        for graph in checks:
            wood = torch.softmax(network(graph), dim=1)[:, 1].numpy()
            total += score(graph.label.numpy(), wood[graph.node.numpy()])
    return total


def run(name: str, config: TrainConfig, crops: Path, checks: Path) -> dict[str, object]:
    """One row of the results."""
    started, variant = time.perf_counter(), VARIANTS[name]
    pyramid = replace(config.model.graph, size=variant.size or config.model.graph.size)
    config = variant.configured(config)
    sets = [graphs(some, pyramid) for some in (crops, checks)]  # a network of fewer levels reads the first of them
    if variant.rule:
        sets = [[rewired(graph, config.model.graph, variant.rule) for graph in some] for some in sets]
    network, seconds = learn(variant, config, sets[0])
    judged = time.process_time()
    values = judge(network, sets[1]).as_dict()
    taken = time.process_time() - judged
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


def compare(args: argparse.Namespace) -> None:
    """Do the runs that are missing: seed 1 of everything first."""
    if unknown := set(args.variants or []) - set(VARIANTS):
        raise BadConfig(f"--variants: no {sorted(unknown)[0]!r}; there are {', '.join(map(repr, VARIANTS))}")
    torch.set_num_threads(1)
    base = replace(
        load(args.config, TrainConfig),
        start=None,
        steps=args.steps,
        averaging=1 - min(1.0, 8 / args.steps),  # over the last eighth
        validate_every=args.steps,
        validation_crops=1,
        loader_processes=0,
        threads=1,
        device="cpu",
    )
    done = {(row["variant"], int(row["seed"])) for row in rows(args.out)}
    if other := {row["steps"] for row in rows(args.out)} - {str(args.steps)}:
        raise BadConfig(f"--steps: the runs in {args.out} have {other.pop()}; take as many, or another folder")
    crops = cut(stands(args.train, "--train"), base, args.crops, args.out / "cache")
    checks = cut(stands(args.validation, "--validation"), base, args.crops // CHECKS, args.out / "cache")
    for seed in range(1, args.seeds + 1):
        for name in args.variants or VARIANTS:
            if (name, seed) not in done:
                row = run(name, replace(base, seed=seed), crops, checks)
                append(args.out, row)
                print(f"{name}, seed {seed}: AUROC {row['auroc']:.3f}, {row['seconds']:.0f} s", flush=True)


def table(results: list[dict[str, str]]) -> str:
    """Markdown: mean and standard deviation over the seeds, and how far AUROC is from the shipped network's.

    Raises:
        BadConfig: there are no results.
    """
    if not results:
        raise BadConfig("out: no results.csv in that folder yet")
    found: dict[str, Runs] = defaultdict(dict)
    for row in results:
        found[row["variant"]][row["seed"]] = row
    heads = "weights | AUROC | less the shipped | G-mean | wood IoU | ECE | processor seconds of training | points/s"
    lines = [f"| network | seeds | {heads} |", "|---|---|" + "---|" * 8]
    shipped = found.get(SHIPPED, {})
    for name in (name for name in VARIANTS if name in found):
        runs = found[name]
        apart = [float(runs[seed]["auroc"]) - float(shipped[seed]["auroc"]) for seed in runs if seed in shipped]
        cells = [str(len(runs)), f"{int(next(iter(runs.values()))['parameters']):,}", _cell(runs, "auroc")]
        cells += [
            f"{np.mean(apart):+.3f}" if apart else "",
            *(_cell(runs, column) for column in ("g_mean", "wood_iou", "ece")),
        ]
        cells += [f"{np.mean(_values(runs, column)):,.0f}" for column in ("train_seconds", "points_per_second")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _values(runs: Runs, column: str) -> list[float]:
    return [float(row[column]) for row in runs.values()]


def _cell(runs: Runs, column: str) -> str:
    """Mean and standard deviation over the seeds."""
    values = _values(runs, column)
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


def main() -> None:
    """Run, or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the results, and of the crops")
    parser.add_argument("--train", type=Path, help="folder of labelled stands")
    parser.add_argument("--validation", type=Path, help="folder of other stands, to score on")
    parser.add_argument(
        "--config", type=Path, default=Path("configs/train/virtual.yaml"), help="of the shipped network"
    )
    parser.add_argument("--variants", nargs="*", help="some of them; all by default")
    parser.add_argument("--crops", type=int, default=600, help="to learn from; a sixth as many to score on")
    parser.add_argument(
        "--steps", type=int, default=200, help="of each run; G-mean is at 0.5, which few steps do not settle"
    )
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="print what is there, do nothing")
    args = parser.parse_args()
    try:
        if args.table:
            print(table(rows(args.out)))
        else:
            compare(args)
    except BadConfig as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
