"""How are labels made of probabilities? The default rule, and how far shares of wood follow height, are chosen here.

    python pipelines/choose_rule.py runs/stands/other_instruments runs/stands/validation runs/stands/validation_reshaped

Scans are the labelled trees, each by the weights of the fold that left it out, whole and thinned, and virtual drone
stands (clear echoes: 75 % of their energy from one class, no twigs) that no weights have learnt from and that are
reported on nowhere. A group of scans has a row for the rule `balanced`, and one for `overlap` at each pull: the weight,
in points, with which the share of wood in a metre of height is held to that of the scan and of its neighbours. A row
has wood IoU, G-mean, their mean, and the calibration error.
"""

from __future__ import annotations

import argparse
import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import IGNORE, OUT_NONE
from leafwood.cloud import PointCloud
from leafwood.errors import FileWarning
from leafwood.evaluate.left_out import scans_to_choose_by
from leafwood.evaluate.metrics import score
from leafwood.evaluate.tables import head, line
from leafwood.models import load_segmenter
from leafwood.postprocess.decay import shift, wood_share
from leafwood.postprocess.rule import height_strata, overlap_threshold
from leafwood.weights import DEFAULT_MODEL

PULLS = (3.0, 10.0, 30.0, 100.0, 300.0, 1e9)


def by_rule(result: PointCloud, truth: NDArray[np.int8]) -> NDArray[np.float64]:
    """Wood IoU, G-mean and ECE (1 + pulls, 3) of the rule balanced, and of overlap by its pull."""
    todo = result.columns["leafwood"] != OUT_NONE
    equal, known = result.columns["wood_prob_equal"][todo], truth[todo]
    stratum = height_strata(result.columns["height_ag"][todo], result.xyz[todo, 2])
    found = [(equal, equal > 0.5)]
    for pull in PULLS:
        prob = shift(equal, wood_share(equal, stratum, strength=pull)[stratum])
        steps = np.rint(prob * 10_000).astype(np.int64)
        found.append((prob, steps > overlap_threshold(np.bincount(steps, minlength=10_001)) * 10_000))
    rows = [score(known, prob, np.where(known == IGNORE, IGNORE, wood)).as_dict() for prob, wood in found]
    return np.array([[row[name] for name in ("wood_iou", "g_mean", "ece")] for row in rows])


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stands", type=Path, nargs="+", help="folders of virtual stands")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="for the stands")
    parser.add_argument("--folds", type=Path, default=Path("pipelines/folds"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data/labelled"))
    args = parser.parse_args(argv)
    warnings.simplefilter("ignore", FileWarning)  # the trees have no CRS
    groups: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    for group, model, cloud, truth in scans_to_choose_by(args.data, args.folds, args.stands, args.model):
        groups[group].append(by_rule(load_segmenter(model).segment(cloud), truth))
    means = {group: np.mean(found, axis=0) for group, found in groups.items()}
    means["mean of the groups"] = np.mean(list(means.values()), axis=0)
    print(head("scans", "rule", "wood IoU", "G-mean", "their mean", "ECE"))
    names = ("balanced", *(f"overlap, pull {pull:g}" for pull in PULLS))
    for group, table in means.items():
        for name, (iou, g_mean, error) in zip(names, table, strict=True):
            of = f"{len(groups[group])} {group}" if group in groups else group
            print(line(of, name, iou, g_mean, (iou + g_mean) / 2, error))


if __name__ == "__main__":
    main()
