"""How good are a model's labels? What leafwood asks of itself, on data it never learnt from, by both decision rules.

    python pipelines/bars.py [--model uav] [--folds pipelines/folds] [--stands runs/stands/heldout]

Real trees first: the seven that the shipped weights have seen, each by the weights of the fold that left it out, whole
and thinned as from a drone; those that nobody has learnt from; leafless trees; drone conifers of which the bole and the
outer crown are known; and what becomes of the points near the ground of a real plot. Then virtual stands: twelve drone
surveys of three forest types (500-1500 points per m², footprints of 4-10 cm, 2-6 % wood thicker than twigs) and four of
leafless forest, flown on the first run, seeds from 7000, never used elsewhere.
"""

from __future__ import annotations

import argparse
import dataclasses
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from real_trees import SPECIES, THINNED, TREES, leaving_out
from scipy.spatial import cKDTree
from training_stands import draw_stand, survey

from leafwood.classes import GROUND, IGNORE, LEAF, OUT_LEAF, OUT_NONE, OUT_WOOD, WOOD, Part
from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig, FileWarning
from leafwood.evaluate.evaluation import Evaluation, evaluate, thin_downward, truth_of
from leafwood.evaluate.metrics import Scores, score
from leafwood.inference.segmenter import QUALITIES
from leafwood.io.loaders import read
from leafwood.models import load_segmenter
from leafwood.postprocess.rule import RULES, Rule, decide
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


def relabelled(result: PointCloud, rule: Rule) -> PointCloud:
    """A labelled cloud with the labels of a rule."""
    todo = result.columns["leafwood"] != OUT_NONE
    equal, height = result.columns["wood_prob_equal"][todo], result.columns["height_ag"][todo]
    label = np.full(len(result), OUT_NONE, dtype=np.uint16)
    label[todo] = np.where(decide(equal, height, result.xyz[todo, 2], rule).wood, OUT_WOOD, OUT_LEAF)
    return result.with_columns(leafwood=label)


class Found:
    """Scores of some scans by each rule; scans add up.

    Args:
        by_rule: rule -> scores.
    """

    def __init__(self, by_rule: dict[Rule, Evaluation]) -> None:
        self.by_rule = by_rule

    @classmethod
    def of(cls, result: PointCloud, truth: NDArray[np.int8]) -> Found:
        """Scores of one labelled scan."""
        return cls({rule: evaluate(relabelled(result, rule), truth) for rule in RULES})

    def __add__(self, other: Found) -> Found:
        return Found({rule: mine + other.by_rule[rule] for rule, mine in self.by_rule.items()})

    def values(self) -> list[float]:
        """AUROC and ECE, which no rule changes, and the scores of each rule."""
        scores = {rule: found.overall.as_dict() for rule, found in self.by_rule.items()}
        whatever = scores[RULES[0]]
        return [whatever["auroc"], whatever["ece"], *(scores[rule][name] for rule in RULES for name in BY_RULE)]


BY_RULE = ("wood_iou", "g_mean", "wood_recall", "leaf_recall")
HEAD = ("AUROC", "ECE", *(f"{rule}: {name.replace('_', ' ')}" for rule in RULES for name in BY_RULE))


def head(first: str, *columns: str) -> None:
    """Print the head of a table."""
    print(f"\n| {first} | {' | '.join(columns)} | asked |\n|{'---|' * (len(columns) + 2)}")


def row(name: str, values: Iterable[float], ask: str = "") -> None:
    """Print a line of a table."""
    print(f"| {name} | {' | '.join(f'{value:.3f}' for value in values)} | {ask} |", flush=True)


def by_energy(truth: NDArray[np.int8], share: NDArray[np.float32]) -> Scores:
    """The limit of any label of whole echoes: the scores of whoever knows how much of each one's energy is wood's.

    Every echo is wood by that share and leaf by the rest, and gets the label that serves the balanced accuracy.
    """
    known = truth != IGNORE
    wood = np.clip(share[known].astype(np.float64), 0.0, 1.0)
    label = (wood > wood.mean()).astype(np.int8)
    as_wood, as_leaf = np.full(len(wood), WOOD, dtype=np.int8), np.full(len(wood), LEAF, dtype=np.int8)
    return score(as_wood, wood, label, wood) + score(as_leaf, wood, label, 1 - wood)


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
    """The tables of the held-out virtual stands."""
    groups: dict[str, list[Found]] = defaultdict(list)
    limits: list[Scores] = []
    for path in held_out(folder):
        cloud = read(path)
        truth, result, blind = truth_of(cloud, "gt_wood"), segment(cloud), segment(without_returns(cloud))
        if path.name.startswith("leaf_off"):
            groups["4 leafless stands"].append(Found.of(result, truth))
            groups["the same, returns withheld"].append(Found.of(blind, truth))
            continue
        twig = (cloud.columns["gt_part"] == Part.TWIG) & (truth == WOOD)
        groups["12 drone stands, all echoes"].append(Found.of(result, truth))
        groups["twigs counted as leaf"].append(Found.of(result, np.where(twig, LEAF, truth).astype(np.int8)))
        groups["clear echoes: 75 % of one class, no twigs"].append(Found.of(result, clear_echoes(cloud)))
        groups["clear echoes, returns withheld"].append(Found.of(blind, clear_echoes(cloud)))
        limits.append(by_energy(truth, cloud.columns["gt_wood_share"]))
    head("virtual stands", *HEAD)
    asks = {
        "clear echoes: 75 % of one class, no twigs": "AUROC 0.93, ECE 0.05",
        "4 leafless stands": "wood recall 0.90",
    }
    total = {name: reduce(add, found) for name, found in groups.items()}
    for name, found in total.items():
        row(name, found.values(), asks.get(name, ""))
    limit = reduce(add, limits).as_dict()
    print(f"\nThe limit that mixed echoes set on all echoes: balanced accuracy {limit['balanced_accuracy']:.3f}.")
    head("worst tenth of the height, balanced accuracy", *RULES)
    for name in [name for name in total if "leafless" not in name]:
        row(
            name, [worst_tenth(total[name].by_rule[rule]) for rule in RULES], "0.75" if name.startswith("clear") else ""
        )


