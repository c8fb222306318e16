"""Scores of a labelled scan by each of the decision rules, from the same probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import OUT_LEAF, OUT_NONE, OUT_WOOD
from leafwood.cloud import PointCloud
from leafwood.evaluate.evaluation import Evaluation, evaluate
from leafwood.postprocess.rule import RULES, Rule, decide

__all__ = ["COLUMNS", "RuleScores", "with_rule"]

_OF_EACH = ("wood_iou", "g_mean", "wood_recall", "leaf_recall")
COLUMNS = ("AUROC", "ECE", *(f"{rule}: {name.replace('_', ' ')}" for rule in RULES for name in _OF_EACH))


def with_rule(result: PointCloud, rule: Rule) -> PointCloud:
    """A labelled cloud with the labels that a rule makes of its probabilities.

    Args:
        result: n points with ``leafwood``, ``wood_prob_equal`` and ``height_ag``; those that are not labelled stay so.
        rule: the decision rule.
    """
    todo = result.columns["leafwood"] != OUT_NONE
    equal, height = result.columns["wood_prob_equal"][todo], result.columns["height_ag"][todo]
    label = np.full(len(result), OUT_NONE, dtype=np.uint16)
    label[todo] = np.where(decide(equal, height, result.xyz[todo, 2], rule).wood, OUT_WOOD, OUT_LEAF)
    return result.with_columns(leafwood=label)


@dataclass(frozen=True, eq=False)
class RuleScores:
    """Scores of some scans by each rule; scans add up.

    Attributes:
        by_rule: rule -> scores.
    """

    by_rule: Mapping[Rule, Evaluation]

    @classmethod
    def of(cls, result: PointCloud, truth: NDArray[np.int8]) -> RuleScores:
        """Scores of one labelled scan.

        Args:
            result: n points, as :func:`with_rule` takes them.
            truth: (n,) LEAF, WOOD or IGNORE.
        """
        return cls({rule: evaluate(with_rule(result, rule), truth) for rule in RULES})

    def __add__(self, other: RuleScores) -> RuleScores:
        return RuleScores({rule: mine + other.by_rule[rule] for rule, mine in self.by_rule.items()})

    def values(self) -> list[float]:
        """The values of ``COLUMNS``: AUROC and ECE, which no rule changes, and the scores of each rule."""
        scores = {rule: found.overall.as_dict() for rule, found in self.by_rule.items()}
        either = scores[RULES[0]]
        return [either["auroc"], either["ece"], *(scores[rule][name] for rule in RULES for name in _OF_EACH)]
