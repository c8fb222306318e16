"""The truth of virtual scans, whose echoes know how much of their energy came from wood.

An echo of a drone's beam is often a mixture of leaf and wood, and no label of it is right. Scores can therefore be
limited to echoes that are clear, or be held against the best that any label of whole echoes could reach.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import IGNORE, LEAF, WOOD, Part
from leafwood.cloud import PointCloud
from leafwood.evaluate.evaluation import truth_of
from leafwood.evaluate.metrics import Scores, score

__all__ = ["best_of_mixed", "clear_echoes", "without_returns"]

_CLEAR = 0.75  # share of an echo's energy from one class


def clear_echoes(cloud: PointCloud) -> NDArray[np.int8]:
    """Labels of a virtual scan (n,), IGNORE for twigs and for echoes of which neither class has three quarters.

    Args:
        cloud: n points with the columns ``gt_wood``, ``gt_wood_share`` and ``gt_part`` of ``leafwood simulate``.
    """
    share, part = cloud.columns["gt_wood_share"], cloud.columns["gt_part"]
    doubtful = (np.maximum(share, 1 - share) < _CLEAR) | (part == Part.TWIG)
    return np.where(doubtful, IGNORE, truth_of(cloud, "gt_wood")).astype(np.int8)


def best_of_mixed(truth: NDArray[np.int8], share: NDArray[np.float32]) -> Scores:
    """The scores of whoever knows how much of each echo's energy is wood's: no label of whole echoes does better.

    Every echo counts as wood by that share and as leaf by the rest, and gets the label that serves the balanced
    accuracy.

    Args:
        truth: (n,) LEAF, WOOD or IGNORE; of these only IGNORE matters.
        share: (n,) of each echo's energy that came from wood.
    """
    known = truth != IGNORE
    wood = np.clip(share[known].astype(np.float64), 0.0, 1.0)
    label = (wood > wood.mean()).astype(np.int8)
    as_wood, as_leaf = np.full(len(wood), WOOD, dtype=np.int8), np.full(len(wood), LEAF, dtype=np.int8)
    return score(as_wood, wood, label, wood) + score(as_leaf, wood, label, 1 - wood)


def without_returns(cloud: PointCloud) -> PointCloud:
    """The cloud as a file writes it that does not know of returns: 1 of 1 everywhere."""
    ones = np.ones(len(cloud), dtype=np.uint8)
    return cloud.with_columns(return_number=ones, number_of_returns=ones)
