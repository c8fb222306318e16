"""What each choice in the network buys: the shipped one with one thing changed at a time, in short trainings.

    python pipelines/ablation_network.py out/network --train runs/stands/train --validation runs/stands/validation
    python pipelines/ablation_network.py out/network --table

The variants differ in receptive field, neighbour rule, edge function, handcrafted features or width. All see the same
crops as often and are scored on the points of the same crops of the validation stands, so that voxels of unequal size
compare. Crops are cut once and kept. Runs that are in results.csv are not done again.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from leafwood.config import load
from leafwood.errors import BadConfig, FileProblem
from leafwood.evaluate.tables import head, line, mean_and_spread
from leafwood.io.files import list_files
from leafwood.train.config import TrainConfig
from leafwood.train.trials.methods import of_fixed_length
from leafwood.train.trials.networks import cut_crops, run_variant
from leafwood.train.trials.results import append, done, rows
from leafwood.train.trials.variants import SHIPPED, VARIANTS

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "train" / "virtual.yaml"
COLUMNS = ("parameters", "auroc", "g_mean", "wood_iou", "ece", "train_seconds", "points_per_second")
CHECKS = 6  # crops to learn from for each one to score on


def compare(args: argparse.Namespace) -> None:
    """Do the runs that are missing: seed 1 of everything first."""
    if unknown := set(args.variants) - set(VARIANTS):
        raise BadConfig(f"--variants: no {sorted(unknown)[0]!r}; there are {', '.join(map(repr, VARIANTS))}")
    there = rows(args.out)
    if other := {row["steps"] for row in there} - {str(args.steps)}:
        raise BadConfig(f"--steps: the runs in {args.out} have {other.pop()}; take as many, or another folder")
    if args.train is None or args.validation is None:
        raise BadConfig("--train and --validation are needed: folders of labelled stands")
    torch.set_num_threads(1)
    base, cache = load(args.config, TrainConfig), args.out / "cache"
    crops = cut_crops(list_files([args.train]), base, args.crops, cache)
    checks = cut_crops(list_files([args.validation]), base, args.crops // CHECKS, cache)
    finished = {(row["variant"], int(row["seed"])) for row in there}
    for seed in range(1, args.seeds + 1):
        for name in args.variants or VARIANTS:
            if (name, seed) not in finished:
                row = run_variant(name, of_fixed_length(base, args.steps, seed), crops, checks)
                append(args.out, row)
                print(f"{name}, seed {seed}: AUROC {row['auroc']:.3f}, {row['seconds']:.0f} s", flush=True)


def table(results: Sequence[dict[str, str]]) -> Iterator[str]:
    """Lines: mean and standard deviation over the seeds, and how far AUROC is from the shipped network's."""
    found: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for row in results:
        found[row["variant"]][row["seed"]] = row
    heads = ("weights", "AUROC", "less the shipped", "G-mean", "wood IoU", "ECE")
    yield head("network", "seeds", *heads, "processor seconds of training", "points/s")
    shipped = found.get(SHIPPED, {})
    for name in (name for name in VARIANTS if name in found):
        runs = found[name]
        values = {column: [float(row[column]) for row in runs.values()] for column in COLUMNS}
        apart = [float(runs[seed]["auroc"]) - float(shipped[seed]["auroc"]) for seed in runs if seed in shipped]
        yield line(
            name,
            len(runs),
            int(values["parameters"][0]),
            mean_and_spread(values["auroc"]),
            f"{np.mean(apart):+.3f}" if apart else "",
            *(mean_and_spread(values[column]) for column in ("g_mean", "wood_iou", "ece")),
            *(f"{np.mean(values[column]):,.0f}" for column in ("train_seconds", "points_per_second")),
        )


def main(argv: Sequence[str] | None = None) -> None:
    """Run, or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the results, and of the crops")
    parser.add_argument("--train", type=Path, help="folder of labelled stands")
    parser.add_argument("--validation", type=Path, help="folder of other stands, to score on")
    parser.add_argument("--config", type=Path, default=CONFIG, help="of the shipped network")
    parser.add_argument("--variants", nargs="*", default=(), help="some of them; all by default")
    parser.add_argument("--crops", type=int, default=600, help="to learn from; a sixth as many to score on")
    parser.add_argument(
        "--steps", type=int, default=200, help="of each run; G-mean is at 0.5, which few steps do not settle"
    )
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="print what is there, do nothing")
    args = parser.parse_args(argv)
    try:
        if args.table:
            print("\n".join(table(done(args.out))))
        else:
            compare(args)
    except (BadConfig, FileProblem) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
