"""Leave points undecided rather than guess."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import OUT_NONE, OUT_WOOD
from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig

__all__ = ["abstain", "undecided"]


def abstain(cloud: PointCloud, sure: float) -> PointCloud:
    """Take the label from points that are neither leaf nor wood with enough certainty.

    Args:
        cloud: with columns ``leafwood`` and ``wood_prob``.
        sure: probability of its label that a point needs to keep it, 0.5 to 1: ``wood_prob`` for wood, and one less it
            for leaf. Where wood is rare, points are called wood that are less probable than one half.

    Returns:
        The cloud with ``leafwood`` 0 where the label is less probable than `sure`; ``wood_prob`` is kept.

    Raises:
        BadConfig: `sure` outside 0.5..1.
    """
    if not 0.5 <= sure <= 1:
        raise BadConfig(f"abstain must be a probability between 0.5 and 1, not {sure:g}")
    return cloud.with_columns(leafwood=undecided(cloud.columns["leafwood"], cloud.columns["wood_prob"], sure))


def undecided(label: NDArray[Any], prob: NDArray[Any], sure: float) -> NDArray[np.uint16]:
    """The labels (n,), 0 where they are less probable than `sure`; see :func:`abstain`."""
    unsure = np.where(label == OUT_WOOD, prob, 1 - prob) < sure
    return np.where(unsure, OUT_NONE, label).astype(np.uint16)
