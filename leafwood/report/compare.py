"""Two labellings of one scan, or a labelling and the truth: where they differ, and how often."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import IGNORE, LEAF, OUT_LEAF, OUT_NONE, OUT_WOOD, WOOD
from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud
from leafwood.evaluate.evaluation import truth_of
from leafwood.evaluate.metrics import score
from leafwood.io.labels import codes_of
from leafwood.report.page import percent
from leafwood.report.palette import DIFFERENCE, Coding
from leafwood.spatial.neighbours import nearest

__all__ = ["Comparison", "compare"]

_SAME_PLACE = 0.02  # m: two files of one scan may have been rounded differently
_LEAST_SHARED = 0.5  # of the points
_SHOWN = {
    "wood_recall": "wood recall",
    "leaf_recall": "leaf recall",
    "balanced_accuracy": "balanced accuracy",
    "g_mean": "G-mean",
    "wood_precision": "wood precision",
    "wood_iou": "wood IoU",
    "mcc": "MCC",
    "auroc": "AUROC",
}


@dataclass(frozen=True, eq=False)
class Comparison:
    """Labels A beside labels B, point by point of A.

    Attributes:
        a: (n,) 0 no label, 1 leaf, 2 wood.
        b: (n,) the same; 0 also where B has no such point.
        code: (n,) codes of `coding`.
        coding: what they mean.
        names: of A and B.
        truth: whether B is the truth.
        scores: name -> score of A against the truth; empty for two labellings.
        alone: points of A that B does not have.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    code: NDArray[np.int64]
    coding: Coding
    names: tuple[str, str]
    truth: bool
    scores: dict[str, float]
    alone: int

    @property
    def table(self) -> NDArray[np.int64]:
        """(3, 3) points by label of A (rows) and of B: none, leaf, wood."""
        return np.bincount(3 * self.a + self.b, minlength=9).reshape(3, 3)

    @property
    def compared(self) -> int:
        """Points that are compared."""
        return int((self.code != 0).sum())

    @property
    def headline(self) -> str:
        """What most readers want to know, in a line; of a truth no accuracy, which says little where wood is rare."""
        if self.truth:
            found = {name: percent(self.scores[name]) for name in ("wood recall", "leaf recall", "wood precision")}
            return ", ".join(f"{name} {value}" for name, value in found.items()) + f" of {self.compared:,} points"
        return f"{percent(self.agreement)} of {self.compared:,} points have the same label"

    @property
    def agreement(self) -> float:
        """Share of the compared points with one label; NaN where none is compared."""
        same = int(np.isin(self.code, (1, 2)).sum())
        return same / self.compared if self.compared else float("nan")

    def by_height(self, height: NDArray[np.floating[Any]], edges: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
        """Shares (b,) of the compared points of each layer: wood for A alone, then wood for B alone."""
        known = np.maximum(np.histogram(height[self.code != 0], edges)[0], 1)
        for code in (3, 4):
            yield np.histogram(height[self.code == code], edges)[0] / known


def compare(a: PointCloud, b: PointCloud, preset: str | None = None) -> Comparison:
    """Compare the labels of two clouds of one scan.

    Against a truth every point counts that has a true label, and one that A left without label counts as leaf, as in
    `leafwood evaluate`. Between two labellings the points count that both have labelled.

    Args:
        a: n points with ``leafwood``.
        b: the other labelling, or the truth. Points are matched by their order if the coordinates are the same, by
            their place (2 cm) if not.
        preset: how B's labels are written, a name of :data:`leafwood.classes.PRESETS`; when None, ``gt_wood`` if it
            has them, else ``leafwood``.

    Raises:
        BadConfig: no such preset.
        BadCloud: labels are missing, or fewer than half of A's points are in B.
    """
    preset = preset or ("gt_wood" if "gt_wood" in b.columns else "leafwood")
    partner = _partners(a, b)
    known = truth_of(b, preset)
    other = np.where(partner >= 0, known[partner], IGNORE)
    first = codes_of(a.columns).astype(np.int64)
    second = np.where(other == IGNORE, OUT_NONE, np.where(other == WOOD, OUT_WOOD, OUT_LEAF))
    truth = preset != "leafwood"
    judged = np.where(first == OUT_NONE, OUT_LEAF, first) if truth else first
    both = (judged != OUT_NONE) & (second != OUT_NONE)
    code = np.where(judged == second, judged, np.where(judged == OUT_WOOD, 3, 4))
    names = ("leafwood", preset) if truth else (_name(a, "A"), _name(b, "B"))
    return Comparison(
        a=first,
        b=second,
        code=np.where(both, code, 0),
        coding=_coding(truth),
        names=names,
        truth=truth,
        scores=_scores(a, judged, other) if truth else {},
        alone=int((partner < 0).sum()),
    )


def _name(cloud: PointCloud, otherwise: str) -> str:
    return cloud.path.name if cloud.path else otherwise


def _coding(truth: bool) -> Coding:
    if not truth:
        return DIFFERENCE
    names = ("leaf, rightly", "wood, rightly", "leaf called wood", "wood missed", "no truth")
    return dataclasses.replace(DIFFERENCE, names=names, without="Only the mistakes")


def _scores(a: PointCloud, judged: NDArray[np.int64], truth: NDArray[np.int8]) -> dict[str, float]:
    """Scores by the name a reader knows."""
    label = np.where(judged == OUT_WOOD, WOOD, LEAF)
    prob = np.asarray(a.columns.get("wood_prob", label), dtype=np.float64)
    values = score(truth, prob, label).as_dict()
    if "wood_prob" not in a.columns:
        values.pop("auroc")
    return {name: values[key] for key, name in _SHOWN.items() if key in values}


def _partners(a: PointCloud, b: PointCloud) -> NDArray[np.int64]:
    """Position in B of each point of A (n,), -1 where it has none."""
    shift = ((b.origin - a.origin) * [a.unit[0], a.unit[0], a.unit[1]]).astype(np.float64)
    if len(a) == len(b) and np.abs(b.xyz + shift - a.xyz).max(initial=0) < _SAME_PLACE:
        return np.arange(len(a))
    index, distance = nearest((b.xyz + shift).astype(np.float32), 1, a.xyz) if len(a) and len(b) else _nobody(len(a))
    partner = np.where(distance[:, 0] < _SAME_PLACE, index[:, 0].astype(np.int64), -1)
    if (partner >= 0).sum() <= _LEAST_SHARED * len(a):
        names = [str(cloud.path or Path(name)) for cloud, name in ((a, "A"), (b, "B"))]
        raise BadCloud(f"{names[0]} and {names[1]}: are not one scan: fewer than half of the points are at one place")
    return partner


def _nobody(count: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    return np.zeros((count, 1), dtype=np.int32), np.full((count, 1), np.inf, dtype=np.float32)
