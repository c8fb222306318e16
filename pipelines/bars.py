"""How good are a model's labels? The figures that leafwood asks of itself, on data it never learnt from.

    python pipelines/bars.py [--model uav] [--data ../shared/data] [--stands runs/stands/heldout]

Virtual stands: twelve drone surveys of three forest types (500-1500 points per m², footprints of 4-10 cm, 2-6 % wood
thicker than twigs) and four of leafless forest; flown on the first run, seeds from 7000, never used elsewhere. Real
scans: the labelled trees, leafless trees, and what becomes of the points near the ground of a real plot.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterator
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from training_stands import draw_stand, survey

from leafwood.classes import GROUND, IGNORE, LEAF, OUT_WOOD, WOOD, Part
from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig
from leafwood.evaluate.evaluation import Evaluation, evaluate, thin_downward, truth_of
from leafwood.evaluate.metrics import Scores, score
from leafwood.io.loaders import read
from leafwood.models import load_segmenter
from leafwood.simulate.scanners.platform import Flight
from leafwood.simulate.stands.stand import grow_stand
from leafwood.simulate.surveys.deliver import write_scan

LEAFY = ("temperate_broadleaf", "conifer", "tropical")
WOOD_SHARE = (0.02, 0.06)
BESIDE = 0.3  # m, in plan: wood near the ground that is no nearer to wood at 0.6-3 m is no foot of a stem
CLEAR = 0.75  # share of an echo's energy from one class that makes it decidable
Segment = Callable[[PointCloud], PointCloud]


def fly(forest: str, seed: int, size: float = 24.0) -> PointCloud:
    """A drone survey of a forest type, its numbers drawn from the seed."""
    rng = np.random.default_rng(seed)
    while True:
        config = dataclasses.replace(
            draw_stand(rng, size, forest), leaf_on=0.0 if forest == "leaf_off" else 1.0, vary=False
        )
        flight = Flight(
            altitude=rng.uniform(40, 70),
            spacing=rng.uniform(20, 40),
            headings=(0.0, 90.0) if rng.random() < 0.5 else (rng.uniform(0, 180),),
            max_scan_angle=rng.uniform(25, 45),
            density=rng.uniform(500, 1500),
        )
        name = str(rng.choice(["minivux", "dji-l2", "vux1"]))
        try:
            cloud = survey(grow_stand(config, seed), name, flight, seed)
        except BadConfig:
            continue
        part = cloud.columns["gt_part"]
        wood = np.isin(part, (Part.BRANCH, Part.STEM, Part.DEADWOOD)).sum() / (part != Part.GROUND).sum()
        if forest not in LEAFY or WOOD_SHARE[0] <= wood <= WOOD_SHARE[1]:
            return cloud


def held_out(folder: Path) -> Iterator[Path]:
    """The sixteen stands, flown where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(16):
        forest = LEAFY[number % 3] if number < 12 else "leaf_off"
        path = folder / f"{forest}_{7000 + number}.laz"
        if not path.exists():
            write_scan(fly(forest, 7000 + number), path, corner=(500_000.0, 5_400_000.0, 300.0))
            print(f"flown: {path}", flush=True)
        yield path


def row(name: str, ask: str, **values: float) -> None:
    """Print a line of the table."""
    print(f"| {name} | {', '.join(f'{k} {v:.3f}' for k, v in values.items())} | {ask} |", flush=True)


def scores(found: Evaluation, *names: str) -> dict[str, float]:
    """Some of the overall scores."""
    values = found.overall.as_dict()
    return {n.replace("_", " "): values[n] for n in names}


def by_energy(truth: NDArray[np.int8], share: NDArray[np.float32]) -> Scores:
    """The limit of any label of whole echoes: the scores of whoever knows how much of each one's energy is wood's.

    Every echo is wood by that share and leaf by the rest, and gets the label that serves the balanced accuracy.
    """
    known = truth != IGNORE
    wood = np.clip(share[known].astype(np.float64), 0.0, 1.0)
    label = (wood > wood.mean()).astype(np.int8)
    as_wood, as_leaf = np.full(len(wood), WOOD, dtype=np.int8), np.full(len(wood), LEAF, dtype=np.int8)
    return score(as_wood, wood, label, wood) + score(as_leaf, wood, label, 1 - wood)


def wood_recall_at(found: Scores, leaf_recall: float) -> float:
    """Wood recall at the threshold that keeps that share of the leaves."""
    bin_ = int(np.searchsorted(np.cumsum(found.leaf), leaf_recall * found.leaf.sum()))
    return float(found.wood[bin_ + 1 :].sum() / found.wood.sum())


def clear_echoes(cloud: PointCloud) -> NDArray[np.int8]:
    """Labels of a virtual scan (n,), IGNORE for twigs and for echoes of which neither class has three quarters."""
    share, part = cloud.columns["gt_wood_share"], cloud.columns["gt_part"]
    doubtful = (np.maximum(share, 1 - share) < CLEAR) | (part == Part.TWIG)
    return np.where(doubtful, IGNORE, truth_of(cloud, "gt_wood")).astype(np.int8)


def without_returns(cloud: PointCloud) -> PointCloud:
    """The cloud as a file that knows nothing of returns: 1 of 1 everywhere."""
    ones = np.ones(len(cloud), dtype=np.uint8)
    return cloud.with_columns(return_number=ones, number_of_returns=ones)


