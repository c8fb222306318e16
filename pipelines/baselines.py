"""leafwood's network beside two baselines, on data that none of them has learnt from.

    python pipelines/baselines.py [--model uav] [--soul runs/soul/model.safetensors]

Boosted trees (scikit-learn's HistGradientBoostingClassifier) read what the network reads at its finest level: shapes of
neighbourhoods at two scales, spacings, points per voxel, height above ground. They learn from the very crops that the
network's configuration trains on, and label as leafwood does: tiles, shrinkage of sparse clouds and, in a second row,
the smoothing over neighbours. SOUL is the published baseline; configs/train/soul_short.yaml and uav_short.yaml train it
and leafwood's network for the same time on the same stands.

Lest a threshold decide, wood IoU is also given at the threshold that is best for each model on the middle of the
validation stands. Points/s are labelled points over the time it took in memory, without that of finding the ground,
which is the same for all; the models take turns, file by file.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from bars import LEAFY, Segment, held_out
from numpy.typing import NDArray

from leafwood.classes import IGNORE, OUT_NONE, WOOD
from leafwood.cloud import PointCloud
from leafwood.config import load
from leafwood.errors import BadConfig
from leafwood.evaluate.evaluation import evaluate, truth_of
from leafwood.evaluate.metrics import Scores
from leafwood.graph.build import Graph
from leafwood.graph.config import GraphConfig
from leafwood.inference.model_file import Model
from leafwood.inference.segmenter import Segmenter
from leafwood.io.loaders import read
from leafwood.models import load_segmenter
from leafwood.nn.structure import UNetConfig
from leafwood.spatial.ground import find_ground
from leafwood.threads import cpu_count
from leafwood.train.data import load_training_set
from leafwood.train.loop import TrainConfig

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

VOXELS = 2000  # that the trees learn from, of each crop
MIDDLE = 200_000  # points of a validation stand
SHOWN = ("auroc", "g_mean", "wood_recall", "leaf_recall", "wood_iou")
VALIDATION = "validation"


class BoostedTrees:
    """Boosted trees in the network's place: they read the finest level and nothing else.

    Args:
        graph: the graphs that the trees have learnt from.
        trees: fitted.
    """

    def __init__(self, graph: GraphConfig, trees: HistGradientBoostingClassifier) -> None:
        self.trees, self.finest = trees, replace(graph, n_levels=1)

    def __call__(self, graph: Graph, threads: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (m, 2), that of leaf 0, and no channels (m, 0)."""
        margin = self.trees.decision_function(graph["x0"]).astype(np.float32)
        return np.stack([np.zeros_like(margin), margin], axis=1), np.zeros((len(margin), 0), dtype=np.float32)

    def segmenter(self, *, smoothing: bool, threads: int) -> Segmenter:
        """Labels clouds with the trees."""
        shape = UNetConfig(widths=(1,), encoder_convs=(0,), decoder_convs=())
        return Segmenter(Model(self, self.finest, shape), smoothing=smoothing, threads=threads)


def boosted_trees(config: TrainConfig, crops: int) -> BoostedTrees:
    """Fit the trees to voxels of the first crops of a training run, leaf and wood weighing the same."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    examples = load_training_set(replace(config, steps=-(-crops // config.batch))).examples
    rng = np.random.default_rng(0)
    tables: list[NDArray[np.float32]] = []
    labels: list[NDArray[np.int64]] = []
    for graph in (examples[number] for number in range(crops)):
        chosen = rng.permutation(np.flatnonzero(graph.y.numpy() != IGNORE))[:VOXELS]
        tables.append(graph["x0"].numpy()[chosen])
        labels.append(graph.y.numpy()[chosen])
    # as many rounds as help on the tenth that is kept back
    trees = HistGradientBoostingClassifier(max_iter=500, class_weight="balanced", early_stopping=True, random_state=0)
    trees.fit(np.concatenate(tables), np.concatenate(labels))
    print(f"boosted trees: {sum(map(len, labels)):,} voxels of {crops} crops, {trees.n_iter_} rounds", flush=True)
    return BoostedTrees(config.model.graph, trees)


def test_files(stands: Path, labelled: Path, few: int) -> Iterator[tuple[str, Path]]:
    """Files with a truth, and the row of a table that each counts for; of each row at most `few`."""
    flown = sorted(held_out(stands))
    rows = {
        "virtual stands in leaf": [path for path in flown if path.name.startswith(LEAFY)],
        "leafless virtual stands": [path for path in flown if not path.name.startswith(LEAFY)],
        **{path.stem: [path] for path in sorted(labelled.glob("*.laz"))},
    }
    return ((row, path) for row, paths in rows.items() for path in paths[:few])


def clouds(files: Iterator[tuple[str, Path]], validation: Path, few: int) -> Iterator[tuple[str, PointCloud]]:
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


def score_all(
    models: dict[str, Segment], labelled: Iterator[tuple[str, PointCloud]]
) -> tuple[dict[tuple[str, str], Scores], dict[tuple[str, str], float]]:
    """Scores and points/s by row and model."""
    scores: dict[tuple[str, str], list[Scores]] = defaultdict(list)
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    points: dict[tuple[str, str], int] = defaultdict(int)
    for row, cloud in labelled:
        truth = truth_of(cloud, "gt_wood")
        started = time.perf_counter()
        find_ground(cloud)
        ground = time.perf_counter() - started
        for name, segment in models.items():
            started = time.perf_counter()
            result = segment(cloud)
            seconds[row, name] += time.perf_counter() - started - ground
            points[row, name] += int((result.columns["leafwood"] != OUT_NONE).sum())
            scores[row, name].append(evaluate(result, truth).overall)
        print(f"{row}: {len(cloud):,} points, {(truth == WOOD).sum():,} of them wood", flush=True)
    return {key: reduce(add, found) for key, found in scores.items()}, {
        key: points[key] / seconds[key] for key in points
    }


def table(scores: dict[tuple[str, str], Scores], speed: dict[tuple[str, str], float]) -> str:
    """Markdown: a line for each row of data and model."""
    heads = "AUROC | G-mean | wood recall | leaf recall | wood IoU | at threshold | wood IoU there | points/s"
    lines = [f"| data | model | {heads} |", "|---|---|" + "---|" * 8]
    for (row, name), found in scores.items():
        if row == VALIDATION:
            continue
        best = int(np.argmax(wood_iou(scores[VALIDATION, name])))
        values = found.as_dict()
        cells = [f"{values[column]:.3f}" for column in SHOWN]
        cells += [f"{best / len(found.wood):.2f}", f"{wood_iou(found)[best]:.3f}", f"{speed[row, name]:,.0f}"]
        lines.append(f"| {row} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Train the trees, label everything with every model, print the table."""
    from threadpoolctl import threadpool_limits

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
    args = parser.parse_args()
    with threadpool_limits(args.threads):
        trees = boosted_trees(load(args.config, TrainConfig), args.crops)
        models: dict[str, Segment] = {"leafwood": load_segmenter(args.model, threads=args.threads).segment}
        for name, smoothing in (("boosted trees", False), ("boosted trees, smoothed", True)):
            models[name] = trees.segmenter(smoothing=smoothing, threads=args.threads).segment
        if args.soul:
            models["SOUL"] = load_segmenter(args.soul, threads=args.threads).segment
        files = test_files(args.stands, args.labelled, args.few)
        scores, speed = score_all(models, clouds(files, args.validation, args.few))
    print(f"\n{args.threads} processors\n\n{table(scores, speed)}")


if __name__ == "__main__":
    main()
