"""How far should neighbours agree? The pull of smoothing, chosen on left-out trees and on virtual drone stands.

    python pipelines/choose_smoothing.py runs/stands/{other_instruments,validation,validation_reshaped}

Scans are the labelled trees, each by the weights of the fold that left it out, whole and thinned, and virtual drone
stands (clear echoes: 75 % of their energy from one class, no twigs) that no weights have learnt from and that are
reported on nowhere. A row has a pull, the weight of the neighbours' mean against a point's own margin, and means over a
group of scans: AUROC, wood IoU by the rule `overlap` and G-mean by the rule `balanced`.
"""

from __future__ import annotations

import argparse
import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np

from leafwood.errors import FileWarning
from leafwood.evaluate.by_rule import COLUMNS, RuleScores
from leafwood.evaluate.left_out import scans_to_choose_by
from leafwood.evaluate.tables import head, line
from leafwood.models import load_segmenter
from leafwood.postprocess import regularize
from leafwood.weights import DEFAULT_MODEL

PULLS = (0.0, 0.15, 0.3, 0.5, 0.7)
SHOWN = ("AUROC", "overlap: wood iou", "balanced: g mean")


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stands", type=Path, nargs="+", help="folders of virtual stands")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="for the stands")
    parser.add_argument("--folds", type=Path, default=Path("pipelines/folds"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data/labelled"))
    args = parser.parse_args(argv)
    warnings.simplefilter("ignore", FileWarning)  # the trees have no CRS
    found: dict[tuple[str, float], list[list[float]]] = defaultdict(list)
    for group, model, cloud, truth in scans_to_choose_by(args.data, args.folds, args.stands, args.model):
        segmenter = load_segmenter(model)
        for pull in PULLS:
            with patch.object(regularize, "_PULL", pull):
                scores = RuleScores.of(segmenter.segment(cloud), truth).values()
            found[group, pull].append([scores[COLUMNS.index(name)] for name in SHOWN])
    print(head("scans", "pull", *SHOWN))
    for group in dict.fromkeys(group for group, _ in found):
        for pull in PULLS:
            rows = found[group, pull]
            print(line(f"{len(rows)} {group}", f"{pull:g}", *(float(value) for value in np.mean(rows, axis=0))))


if __name__ == "__main__":
    main()
