"""What each step after the network buys: smoothing, calibration, scan-wise evidence, wood share by height, abstention.

    python pipelines/ablation_postprocess.py [--model uav] [--stands runs/stands/heldout]

The held-out virtual stands and the labelled trees are scored overall and in the lowest third, which is below a third of
the height of the highest labelled point. Up to the evidence leaf and wood are equally common and labels are balanced;
the last step moves P(wood) to the shares of the scan and labels by overlap. So both errors of calibration are given: on
the points as they are, which the last step is to bring down, and balanced, with the same weight for both classes, which
calibration is to bring down. Where points are left undecided, scores are of the others. The last table has the share of
the run time that each step takes, all in one run.
"""

from __future__ import annotations

import argparse
import cProfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import IGNORE, OUT_NONE, OUT_WOOD, WOOD
from leafwood.cloud import PointCloud
from leafwood.evaluate.evaluation import Evaluation, evaluate, truth_of
from leafwood.evaluate.left_out import unseen
from leafwood.evaluate.metrics import Scores, score
from leafwood.evaluate.tables import head, line
from leafwood.evaluate.thinning import thin_downward
from leafwood.inference.model_file import Model, load_model
from leafwood.inference.segmenter import Segmenter
from leafwood.io.loaders import read
from leafwood.postprocess.abstain import abstain
from leafwood.postprocess.calibration import Calibration, covariates
from leafwood.postprocess.evidence import (
    ScanEvidence,
    confident_points,
    draw_lots,
    fit_evidence,
    return_shares,
    spatial_folds,
)
from leafwood.postprocess.regularize import smooth
from leafwood.postprocess.rule import decide
from leafwood.simulate.surveys.held_out import BARE, held_out
from leafwood.threads import cpu_count

THINNED = "tropical_tls_62889"
FEWEST = 500  # labelled points of a stratum whose calibration is judged
COST: dict[str, tuple[Callable[..., Any], ...]] = {
    "smoothing": (smooth,),
    "calibration": (Calibration.logit, Calibration.probability, covariates),
    "evidence": (return_shares, spatial_folds, draw_lots, confident_points, fit_evidence, ScanEvidence.log_odds),
    "shares and rule": (decide,),
    "undecided": (abstain,),
}


class Steps:
    """The network and its postprocessor, one step more at a time.

    Args:
        model: what to predict with.
        sure: probability of its label below which a point is undecided.
        threads: processors to use.
    """

    def __init__(self, model: Model, sure: float, threads: int) -> None:
        neutral = replace(model, calibration=Calibration())

        def segmenter(of: Model, **options: Any) -> Segmenter:
            return Segmenter(of, threads=threads, rule="balanced", **options)

        self.before = {
            "network alone": segmenter(neutral, smoothing=False, evidence=0.0),
            "+ smoothing": segmenter(neutral, evidence=0.0),
            "+ calibration": segmenter(model, evidence=0.0),
            "+ evidence": segmenter(model),
        }
        self.whole = Segmenter(model, threads=threads, rule="overlap")
        self.sure = sure

    def __call__(self, cloud: PointCloud, profile: cProfile.Profile) -> dict[str, PointCloud]:
        """The cloud as each step leaves it; what a user would run goes into the profile."""
        found = {}
        for name, segmenter in self.before.items():
            result = segmenter.segment(cloud)
            found[name] = result.with_columns(wood_prob=result.columns["wood_prob_equal"])
        with profile:
            found["+ shares and overlap"] = self.whole.segment(cloud)
            undecided = abstain(found["+ shares and overlap"], self.sure)
        return {**found, f"the same, less sure than {self.sure:g} left out": undecided}


def heights(result: PointCloud) -> NDArray[np.float32]:
    """Height of each point (n,) above ground, or above the lowest point where there is no ground, m."""
    known = result.columns["height_ag"]
    return np.asarray(result.xyz[:, 2] - result.xyz[:, 2].min() if np.isnan(known).all() else np.nan_to_num(known))


