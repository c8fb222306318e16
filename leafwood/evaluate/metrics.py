"""Scores of a leaf/wood labelling, from counts that add up over tiles and files.

Wood is the positive class (SOUL and others take leaf as positive and call the recall of wood "specificity"). Accuracy
is left out on purpose: with 4 % wood, calling everything leaf scores 0.96.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import LEAF, WOOD
from leafwood.shown import as_line, as_table

__all__ = ["Scores", "score"]

_BINS = 4096  # AUROC from a histogram is exact but for ties within 1/4096 of probability


def _calibration_edges() -> NDArray[np.int64]:
    """First histogram bin of each of the 15 bins of the calibration error."""
    return np.linspace(0, _BINS, 16).astype(np.int64)[:-1]


def _ratio(a: float, b: float) -> float:
    return float(a) / float(b) if b else float("nan")


@dataclass(frozen=True, eq=False)
class Scores:
    """Probability histograms of the true leaf and wood points; everything else follows from them.

    Attributes:
        leaf: (4096,) true leaf points by P(wood), or their weight.
        wood: (4096,) true wood points by P(wood), or their weight.
        confusion: ((leaf as leaf, leaf as wood), (wood as leaf, wood as wood)), by the labels given.
        confidence: (4096,) float64, sum of P(wood) in each bin, for the calibration error.
    """

    leaf: NDArray[Any]
    wood: NDArray[Any]
    confusion: NDArray[Any]
    confidence: NDArray[np.float64]

    def __repr__(self) -> str:
        return as_line("Scores", self._summary())

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return as_table("Scores", self._summary())

    def _summary(self) -> Iterator[tuple[str, str]]:
        """What there is, a name and a few words each."""
        values = self.as_dict()
        yield "points", f"{values['points']:,.0f}"
        for name in ("wood_share", "wood_recall", "leaf_recall", "g_mean", "wood_iou", "auroc"):
            yield name.replace("_", " "), f"{values[name]:.3f}"

    def __add__(self, other: Scores) -> Scores:
        return Scores(
            self.leaf + other.leaf,
            self.wood + other.wood,
            self.confusion + other.confusion,
            self.confidence + other.confidence,
        )

    @property
    def recalls(self) -> str:
        """The shares of wood and leaf that were found, in words."""
        return f"wood recall {self.wood_recall:.3f}, leaf recall {self.leaf_recall:.3f}"

    @property
    def wood_recall(self) -> float:
        """Share of wood points found ("specificity" where leaf is the positive class)."""
        return _ratio(self.confusion[1, 1], self.confusion[1].sum())

    @property
    def leaf_recall(self) -> float:
        """Share of leaf points kept."""
        return _ratio(self.confusion[0, 0], self.confusion[0].sum())

    @property
    def auroc(self) -> float:
        """Chance that a wood point has a higher P(wood) than a leaf point."""
        below = np.cumsum(self.leaf) - 0.5 * self.leaf
        return _ratio(float((self.wood * below).sum()), float(self.leaf.sum()) * float(self.wood.sum()))

    @property
    def ece(self) -> float:
        """Expected calibration error of P(wood) over 15 bins of equal width."""
        edges = _calibration_edges()
        n = np.add.reduceat(self.leaf + self.wood, edges)
        gap = np.abs(np.add.reduceat(self.confidence, edges) - np.add.reduceat(self.wood, edges))
        return _ratio(float(gap.sum()), float(n.sum()))

    @property
    def balanced_ece(self) -> float:
        """The same with leaf and wood weighing the same, each point at the middle of its histogram bin."""
        if not self.leaf.any() or not self.wood.any():
            return float("nan")
        leaf, wood = 0.5 * self.leaf / self.leaf.sum(), 0.5 * self.wood / self.wood.sum()
        middle = (np.arange(_BINS) + 0.5) / _BINS
        return float(np.abs(np.add.reduceat(middle * (leaf + wood) - wood, _calibration_edges())).sum())

    def as_dict(self) -> dict[str, float]:
        """Every score by name; NaN where a class is missing."""
        (tn, fp), (fn, tp) = self.confusion.astype(float).tolist()
        wood_iou, leaf_iou = _ratio(tp, tp + fp + fn), _ratio(tn, tn + fp + fn)
        recall, specificity = self.wood_recall, self.leaf_recall
        return {
            "points": tn + fp + fn + tp,
            "wood_share": _ratio(fn + tp, tn + fp + fn + tp),
            "wood_recall": recall,
            "leaf_recall": specificity,
            "balanced_accuracy": (recall + specificity) / 2,
            "g_mean": sqrt(recall * specificity) if recall * specificity >= 0 else float("nan"),
            "wood_precision": _ratio(tp, tp + fp),
            "wood_f1": _ratio(2 * tp, 2 * tp + fp + fn),
            "wood_iou": wood_iou,
            "miou": (wood_iou + leaf_iou) / 2,
            "mcc": _ratio(tp * tn - fp * fn, sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))),
            "auroc": self.auroc,
            "ece": self.ece,
        }


def score(
    truth: NDArray[Any],
    wood_prob: NDArray[Any],
    predicted: NDArray[Any] | None = None,
    weight: NDArray[Any] | None = None,
) -> Scores:
    """Count one labelling against the truth.

    Args:
        truth: (n,) LEAF, WOOD or IGNORE.
        wood_prob: (n,) P(wood), 0..1.
        predicted: (n,) LEAF, WOOD or IGNORE; P(wood) > 0.5 when None. Points ignored on either side do not count.
        weight: (n,) weight of the points; every point counts once when None.

    Returns:
        Counts that add up with other counts.
    """
    label = (wood_prob > 0.5).astype(np.int8) if predicted is None else predicted
    use = np.isin(truth, (LEAF, WOOD)) & np.isin(label, (LEAF, WOOD))
    t, p, y = truth[use].astype(np.int64), wood_prob[use].astype(np.float64), label[use].astype(np.int64)
    w = None if weight is None else weight[use].astype(np.float64)
    bins = np.clip((p * _BINS).astype(np.int64), 0, _BINS - 1)
    counts = np.bincount(t * _BINS + bins, w, minlength=2 * _BINS)
    return Scores(
        leaf=counts[:_BINS],
        wood=counts[_BINS:],
        confusion=np.bincount(t * 2 + y, w, minlength=4).reshape(2, 2),
        confidence=np.bincount(bins, p if w is None else w * p, minlength=_BINS).astype(np.float64),
    )