def worst_tenth(found: Evaluation) -> float:
    """Balanced accuracy of the worst tenth of the height that has 200 wood points."""
    tenths = [scores.as_dict() for scores in found.height.values()]
    return min(t["balanced_accuracy"] for t in tenths if t["points"] * t["wood_share"] >= 200)


def left_out(data: Path, folds: Path) -> None:
    """The table of the trees that the shipped weights have seen, each by weights that have not."""
    head("left out of training", *HEAD)
    rows: dict[str, list[list[float]]] = {"whole": [], "thinned": []}
    asks = {"whole": "AUROC 0.955, IoU 0.74, G-mean 0.89", "thinned": "AUROC 0.925, IoU 0.56, G-mean 0.84"}
    for path in sorted((data / "labelled").glob(TREES)):
        segment = load_segmenter(leaving_out(path, folds)).segment
        tree = read(path)
        for look, cloud in (("whole", tree), ("thinned", thin_downward(tree, min(1.0, THINNED / len(tree))))):
            rows[look].append(Found.of(segment(cloud), truth_of(cloud, "gt_wood")).values())
            row(f"{SPECIES[path.stem.split('_')[1]]}, {look}", rows[look][-1])
    for look, values in rows.items():
        row(f"mean, {look}", np.mean(values, axis=0), asks[look])


def never_seen(segment: Segment, data: Path) -> None:
    """The table of trees that no weights have seen, and that of leafless ones."""
    head("never learnt from", *HEAD)
    tree = read(data / "labelled" / "tropical_tls_62889.laz")
    other = read(data / "labelled" / "tropical_tls_rc151_pseudo.laz")
    for name, cloud, ask in (
        ("tropical tree 62889", tree, "AUROC 0.935, G-mean 0.87"),
        ("62889 thinned to a third", thin_downward(tree, 1 / 3), "G-mean 0.80"),
        ("tropical tree rc151, an algorithm's labels", other, "AUROC 0.955"),
    ):
        row(name, Found.of(segment(cloud), truth_of(cloud, "gt_wood")).values(), ask)
    head("leafless trees, wood recall", *RULES)
    for path in sorted((data / "wood_only").iterdir()):
        result = segment(read(path))
        found = [(relabelled(result, rule).columns["leafwood"] == OUT_WOOD).mean() for rule in RULES]
        row(path.stem, found, "0.80" if path.stem == "pear_wood" else "0.97")


def weak(segment: Segment, data: Path) -> None:
    """The table of the real drone conifers, of which the bole below the crown and the outer crown are known."""
    head("drone conifers, recall", *(f"{rule}: {part}" for rule in RULES for part in ("bole", "outer crown")))
    recalls = []
    for path in sorted((data / "uav_weak").glob("*.laz")):
        cloud = read(path)
        result, known, found = segment(cloud), cloud.columns["gt_weak"], []
        for rule in RULES:
            wood = relabelled(result, rule).columns["leafwood"] == OUT_WOOD
            found += [wood[known == WOOD].mean(), 1 - wood[known == LEAF].mean()]
        recalls.append(found)
    row("mean", np.mean(recalls, axis=0), "0.98, 0.96")
    row("worst", np.min(recalls, axis=0), "0.94, 0.94")


def near_ground(segment: Segment, data: Path) -> None:
    """The table of what is called wood just above the ground of a real plot."""
    parts = ("called wood", "and not beneath wood")
    head("UAS_Clip, 0.15-0.6 m above ground", *(f"{rule}: {part}" for rule in RULES for part in parts))
    plot = read(data / "scans" / "UAS_Clip.laz")
    wiped = np.where(plot.columns["classification"] == GROUND, 1, plot.columns["classification"]).astype(np.uint8)
    for title, cloud in (("kept", plot), ("wiped", plot.with_columns(classification=wiped))):
        result, found = segment(cloud), []
        height = result.columns["height_ag"]
        low = (height > 0.15) & (height < 0.6)
        for rule in RULES:
            wood = relabelled(result, rule).columns["leafwood"] == OUT_WOOD
            stems = cKDTree(cloud.xyz[wood & (height >= 0.6) & (height < 3.0), :2])
            apart = stems.query(cloud.xyz[low & wood, :2])[0] > BESIDE
            found += [wood[low].mean(), apart.sum() / low.sum()]
        row(f"ground class {title}", found, "not beneath wood 0.07")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="uav")
    parser.add_argument("--folds", type=Path, default=Path("pipelines/folds"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--stands", type=Path, default=Path("runs/stands/heldout"))
    parser.add_argument("--quality", choices=QUALITIES, default="standard")
    parser.add_argument("--fly-only", action="store_true", help="make the stands and stop")
    args = parser.parse_args()
    if args.fly_only:
        print(f"{len(list(held_out(args.stands)))} stands in {args.stands}")
        return
    warnings.simplefilter("ignore", FileWarning)  # the trees have no CRS
    segment = load_segmenter(args.model, quality=args.quality).segment
    if args.data.is_dir():
        if args.folds.is_dir():
            left_out(args.data, args.folds)
        for table in (never_seen, weak, near_ground):
            table(segment, args.data)
    virtual(segment, args.stands)


if __name__ == "__main__":
    main()