def judge(result: PointCloud, truth: NDArray[np.int8], decided: NDArray[np.bool_]) -> tuple[Evaluation, Scores]:
    """Scores of the decided points, and of those in the lowest third of the canopy."""
    known = np.where(decided, truth, IGNORE).astype(np.int8)
    height = heights(result)
    low = (known != IGNORE) & (height < height[truth != IGNORE].max() / 3)
    label = (result.columns["leafwood"][low] == OUT_WOOD).astype(np.int8)
    return evaluate(result, known), score(known[low], result.columns["wood_prob"][low], label)


def cells(found: Scores) -> list[float]:
    """AUROC, G-mean, wood IoU and both errors of calibration."""
    values = found.as_dict()
    return [*(values[name] for name in ("auroc", "g_mean", "wood_iou", "ece")), found.balanced_ece]


def tables(found: dict[tuple[str, str], list[tuple[Evaluation, Scores]]]) -> Iterator[str]:
    """Lines of the two tables: scores, and calibration by density."""
    heads = ("AUROC", "G-mean", "wood IoU", "ECE", "balanced ECE")
    yield head("data", "step", "decided", *heads, *(f"{name}, lowest third" for name in heads))
    total = {key: (reduce(add, (e for e, _ in each)), reduce(add, (s for _, s in each))) for key, each in found.items()}
    points: dict[str, float] = {}
    for (row, step), (whole, low) in total.items():
        n = whole.overall.confusion.sum()
        decided = n / points.setdefault(row, n)
        yield line(row, step, float(decided), *cells(whole.overall), *cells(low))
    strata = list(next(iter(total.values()))[0].density)
    yield f"\nECE / balanced ECE by density, where there are {FEWEST} labelled points.\n"
    yield head("data", "step", *strata)
    for (row, step), (whole, _) in total.items():
        errors = (
            f"{s.ece:.3f} / {s.balanced_ece:.3f}" if s.confusion.sum() >= FEWEST else "" for s in whole.density.values()
        )
        yield line(row, step, *errors)


def cost(profile: cProfile.Profile) -> Iterator[str]:
    """Lines of the table of run time."""
    entries = profile.getstats()
    whole = sum(entry.inlinetime for entry in entries)
    spent = {entry.code: entry.totaltime for entry in entries}
    yield head("step", "share of the run time (reading and labelling)")
    seconds = {step: sum(spent.get(f.__code__, 0.0) for f in functions) for step, functions in COST.items()}
    for step, taken in seconds.items():
        yield line(step, f"{taken / whole:.1%}")
    yield line("all of them", f"{sum(seconds.values()) / whole:.1%} of {whole:.0f} s")


def main(argv: Sequence[str] | None = None) -> None:
    """Label everything with one step more at a time, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="uav")
    parser.add_argument("--stands", type=Path, default=Path("runs/stands/heldout"))
    parser.add_argument("--labelled", type=Path, default=Path("../shared/data/labelled"))
    parser.add_argument("--sure", type=float, default=0.7, help="a point needs this probability of its label")
    parser.add_argument("--few", type=int, default=1000, help="files of each kind at most")
    parser.add_argument("--threads", type=int, default=cpu_count())
    args = parser.parse_args(argv)
    steps, profile = Steps(load_model(args.model), args.sure, args.threads), cProfile.Profile()
    found: dict[tuple[str, str], list[tuple[Evaluation, Scores]]] = defaultdict(list)
    for row, path in unseen(held_out(args.stands), BARE, args.labelled, args.few):
        with profile:
            cloud = read(path)
        looks = {row: cloud}
        if row == THINNED:
            looks[f"{row}, thinned to a third"] = thin_downward(cloud, 1 / 3)
        for name, seen in looks.items():
            truth = truth_of(seen, "gt_wood")
            results = steps(seen, profile)
            labelled = results["network alone"].columns["leafwood"] != OUT_NONE
            for step, result in results.items():
                decided = (result.columns["leafwood"] != OUT_NONE) | ~labelled
                found[name, step].append(judge(result, truth, decided))
            print(f"{path}: {len(seen):,} points, {(truth == WOOD).sum():,} of them wood", flush=True)
    print("", *tables(found), "", f"{args.threads} processors", "", *cost(profile), sep="\n")


if __name__ == "__main__":
    main()
