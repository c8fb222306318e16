"""Score real trees by weights that never saw them: a row a tree and species, whole and thinned as from a drone.

    python pipelines/real_trees.py [--folds pipelines/folds] [--data ../shared/data/labelled] [--json FILE]
    python pipelines/real_trees.py --model virtual          # all trees by one model, for comparison
    python pipelines/real_trees.py --quality high           # what five looks at every scan are worth, and cost

The trees, the folds and the thinning are those of `leafwood.evaluate.left_out`.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leafwood.errors import FileWarning
from leafwood.evaluate.evaluation import evaluate, truth_of
from leafwood.evaluate.left_out import TREES, leaving_out, species, whole_and_thinned
from leafwood.evaluate.tables import head, line
from leafwood.inference.segmenter import QUALITIES, Quality
from leafwood.io.loaders import read
from leafwood.models import load_segmenter

SHOWN = ("auroc", "balanced_accuracy", "g_mean", "wood_iou")
LOOKS = ("whole", "thinned")
Row = dict[str, dict[str, float]]


def scored(tree: Path, model: str | Path, quality: Quality = "standard") -> Row:
    """Scores of one tree, whole and thinned, by the name of each score."""
    segmenter = load_segmenter(model, quality=quality)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FileWarning)  # the trees have no CRS
        cloud = read(tree)
    row: Row = {}
    for look, seen in whole_and_thinned(cloud).items():
        values = evaluate(segmenter.segment(seen), truth_of(seen, "gt_wood")).overall.as_dict()
        row[look] = {score: values[score] for score in SHOWN}
    return row


def shown(row: Row) -> list[float]:
    """The scores in the order of the table."""
    return [row[look][score] for look in LOOKS for score in SHOWN]


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", type=Path, default=Path("pipelines/folds"), help="folder of the folds' weights")
    parser.add_argument("--model", help="score all trees by this model instead")
    parser.add_argument("--quality", choices=QUALITIES, default="standard")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/labelled"))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the scores")
    args = parser.parse_args(argv)
    trees = sorted(args.data.glob(TREES))
    if not trees:
        raise SystemExit(f"no {TREES} in {args.data}")
    print(head("tree", "weights", *(f"{look} {score.replace('_', ' ')}" for look in LOOKS for score in SHOWN)))
    rows: dict[str, Row] = {}
    started = time.process_time()
    for tree in trees:
        model = args.model or leaving_out(tree, args.folds)
        rows[tree.stem] = scored(tree, model, args.quality)
        print(line(species(tree), Path(model).stem, *shown(rows[tree.stem])), flush=True)
    mean = {look: {s: float(np.mean([row[look][s] for row in rows.values()])) for s in SHOWN} for look in LOOKS}
    print(line("mean", "", *shown(mean)))
    print(f"\n{time.process_time() - started:.0f} CPU seconds")
    if args.json:
        args.json.write_text(json.dumps(rows | {"mean": mean}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
