"""What a training method costs: seconds of a run with it over those of a plain one.

    python pipelines/benchmark_training_cost.py

Trains the default network for a few steps on a sample plot, each method in turn, several times over; the fastest run of
each counts, for other work on a machine only ever makes a run slower. Only the steps are timed: crops are prepared
beforehand, and are the same for all.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from leafwood.evaluate.tables import head, line
from leafwood.train.data import TrainingSet, load_training_set
from leafwood.train.loop import TrainConfig, fit
from leafwood.train.meta_weight import MetaWeightConfig
from leafwood.train.pyramid import PyramidSpec
from leafwood.train.sam import SAMConfig

SAMPLES = Path(__file__).resolve().parents[1] / "data_samples"
CLEAN = (str(SAMPLES / "leaf_off_plot.laz"),)
PLAIN = TrainConfig(
    train=(str(SAMPLES / "uav_plot.laz"),),
    validation=(str(SAMPLES / "single_tree.laz"),),
    validation_crops=1,
    loader_processes=0,
    model=PyramidSpec(balance=False),
    device="cpu",
)
METHODS = {
    "plain": PLAIN,
    "SAM": replace(PLAIN, method=SAMConfig()),
    "SAM-A, weighted": replace(PLAIN, method=SAMConfig(ascent="weighted")),
    "SAM-A, per class": replace(PLAIN, method=SAMConfig(ascent="per_class")),
    "Meta-Weight-Net, last layer": replace(PLAIN, method=MetaWeightConfig(files=CLEAN)),
    "Meta-Weight-Net, exact": replace(PLAIN, method=MetaWeightConfig(files=CLEAN, form="exact")),
}


def ready(steps: int) -> TrainingSet:
    """Everything that any of the methods reads, made beforehand."""
    data = load_training_set(replace(METHODS["Meta-Weight-Net, exact"], steps=steps))
    kept = {"examples": [data.examples[n] for n in range(steps * PLAIN.batch)], "checks": [data.checks[0]]}
    return replace(data, **kept)


def seconds(config: TrainConfig, data: TrainingSet, steps: int) -> float:
    """Of the steps of one run."""
    with tempfile.TemporaryDirectory() as folder:
        fit(replace(config, steps=steps, validate_every=steps), data, Path(folder), report=lambda line: None)
        with (Path(folder) / "log.csv").open(encoding="utf-8") as file:
            return float(next(csv.DictReader(file))["seconds"])


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=8)
    args = parser.parse_args(argv)
    data = ready(args.steps)
    taken: dict[str, list[float]] = {name: [] for name in METHODS}
    for _ in range(args.rounds):
        for name, config in METHODS.items():
            taken[name].append(seconds(config, data, args.steps))
    print(head("method", "seconds per step", "times a plain step"))
    for name, values in taken.items():
        print(line(name, f"{min(values) / args.steps:.2f}", f"{min(values) / min(taken['plain']):.2f}"))


if __name__ == "__main__":
    main()
