"""How much wood biases a profile of leaf area density, and how much of that bias a way of removing it takes away.

All profiles that count pulses share what clumping hides, so the bias that wood causes is the difference between a
profile that takes all plants for leaf and one by true labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ALL", "NO_REMOVAL", "THIRDS", "Profiles", "error", "index_error", "removed"]

Floats = NDArray[np.float64]
THIRDS = ("lowest third", "middle third", "highest third")
ALL = len(THIRDS)
NO_REMOVAL = "none"  # the way that takes all plants for leaf


@dataclass(frozen=True, eq=False)
class Profiles:
    """Leaf area density of one stand by height, found in several ways.

    Attributes:
        name: name of the stand.
        z: (b,) midpoints of the bins, m.
        dz: height of a bin, m.
        truth: (b,) area density of the meshes, m²/m³.
        found: (b,) by the name of each way, one of them ``NO_REMOVAL``, m²/m³.
    """

    name: str
    z: Floats
    dz: float
    truth: Floats
    found: Mapping[str, Floats]

    def part(self, number: int) -> slice:
        """Bins of a third of the canopy, 0 the lowest, or of ``ALL`` of it."""
        bins = len(self.z)
        return slice(None) if number == ALL else slice(number * bins // 3, (number + 1) * bins // 3)

    def index(self, way: str) -> float:
        """Leaf area index by one way, m²/m²."""
        return float(self.found[way].sum() * self.dz)

    @property
    def true_index(self) -> float:
        """Leaf area index of the meshes, m²/m²."""
        return float(self.truth.sum() * self.dz)


def removed(stands: Sequence[Profiles], way: str, reference: str, number: int = ALL) -> float:
    """Share of the bias that wood causes which a way removes, bin by bin: 1 all of it, 0 none, below 0 harm.

    Args:
        stands: what is summed over.
        way: the way that is judged.
        reference: the way by true labels.
        number: of a third of the canopy, or ``ALL``.
    """
    left = bias = 0.0
    for stand in stands:
        found, part = stand.found, stand.part(number)
        left += float(np.abs(found[way] - found[reference])[part].sum())
        bias += float(np.abs(found[NO_REMOVAL] - found[reference])[part].sum())
    return 1 - left / bias if bias else float("nan")


def error(stands: Sequence[Profiles], way: str, number: int = ALL) -> tuple[float, float]:
    """Mean and root mean square of the error against the true area over the bins of a part of the canopy, m²/m³."""
    parts = [stand.part(number) for stand in stands]
    off = np.concatenate([s.found[way][p] - s.truth[p] for s, p in zip(stands, parts, strict=True)])
    return float(off.mean()), float(np.sqrt(np.square(off).mean()))


def index_error(stands: Sequence[Profiles], way: str, reference: str) -> tuple[float, float]:
    """Mean and largest relative error of the leaf area index against that by true labels."""
    off = np.abs([stand.index(way) / stand.index(reference) - 1 for stand in stands])
    return float(off.mean()), float(off.max())