def virtual(segment: Segment, folder: Path) -> None:
    """The rows of the held-out virtual stands."""
    leafy: list[Evaluation] = []
    by_hand: list[Evaluation] = []
    clear: list[Evaluation] = []
    withheld: list[Evaluation] = []
    bare: list[Evaluation] = []
    bare_withheld: list[Evaluation] = []
    limits: list[Scores] = []
    for path in held_out(folder):
        cloud = read(path)
        truth, result, blind = truth_of(cloud, "gt_wood"), segment(cloud), segment(without_returns(cloud))
        if path.name.startswith("leaf_off"):
            bare.append(evaluate(result, truth))
            bare_withheld.append(evaluate(blind, truth))
            continue
        leafy.append(evaluate(result, truth))
        twig = (cloud.columns["gt_part"] == Part.TWIG) & (truth == WOOD)
        by_hand.append(evaluate(result, np.where(twig, LEAF, truth).astype(np.int8)))
        limits.append(by_energy(truth, cloud.columns["gt_wood_share"]))
        truth = clear_echoes(cloud)
        clear.append(evaluate(result, truth))
        withheld.append(evaluate(blind, truth))
    shown = ("auroc", "balanced_accuracy", "wood_recall", "leaf_recall", "ece")
    ask = "AUROC 0.93, BA 0.85, wood recall 0.80 at leaf recall 0.90"
    for title, found in (
        ("12 virtual drone stands", leafy),
        ("the same, twigs counted as leaf", by_hand),
        ("of them, echoes with 75 % of one class, no twigs", clear),
        ("the same, returns withheld", withheld),
    ):
        total = reduce(add, found)
        at = {"wood recall at leaf recall 0.90": wood_recall_at(total.overall, 0.9)}
        row(title, ask, **scores(total, *shown), **at)
    limit = reduce(add, limits).as_dict()
    row("the limit that mixed echoes set there", "", **{n.replace("_", " "): limit[n] for n in shown[:-1]})
    for title, found in (("all echoes", leafy), ("twigs counted as leaf", by_hand), ("clear echoes", clear)):
        tenths = [s.as_dict() for s in reduce(add, found).height.values()]
        enough = [t["balanced_accuracy"] for t in tenths if t["points"] * t["wood_share"] >= 200]
        row(f"worst height decile, {title}", "BA 0.78", BA=min(enough))
    for title, found in (("4 leafless virtual stands", bare), ("the same, returns withheld", bare_withheld)):
        row(title, "wood recall 0.90", **scores(reduce(add, found), "wood_recall"))


def real(segment: Segment, data: Path) -> None:
    """The rows of the real scans."""
    tree = read(data / "labelled" / "tropical_tls_62889.laz")
    shown: tuple[str, ...] = ("auroc", "g_mean", "wood_recall", "leaf_recall", "wood_iou", "ece")
    row("tropical_tls_62889", "AUROC 0.95, G-mean 0.87", **scores(_scored(tree, segment), *shown))
    row("the same, thinned to a third", "G-mean 0.80", **scores(_scored(thin_downward(tree, 1 / 3), segment), *shown))
    other = read(data / "labelled" / "tropical_tls_rc151_pseudo.laz")
    shown = ("auroc", "balanced_accuracy", "wood_recall", "leaf_recall")
    row("tropical_tls_rc151_pseudo", "AUROC 0.955, BA 0.91", **scores(_scored(other, segment), *shown))
    for path in sorted((data / "wood_only").iterdir()):
        label = segment(read(path)).columns["leafwood"]
        row(path.stem, "wood recall 0.97", **{"wood recall": float((label == OUT_WOOD).mean())})
    plot = read(data / "scans" / "UAS_Clip.laz")
    wiped = np.where(plot.columns["classification"] == GROUND, 1, plot.columns["classification"]).astype(np.uint8)
    for title, cloud in (("kept", plot), ("wiped", plot.with_columns(classification=wiped))):
        result = segment(cloud)
        height, wood = result.columns["height_ag"], result.columns["leafwood"] == OUT_WOOD
        low = (height > 0.15) & (height < 0.6)
        stems = cKDTree(cloud.xyz[wood & (height >= 0.6) & (height < 3.0), :2])
        apart = stems.query(cloud.xyz[low & wood, :2])[0] > BESIDE
        row(
            f"UAS_Clip, 0.15-0.6 m above ground, ground class {title}",
            "below 0.15",
            **{"called wood": wood[low].mean(), "called wood and not beneath wood": apart.sum() / low.sum()},
        )


def weak(segment: Segment, data: Path) -> None:
    """The rows of the real drone conifers, of which the bole below the crown and the outer crown are known."""
    paths = sorted((data / "uav_weak").glob("*.laz"))
    if not paths:
        return
    recalls = np.zeros((len(paths), 2))
    for number, path in enumerate(paths):
        cloud = read(path)
        wood, known = segment(cloud).columns["leafwood"] == OUT_WOOD, cloud.columns["gt_weak"]
        recalls[number] = wood[known == WOOD].mean(), 1 - wood[known == LEAF].mean()
    for title, values in (("mean", recalls.mean(axis=0)), ("worst", recalls.min(axis=0))):
        ask = "0.98, 0.96, none below 0.94"
        row(f"uav_weak, {len(paths)} conifers, {title}", ask, **{"bole": values[0], "outer crown": values[1]})


def _scored(cloud: PointCloud, segment: Segment) -> Evaluation:
    return evaluate(segment(cloud), truth_of(cloud, "gt_wood"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="uav")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--stands", type=Path, default=Path("runs/stands/heldout"))
    parser.add_argument("--fly-only", action="store_true", help="make the stands and stop")
    args = parser.parse_args()
    if args.fly_only:
        print(f"{len(list(held_out(args.stands)))} stands in {args.stands}")
        return
    segment = load_segmenter(args.model).segment
    print("| data | found | asked |\n|---|---|---|")
    virtual(segment, args.stands)
    if args.data.is_dir():
        real(segment, args.data)
        weak(segment, args.data)


if __name__ == "__main__":
    main()
