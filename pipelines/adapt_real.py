"""What adapting virtual-only weights to real trees buys: the last layer alone, LoRA, debLoRA, on trees never seen.

    make train-virtual
    python pipelines/adapt_real.py runs/adapted --trees ../shared/data/labelled --seeds 1 2 3 4 5

Two labelled trees are learnt from, one chooses and calibrates, all others are scored, point by point; with every seed
the same ones, so that what differs is chance in training. Trees are thinned before they are scored, which leaves the
scores nearly alone. Wood recall is given by thirds of the height too: debLoRA takes the wood of each for a class of its
own. Runs that are in results.csv are not done again.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np

from leafwood.classes import WOOD
from leafwood.cloud import PointCloud
from leafwood.datasets.crops import CropConfig
from leafwood.errors import BadConfig
from leafwood.evaluate.evaluation import height_slices, truth_of
from leafwood.evaluate.metrics import Scores, score
from leafwood.evaluate.tables import head, line, mean_and_spread
from leafwood.inference.segmenter import Segmenter
from leafwood.io.loaders import read
from leafwood.train.adapt import METHODS, adapt
from leafwood.train.trials.results import append, rows

LEARN = ("weiser_FagSyl_BR01_01_TLS-on", "weiser_PinSyl_KA09_T048_TLS-on")
CHOOSE = "weiser_QueRub_KA09_T053_TLS-on"
THIRDS = ("low", "middle", "high")
SHOWN = ("auroc", "g_mean", "wood_recall", "leaf_recall", "wood_iou", "ece")
CROPS = CropConfig(max_points=3000, min_points=800, scale=0.2, single_tree=0.0, radius=(1.0, 3.0))


def thinned(cloud: PointCloud, most: int) -> PointCloud:
    """At most so many points, drawn at random, the same ones every time."""
    kept = np.sort(np.random.default_rng(0).permutation(len(cloud))[:most])
    return cloud.select(kept)


def judge(model: str | Path, trees: dict[str, PointCloud], calibrated: bool) -> tuple[Scores, list[float]]:
    """Scores of a model over some trees, and the wood recall in each third of their height."""
    segmenter = Segmenter.from_pretrained(model, threads=1)
    if not calibrated:
        segmenter.model = replace(segmenter.model, calibration=type(segmenter.model.calibration)())
    parts, found, wood = [], np.zeros(3), np.zeros(3)
    for cloud in trees.values():
        truth, prob = truth_of(cloud, "gt_wood"), segmenter.segment(cloud).columns["wood_prob"]
        parts.append(score(truth, prob))
        third = height_slices(cloud.xyz[:, 2], 3)
        found += np.bincount(third[(truth == WOOD) & (prob > 0.5)], minlength=3)
        wood += np.bincount(third[truth == WOOD], minlength=3)
    return reduce(add, parts), (found / np.maximum(wood, 1)).tolist()


def row(name: str, seed: int, model: str | Path, trees: dict[str, PointCloud], calibrated: bool) -> dict[str, object]:
    """One line of the results."""
    scores, recalls = judge(model, trees, calibrated)
    values = scores.as_dict()
    by_third = {f"wood_recall_{third}": value for third, value in zip(THIRDS, recalls, strict=True)}
    first = {"weights": name, "seed": seed, "calibrated": calibrated}
    return first | {column: values[column] for column in SHOWN} | by_third


def table(lines: Sequence[dict[str, str]]) -> str:
    """Means over the seeds, and their standard deviations where there are several."""
    columns = (*SHOWN, *(f"wood_recall_{third}" for third in THIRDS))
    text = [head("weights", "calibrated", "seeds", *columns)]
    for name, calibrated in dict.fromkeys((one["weights"], one["calibrated"]) for one in lines):
        those = [one for one in lines if (one["weights"], one["calibrated"]) == (name, calibrated)]
        cells = [mean_and_spread([float(one[column]) for one in those]) for column in columns]
        text.append(line(name, "yes" if calibrated == "True" else "no", len(those), *cells))
    return "\n".join(text)


def main(argv: Sequence[str] | None = None) -> None:
    """Adapt with every seed that is missing, score, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the weights and results")
    parser.add_argument("--trees", type=Path, required=True, help="folder of labelled trees (gt_wood)")
    parser.add_argument(
        "--model",
        default="runs/virtual/model.safetensors",
        help="weights to begin with, which have seen none of the trees",
    )
    parser.add_argument("--learn", nargs="+", default=LEARN, help="names of the trees to learn from")
    parser.add_argument("--choose", default=CHOOSE, help="name of the tree to choose and calibrate by")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=40, help="of each training")
    parser.add_argument("--points", type=int, default=20_000, help="of a tree that is scored")
    args = parser.parse_args(argv)
    files = {path.stem: path for path in sorted(args.trees.glob("*.laz"))}
    if missing := {*args.learn, args.choose} - files.keys():
        parser.error(f"--trees: no {sorted(missing)[0]}.laz in {args.trees}")
    trees = {
        name: thinned(read(path), args.points) for name, path in files.items() if name not in {*args.learn, args.choose}
    }
    done = {(one["weights"], int(one["seed"])) for one in rows(args.out)}
    if ("as it was", 0) not in done:
        for calibrated in (False, True):
            append(args.out, row("as it was", 0, args.model, trees, calibrated))
    for seed in args.seeds:
        if (METHODS[-1], seed) in done:
            continue
        folder = args.out / f"seed_{seed}"
        learn = [files[name] for name in args.learn]
        settings = {"model": args.model, "methods": METHODS, "steps": args.steps, "crops": CROPS, "seed": seed}
        try:
            adapt(learn, [files[args.choose]], folder, **settings)
        except BadConfig as error:
            parser.error(str(error))
        for method in METHODS:
            for calibrated in (False, True):
                append(args.out, row(method, seed, folder / method / "model.safetensors", trees, calibrated))
    print(table(rows(args.out)))


if __name__ == "__main__":
    main()
