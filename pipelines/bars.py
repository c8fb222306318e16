"""How good are a model's labels? What leafwood asks of itself, on data it never learnt from, by both decision rules.

    python pipelines/bars.py [--model uav] [--folds pipelines/folds] [--stands runs/stands/heldout]

Real trees come first: the seven that the shipped weights have seen, each by the weights of the fold that left it out,
whole and thinned as from a drone; those that no weights have learnt from; leafless trees; drone conifers of which the
bole and the outer crown are known; and what becomes of the points near the ground of a real plot. Then come the virtual
stands of `leafwood.simulate.surveys.held_out`, flown on the first run. What is asked of each row stands in
configs/pipelines/bars.yaml.
"""

from __future__ import annotations

import argparse
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import GROUND, LEAF, OUT_WOOD, WOOD, Part
from leafwood.cloud import PointCloud
from leafwood.config import load
from leafwood.errors import FileWarning
from leafwood.evaluate.by_rule import COLUMNS, RuleScores, with_rule
from leafwood.evaluate.echoes import best_of_mixed, clear_echoes, without_returns
from leafwood.evaluate.evaluation import truth_of
from leafwood.evaluate.left_out import TREES, leaving_out, species, whole_and_thinned
from leafwood.evaluate.metrics import Scores
from leafwood.evaluate.partial_truth import known_recalls, wood_near_ground
from leafwood.evaluate.tables import head, line
from leafwood.evaluate.thinning import thin_downward
from leafwood.inference.segmenter import QUALITIES, Quality
from leafwood.io.loaders import read
from leafwood.models import load_segmenter
from leafwood.postprocess.rule import RULES, Rule
from leafwood.simulate.surveys.held_out import BARE, held_out

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "pipelines" / "bars.yaml"
Segment = Callable[[PointCloud], PointCloud]


@dataclass(frozen=True)
class Config:
    """What is asked.

    Attributes:
        asked: by the name of a row; rows that are not named are reported, and nothing is asked of them.
        asked_of_tenths: balanced accuracy of the worst tenth of the height, likewise.
    """

    asked: Mapping[str, str] = field(default_factory=dict)
    asked_of_tenths: Mapping[str, str] = field(default_factory=dict)


class Tables:
    """Prints tables whose last column is what is asked of a row."""

    def __init__(self, asked: Mapping[str, str]) -> None:
        self.asked = asked

    def head(self, *columns: str) -> None:
        """Begin a table."""
        print(f"\n{head(*columns, 'asked')}")

    def row(self, name: str, values: Iterable[float]) -> None:
        """Add a row to it."""
        print(line(name, *map(float, values), self.asked.get(name, "")), flush=True)


def wood(result: PointCloud, rule: Rule) -> NDArray[np.bool_]:
    """Points (n,) that a rule calls wood."""
    return np.asarray(with_rule(result, rule).columns["leafwood"] == OUT_WOOD)


def left_out(tables: Tables, data: Path, folds: Path, quality: Quality) -> None:
    """The trees that the shipped weights have seen, each by weights that have not."""
    tables.head("left out of training", *COLUMNS)
    rows: dict[str, list[list[float]]] = defaultdict(list)
    for path in sorted((data / "labelled").glob(TREES)):
        segment = load_segmenter(leaving_out(path, folds), quality=quality).segment
        for look, cloud in whole_and_thinned(read(path)).items():
            rows[look].append(RuleScores.of(segment(cloud), truth_of(cloud, "gt_wood")).values())
            tables.row(f"{species(path)}, {look}", rows[look][-1])
    for look, values in rows.items():
        tables.row(f"mean, {look}", np.mean(values, axis=0))


def never_seen(tables: Tables, segment: Segment, data: Path) -> None:
    """Trees that no weights have seen, and leafless ones."""
    tables.head("never learnt from", *COLUMNS)
    tree = read(data / "labelled" / "tropical_tls_62889.laz")
    other = read(data / "labelled" / "tropical_tls_rc151_pseudo.laz")
    for name, cloud in (
        ("tropical tree 62889", tree),
        ("62889 thinned to a third", thin_downward(tree, 1 / 3)),
        ("tropical tree rc151, an algorithm's labels", other),
    ):
        tables.row(name, RuleScores.of(segment(cloud), truth_of(cloud, "gt_wood")).values())
    tables.head("leafless trees, wood recall", *RULES)
    for path in sorted((data / "wood_only").iterdir()):
        result = segment(read(path))
        tables.row(path.stem, [wood(result, rule).mean() for rule in RULES])


