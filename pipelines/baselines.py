"""leafwood's network beside two baselines, on data that none of them has learnt from.

    python pipelines/baselines.py [--model uav] [--soul runs/soul/model.safetensors]

Boosted trees (`leafwood.train.boosted_trees`) learn from the very crops that the network's configuration trains on, and
label as leafwood does: tiles, scale normalisation of sparse clouds and, in a second row, the smoothing over neighbours.
SOUL is the published baseline; configs/train/soul_short.yaml and uav_short.yaml train it and leafwood's network for the
same time on the same stands.

Lest a threshold decide, wood IoU is also given at the threshold that is best for each model on the middle of the
validation stands. Points/s are labelled points over the time it took in memory, without that of finding the ground,
which is the same for all; the models take turns, file by file.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from leafwood.classes import OUT_NONE, WOOD
from leafwood.cloud import PointCloud
from leafwood.config import load
from leafwood.errors import BadConfig
from leafwood.evaluate.evaluation import evaluate, truth_of
from leafwood.evaluate.left_out import unseen
from leafwood.evaluate.metrics import Scores
from leafwood.evaluate.tables import head, line
from leafwood.io.loaders import read
from leafwood.models import load_segmenter
from leafwood.simulate.surveys.held_out import BARE, held_out
from leafwood.spatial.ground import find_ground
from leafwood.threads import cpu_count
from leafwood.train.boosted_trees import fit_boosted_trees
from leafwood.train.loop import TrainConfig

MIDDLE = 200_000  # points of a validation stand
SHOWN = ("auroc", "g_mean", "wood_recall", "leaf_recall", "wood_iou")
VALIDATION = "validation"
Segment = Callable[[PointCloud], PointCloud]


def clouds(files: Iterable[tuple[str, Path]], validation: Path, few: int) -> Iterator[tuple[str, PointCloud]]:
    """What is labelled: the middles of the validation stands, then the files."""
    stands = sorted(validation.glob("*.laz"))[:few]
    if not stands:
        raise BadConfig(f"--validation: no .laz file in {validation}")
    for path in stands:
        yield VALIDATION, middle(read(path))
    for row, path in files:
        yield row, read(path)


def middle(cloud: PointCloud) -> PointCloud:
    """The points around the middle of the plan, as many as are needed for a threshold."""
    plan = cloud.xyz[:, :2] - (cloud.xyz[:, :2].min(axis=0) + cloud.xyz[:, :2].max(axis=0)) / 2
    return cloud.select(np.sort(np.argsort(np.square(plan).sum(axis=1))[:MIDDLE]))


def wood_iou(found: Scores) -> NDArray[np.float64]:
    """Wood IoU at every threshold that the probability histograms know (4096,)."""
    hits, misses = np.cumsum(found.wood[::-1])[::-1], np.cumsum(found.leaf[::-1])[::-1]
    return hits / np.maximum(found.wood.sum() + misses, 1)


class Race:
    """Scores and speed of models on the same clouds, by row of the table and model."""

    def __init__(self, models: dict[str, Segment]) -> None:
        self.models = models
        self.scores: dict[tuple[str, str], list[Scores]] = defaultdict(list)
        self.seconds: dict[tuple[str, str], float] = defaultdict(float)
        self.points: dict[tuple[str, str], int] = defaultdict(int)

    def run(self, row: str, cloud: PointCloud) -> None:
        """Label one cloud with every model."""
        truth = truth_of(cloud, "gt_wood")
        started = time.perf_counter()
        find_ground(cloud)
        ground = time.perf_counter() - started
        for name, segment in self.models.items():
            started = time.perf_counter()
            result = segment(cloud)
            self.seconds[row, name] += time.perf_counter() - started - ground
            self.points[row, name] += int((result.columns["leafwood"] != OUT_NONE).sum())
            self.scores[row, name].append(evaluate(result, truth).overall)
        print(f"{row}: {len(cloud):,} points, {(truth == WOOD).sum():,} of them wood", flush=True)

    def table(self) -> Iterator[str]:
        """Lines of the table: one for each row of data and model."""
        thresholds = ("wood IoU", "at threshold", "wood IoU there", "points/s")
        yield head("data", "model", "AUROC", "G-mean", "wood recall", "leaf recall", *thresholds)
        total = {key: reduce(add, found) for key, found in self.scores.items()}
        for (row, name), found in total.items():
            if row != VALIDATION:
                best, values = int(np.argmax(wood_iou(total[VALIDATION, name]))), found.as_dict()
                speed = f"{self.points[row, name] / self.seconds[row, name]:,.0f}"
                at = f"{best / len(found.wood):.2f}"
                yield line(row, name, *(values[score] for score in SHOWN), at, wood_iou(found)[best], speed)


def main(argv: Sequence[str] | None = None) -> None:
    """Train the trees, label everything with every model, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="uav")
    parser.add_argument("--soul", type=Path, help="a SOUL model (.safetensors)")
    parser.add_argument("--config", type=Path, default=Path("configs/train/uav.yaml"), help="of the model")
    parser.add_argument("--stands", type=Path, default=Path("runs/stands/heldout"))
    parser.add_argument("--validation", type=Path, default=Path("runs/stands/validation"))
    parser.add_argument("--labelled", type=Path, default=Path("../shared/data/labelled"))
    parser.add_argument("--crops", type=int, default=600, help="that the boosted trees learn from")
    parser.add_argument("--few", type=int, default=1000, help="files of each kind at most")
    parser.add_argument("--threads", type=int, default=cpu_count())
    args = parser.parse_args(argv)
    with threadpool_limits(args.threads):
        trees = fit_boosted_trees(load(args.config, TrainConfig), args.crops)
        print(f"boosted trees: {trees.trees.n_iter_} rounds on {args.crops} crops", flush=True)
        models: dict[str, Segment] = {"leafwood": load_segmenter(args.model, threads=args.threads).segment}
        for name, smoothing in (("boosted trees", False), ("boosted trees, smoothed", True)):
            models[name] = trees.segmenter(smoothing=smoothing, threads=args.threads).segment
        if args.soul:
            models["SOUL"] = load_segmenter(args.soul, threads=args.threads).segment
        race = Race(models)
        for row, cloud in clouds(
            unseen(held_out(args.stands), BARE, args.labelled, args.few), args.validation, args.few
        ):
            race.run(row, cloud)
    print(f"\n{args.threads} processors\n", *race.table(), sep="\n")


if __name__ == "__main__":
    main()
