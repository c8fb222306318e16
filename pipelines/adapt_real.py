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
import csv
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
from leafwood.inference.segmenter import Segmenter
from leafwood.io.loaders import read
from leafwood.train.adapt import METHODS, adapt

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
    line: dict[str, object] = {"weights": name, "seed": seed, "calibrated": calibrated}
    line |= {column: values[column] for column in SHOWN}
    return line | {f"wood_recall_{third}": value for third, value in zip(THIRDS, recalls, strict=True)}


def append(path: Path, line: dict[str, object]) -> None:
    """Add a line to the results."""
    new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, line)
        if new:
            writer.writeheader()
        writer.writerow(line)
    print(", ".join(f"{key} {value:.3f}" if isinstance(value, float) else f"{value}" for key, value in line.items()))


def rows(path: Path) -> list[dict[str, str]]:
    """The lines that are there."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def table(lines: list[dict[str, str]]) -> str:
    """Means over the seeds, and their standard deviations where there are several."""
    columns = (*SHOWN, *(f"wood_recall_{third}" for third in THIRDS))
    text = [f"| weights | calibrated | seeds | {' | '.join(columns)} |", f"|---|---|---|{'---|' * len(columns)}"]
    for name in dict.fromkeys((line["weights"], line["calibrated"]) for line in lines):
        those = [line for line in lines if (line["weights"], line["calibrated"]) == name]
        cells = []
        for column in columns:
            values = np.array([float(line[column]) for line in those])
            spread = f" ± {values.std(ddof=1):.3f}" if len(values) > 1 else ""
            cells.append(f"{values.mean():.3f}{spread}")
        text.append(f"| {name[0]} | {'yes' if name[1] == 'True' else 'no'} | {len(those)} | {' | '.join(cells)} |")
    return "\n".join(text)


def main() -> None:
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
    args = parser.parse_args()
    files = {path.stem: path for path in sorted(args.trees.glob("*.laz"))}
    if missing := {*args.learn, args.choose} - files.keys():
        parser.error(f"--trees: no {sorted(missing)[0]}.laz in {args.trees}")
    trees = {
        name: thinned(read(path), args.points) for name, path in files.items() if name not in {*args.learn, args.choose}
    }
    args.out.mkdir(parents=True, exist_ok=True)
    results = args.out / "results.csv"
    done = {(line["weights"], int(line["seed"])) for line in rows(results)}
    if ("as it was", 0) not in done:
        for calibrated in (False, True):
            append(results, row("as it was", 0, args.model, trees, calibrated))
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
                append(results, row(method, seed, folder / method / "model.safetensors", trees, calibrated))
    print(table(rows(results)))


if __name__ == "__main__":
    main()