def weak(tables: Tables, segment: Segment, data: Path) -> None:
    """Real drone conifers, of which the bole below the crown and the outer crown are known."""
    tables.head("drone conifers, recall", *(f"{rule}: {part}" for rule in RULES for part in ("bole", "outer crown")))
    recalls = []
    for path in sorted((data / "uav_weak").glob("*.laz")):
        cloud = read(path)
        result, known = segment(cloud), cloud.columns["gt_weak"]
        recalls.append([value for rule in RULES for value in known_recalls(wood(result, rule), known)])
    tables.row("mean", np.mean(recalls, axis=0))
    tables.row("worst", np.min(recalls, axis=0))


def near_ground(tables: Tables, segment: Segment, data: Path) -> None:
    """What is called wood just above the ground of a real plot."""
    parts = ("called wood", "and not beneath wood")
    tables.head("UAS_Clip, 0.15-0.6 m above ground", *(f"{rule}: {part}" for rule in RULES for part in parts))
    plot = read(data / "scans" / "UAS_Clip.laz")
    wiped = np.where(plot.columns["classification"] == GROUND, 1, plot.columns["classification"]).astype(np.uint8)
    for title, cloud in (("kept", plot), ("wiped", plot.with_columns(classification=wiped))):
        result = segment(cloud)
        height = result.columns["height_ag"]
        values = [value for rule in RULES for value in wood_near_ground(cloud.xyz, height, wood(result, rule))]
        tables.row(f"ground class {title}", values)


def virtual(tables: Tables, segment: Segment, stands: Iterable[Path], asked_of_tenths: Mapping[str, str]) -> None:
    """The held-out virtual stands."""
    groups: dict[str, list[RuleScores]] = defaultdict(list)
    limits: list[Scores] = []
    for path in stands:
        cloud = read(path)
        truth, result, blind = truth_of(cloud, "gt_wood"), segment(cloud), segment(without_returns(cloud))
        if path.name.startswith(BARE):
            groups["4 leafless stands"].append(RuleScores.of(result, truth))
            groups["the same, returns withheld"].append(RuleScores.of(blind, truth))
            continue
        twig, clear = (cloud.columns["gt_part"] == Part.TWIG) & (truth == WOOD), clear_echoes(cloud)
        groups["12 drone stands, all echoes"].append(RuleScores.of(result, truth))
        groups["twigs counted as leaf"].append(RuleScores.of(result, np.where(twig, LEAF, truth).astype(np.int8)))
        groups["clear echoes: 75 % of one class, no twigs"].append(RuleScores.of(result, clear))
        groups["clear echoes, returns withheld"].append(RuleScores.of(blind, clear))
        limits.append(best_of_mixed(truth, cloud.columns["gt_wood_share"]))
    tables.head("virtual stands", *COLUMNS)
    total = {name: reduce(add, found) for name, found in groups.items()}
    for name, found in total.items():
        tables.row(name, found.values())
    limit = reduce(add, limits).as_dict()
    print(f"\nThe limit that mixed echoes set on all echoes: balanced accuracy {limit['balanced_accuracy']:.3f}.")
    tenths = Tables(asked_of_tenths)
    tenths.head("worst tenth of the height, balanced accuracy", *RULES)
    for name in (name for name in total if "leafless" not in name):
        tenths.row(name, [total[name].by_rule[rule].worst_tenth() for rule in RULES])


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="uav")
    parser.add_argument("--folds", type=Path, default=Path("pipelines/folds"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--stands", type=Path, default=Path("runs/stands/heldout"))
    parser.add_argument("--quality", choices=QUALITIES, default="standard")
    parser.add_argument("--fly-only", action="store_true", help="make the stands and stop")
    parser.add_argument("--config", type=Path, default=CONFIG)
    args = parser.parse_args(argv)
    if args.fly_only:
        print(f"{len(list(held_out(args.stands)))} stands in {args.stands}")
        return
    warnings.simplefilter("ignore", FileWarning)  # the trees have no CRS
    config = load(args.config, Config)
    tables, segment = Tables(config.asked), load_segmenter(args.model, quality=args.quality).segment
    if args.data.is_dir():
        if args.folds.is_dir():
            left_out(tables, args.data, args.folds, args.quality)
        for table in (never_seen, weak, near_ground):
            table(tables, segment, args.data)
    virtual(tables, segment, held_out(args.stands), config.asked_of_tenths)


if __name__ == "__main__":
    main()
