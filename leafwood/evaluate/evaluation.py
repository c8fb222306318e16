"""Labels against the truth: overall, by height and by density."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import IGNORE, LEAF, OUT_WOOD, WOOD, Part, decode_labels
from leafwood.cloud import PointCloud
from leafwood.errors import about
from leafwood.evaluate.metrics import Scores, score
from leafwood.shown import as_line, as_table
from leafwood.spatial.neighbours import nearest

__all__ = ["Evaluation", "evaluate", "height_slices", "truth_of"]

_DENSITY_EDGES = (0.0, 30.0, 100.0, 300.0, 1000.0, np.inf)  # points per m³
_RANK = 8
_FEWEST = 200  # wood points of a tenth of the height that is judged


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Counts of one or many files; evaluations add up.

    Attributes:
        overall: all labelled points.
        height: by tenth of the file's height, lowest first.
        density: by local density, sparsest first; the edges are part of the names.
    """

    overall: Scores
    height: Mapping[str, Scores] = field(default_factory=dict)
    density: Mapping[str, Scores] = field(default_factory=dict)

    def __repr__(self) -> str:
        return as_line("Evaluation", [("overall", repr(self.overall)), ("strata", ", ".join(self._strata()))])

    def _repr_html_(self) -> str:
        """What a notebook shows: the recalls of every stratum."""
        lines = [("all", self.overall), *self._strata().items()]
        return as_table("Evaluation", ((name, scores.recalls) for name, scores in lines if scores.confusion.any()))

    def _strata(self) -> dict[str, Scores]:
        return {**self.height, **self.density}

    def __add__(self, other: Evaluation) -> Evaluation:
        return Evaluation(
            self.overall + other.overall,
            {k: self.height[k] + other.height[k] for k in self.height},
            {k: self.density[k] + other.density[k] for k in self.density},
        )

    def worst_tenth(self) -> float:
        """Lowest balanced accuracy of the tenths of the height that have 200 wood points; NaN where none has."""
        tenths = [scores.as_dict() for scores in self.height.values()]
        enough = [t["balanced_accuracy"] for t in tenths if t["points"] * t["wood_share"] >= _FEWEST]
        return min(enough, default=float("nan"))

    def as_dict(self) -> dict[str, Any]:
        """Every score of every stratum, ready for JSON."""
        return {
            "overall": self.overall.as_dict(),
            "height": {k: v.as_dict() for k, v in self.height.items()},
            "density": {k: v.as_dict() for k, v in self.density.items()},
        }


def truth_of(cloud: PointCloud, preset: str) -> NDArray[np.int8]:
    """True labels (n,) of a cloud: LEAF, WOOD, or IGNORE for ground and for codes that are neither.

    Args:
        cloud: n points.
        preset: as :func:`leafwood.classes.preset_of` takes it.

    Raises:
        BadConfig: no such preset.
        BadCloud: the cloud has no column of that preset.
    """
    with about(cloud.path or Path("cloud")):
        truth = decode_labels(cloud.columns, preset)
    ground = cloud.under_preset(preset).meaning.ground
    for name, codes in (("classification", sorted(ground)), ("gt_part", [int(Part.GROUND)])):
        if name in cloud.columns:
            truth[np.isin(cloud.columns[name], codes)] = IGNORE
    return truth


def evaluate(result: PointCloud, truth: NDArray[np.int8]) -> Evaluation:
    """Score a labelled cloud.

    A point that was left unlabelled (taken for ground, say) counts as leaf: wood lost that way is wood lost.

    Args:
        result: n points with ``leafwood`` and ``wood_prob``.
        truth: (n,) LEAF, WOOD or IGNORE.
    """
    use = np.flatnonzero(truth != IGNORE)
    prob = result.columns["wood_prob"][use]
    label = np.where(result.columns["leafwood"][use] == OUT_WOOD, WOOD, LEAF)
    known = truth[use]

    z = result.xyz[use, 2]
    tenth = height_slices(z, 10)
    _, distance = nearest(result.xyz, _RANK + 1) if len(result) else (None, np.empty((0, _RANK + 1)))
    reach = np.maximum(distance[use, _RANK], 1e-3)
    stratum = np.digitize(_RANK / (4 / 3 * np.pi * reach**3), _DENSITY_EDGES[1:-1])

    def part(mask: NDArray[np.bool_]) -> Scores:
        return score(known[mask], prob[mask], label[mask])

    names = [f"{a:g}-{b:g} points/m³" for a, b in pairwise(_DENSITY_EDGES)]
    return Evaluation(
        overall=score(known, prob, label),
        height={f"{10 * i}-{10 * i + 10} %": part(tenth == i) for i in range(10)},
        density={name: part(stratum == i) for i, name in enumerate(names)},
    )


def height_slices(z: NDArray[np.floating[Any]], parts: int) -> NDArray[np.int64]:
    """Which of so many equal slices from the lowest to the highest of the points each lies in, 0 the lowest.

    Args:
        z: (n,) heights.
        parts: number of slices.
    """
    if not len(z):
        return np.zeros(0, dtype=np.int64)
    return np.clip((z - z.min()) / max(float(np.ptp(z)), 1e-6) * parts, 0, parts - 1).astype(np.int64)
