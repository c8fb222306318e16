"""From probabilities at equal shares to the labels of a scan: its wood share by height, and the rule that decides.

The network and its calibration answer for a world in which leaf and wood are equally common. In a scan they are not,
and the share of wood differs with height: deep in a canopy few pulses arrive, and what they meet is mostly stems. The
share of each metre is therefore estimated from the scan (:mod:`leafwood.postprocess.decay`), and Bayes' rule moves the
probabilities to it. That is ``wood_prob``: its sum over any part of the scan is the number of wood points to expect.

Two rules make labels of it. ``overlap`` calls wood what lies above the threshold with the greatest expected
intersection over union of wood in the scan; it finds about as many wood points as there are. ``balanced`` calls wood
what looks more like wood than like leaf, as if both were equally common: it misses as few of the one as of the other,
and where wood is rare most of what it calls wood is leaf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from leafwood.errors import BadConfig
from leafwood.postprocess.decay import count_by_stratum, shares_of_counts, shift, wood_share
from leafwood.shown import as_line, as_table

__all__ = [
    "DEFAULT_RULE",
    "RULES",
    "Decision",
    "Rule",
    "ScanRule",
    "check_rule",
    "decide",
    "height_strata",
    "overlap_threshold",
    "scan_probability",
]

Rule = Literal["overlap", "balanced"]
RULES: tuple[Rule, ...] = get_args(Rule)
DEFAULT_RULE: Rule = "overlap"  # chosen by pipelines/choose_rule.py

_STEPS = 10_000  # of a probability, as `wood_prob` is stored
_PULL = 100.0  # of the scan's share and of neighbouring heights, in points; chosen by pipelines/choose_rule.py
_STRATUM, _STRATA = 1.0, 150  # m of height, and how many at most


class Decision(NamedTuple):
    """What is decided of n points.

    Attributes:
        prob: (n,) float32 P(wood) at the shares of the scan, ``wood_prob``.
        wood: (n,) whether the label is wood.
        share: (k,) estimated share of wood in each metre of height, the lowest first.
        threshold: of `prob`, above which ``overlap`` calls a point wood; NaN for ``balanced``, whose threshold is 0.5
            before the shares of the scan are known.
    """

    prob: NDArray[np.float32]
    wood: NDArray[np.bool_]
    share: NDArray[np.float64]
    threshold: float

    def __repr__(self) -> str:
        return as_line("Decision", self._summary())

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return as_table("Decision", self._summary())

    def _summary(self) -> Iterator[tuple[str, str]]:
        """What there is, a name and a few words each."""
        yield "points", f"{len(self.wood):,}"
        yield "wood", f"{np.count_nonzero(self.wood):,}"
        yield "threshold", f"{self.threshold:.3f}"
        yield "wood share by metre of height", " ".join(f"{share:.2f}" for share in self.share)


def check_rule(rule: str) -> None:
    """Refuse a rule that does not exist.

    Raises:
        BadConfig: it is not one of :data:`RULES`.
    """
    if rule not in RULES:
        raise BadConfig(f"no rule {rule!r}; there are {' and '.join(RULES)}")


Part = tuple[NDArray[np.float32], NDArray[np.integer[Any]]]


@dataclass(frozen=True, eq=False)
class ScanRule:
    """What is decided of a scan, before it is said of any point.

    Attributes:
        rule: ``overlap`` or ``balanced``.
        share: (k,) estimated share of wood in each metre of height, the lowest first.
        threshold: of P(wood) at these shares, as in :class:`Decision`.
    """

    rule: Rule
    share: NDArray[np.float64]
    threshold: float

    @classmethod
    def of_parts(cls, parts: Callable[[], Iterable[Part]], rule: Rule) -> ScanRule:
        """Decide for a scan that comes in parts; what follows does not depend on how it is cut into them.

        Args:
            parts: gives the parts from the beginning, each P(wood) (n,) where leaf and wood are equally common and
                the metre of height (n,) of each point, from :func:`height_strata`. It is called up to twice.
            rule: ``overlap`` or ``balanced``.

        Raises:
            BadConfig: no such rule.
        """
        check_rule(rule)
        counts = sum(count_by_stratum(equal, stratum, _STRATA) for equal, stratum in parts())
        counts = np.zeros((_STRATA, 1), dtype=np.int64) if isinstance(counts, int) else counts
        used = np.flatnonzero(counts.any(axis=1))
        share = shares_of_counts(counts[: used[-1] + 1 if len(used) else 0], strength=_PULL)
        if rule == "balanced" or not len(share):
            return cls(rule, share, float("nan"))
        steps = (np.bincount(_steps(shift(e, share[s])), minlength=_STEPS + 1) for e, s in parts())
        return cls(rule, share, overlap_threshold(sum(steps, np.zeros(_STEPS + 1, dtype=np.int64))))

    def say(self, equal: NDArray[np.float32], stratum: NDArray[np.integer[Any]]) -> Decision:
        """What is decided of n points of the scan, by their P(wood) (n,) and metre of height (n,)."""
        prob = shift(equal, self.share[stratum])
        wood = equal > 0.5 if self.rule == "balanced" else _steps(prob) > self.threshold * _STEPS
        return Decision(prob, wood, self.share, self.threshold)


def decide(
    equal: NDArray[np.float32], height: NDArray[np.floating[Any]], z: NDArray[np.floating[Any]], rule: Rule
) -> Decision:
    """Label the points of a scan.

    Args:
        equal: (n,) P(wood) where leaf and wood are equally common.
        height: (n,) metres above ground, NaN where unknown.
        z: (n,) metres, upwards.
        rule: ``overlap`` or ``balanced``.

    Raises:
        BadConfig: no such rule.
    """
    check_rule(rule)
    if not len(equal):
        return Decision(equal, np.zeros(0, dtype=bool), np.zeros(0), float("nan"))
    stratum = height_strata(height, z)
    return ScanRule.of_parts(lambda: [(equal, stratum)], rule).say(equal, stratum)


def scan_probability(
    equal: NDArray[np.float32], height: NDArray[np.floating[Any]], z: NDArray[np.floating[Any]]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """P(wood) at the shares that a scan has, height by height.

    Args:
        equal: (n,) P(wood) where leaf and wood are equally common.
        height: (n,) metres above ground, NaN where unknown.
        z: (n,) metres, upwards.

    Returns:
        (n,) ``wood_prob``, and the estimated share (k,) of wood in each metre of height.
    """
    stratum = height_strata(height, z)
    share = wood_share(equal, stratum, strength=_PULL)
    return shift(equal, share[stratum]), share


def height_strata(
    height: NDArray[np.floating[Any]], z: NDArray[np.floating[Any]], floor: float | None = None
) -> NDArray[np.int64]:
    """Metre of height (n,) that each point lies in, from 0: above ground, or above the lowest point without ground.

    Args:
        height: (n,) metres above ground, NaN where unknown.
        z: (n,) metres, upwards.
        floor: z of the lowest point, of the scan whose part these points are; theirs when None.
    """
    if np.isnan(height).all():
        metres = z - (z.min(initial=np.inf) if floor is None else floor)
    else:
        metres = np.nan_to_num(height)
    return np.clip(np.floor(metres / _STRATUM), 0, _STRATA - 1).astype(np.int64)


def overlap_threshold(counts: NDArray[np.integer[Any]]) -> float:
    """Threshold of P(wood) with the greatest expected intersection over union of wood.

    Calling wood the points above t is expected to hit TP = sum of their P(wood), to call F = their number, and to miss
    what wood there is below; TP / (F + all wood - TP) is greatest at a threshold of half the F1 score that it gives,
    which is below one half (Lipton, Elkan and Naryanaswamy 2014 for F1, of which the IoU is a monotone function).

    Args:
        counts: (10,001,) points by P(wood) in steps of 1e-4; those of the tiles of a survey add up.

    Returns:
        The threshold, between two steps.
    """
    number = counts[::-1].cumsum()[::-1].astype(np.float64)
    hits = (counts * np.arange(len(counts)) / (len(counts) - 1))[::-1].cumsum()[::-1]
    expected = hits / np.maximum(number + hits[0] - hits, 1e-9)
    return (int(expected.argmax()) - 0.5) / (len(counts) - 1)


def _steps(prob: NDArray[np.float32]) -> NDArray[np.int64]:
    """Probabilities in steps of 1e-4."""
    return np.rint(prob.astype(np.float64) * _STEPS).astype(np.int64)
