"""How much wood there is at each height: the prior that a network trained on balanced classes cannot know.

P(wood) of such a network holds for a world in which leaf and wood are equally common. Where 3 % of the points are wood,
counting those above one half counts mostly leaves. The share itself can be read from the probabilities: it is the one
under which their mean is the share (Saerens, Latinne and Decaestecker 2002, Neural Computation 14, 21-41).

That trusts the probabilities entirely, and runs away to no wood, or to nothing but wood, where they are somewhat wrong
and tell the classes badly apart. So they are taken to be wrong by a part that no number of points averages out, and a
share is believed as far as they can tell it: the estimate leans on what is typical and on the neighbouring heights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.errors import BadConfig

__all__ = ["count_by_stratum", "mean_error", "share_error", "shares_of_counts", "shift", "wood_share"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_STEPS = 1_000  # of a probability: finer ones change no share
_SURE = 0.002  # nearer to 0 and 1 no network is calibrated
_TYPICAL, _TYPICAL_POINTS = 0.07, 20.0  # share of wood in UAV scans in leaf, which is 2 to 25 %, and its pull
_LEAST = 0.001  # no share is nearer to 0 or 1
# Systematic error of the likelihood ratios. Chosen with the pulls on virtual stands (seeds from 9500) whose logits were
# also moved by 0.4 up and down; normal scores that tell the classes well apart would be served best by 0.2.
_MISFIT = 0.3
_REACH = 0.5  # pull of the next stratum but one, relative to the next
_ROUNDS, _SETTLED = 500, 1e-5


def wood_share(
    prob: NDArray[np.floating[Any]],
    stratum: NDArray[np.integer[Any]],
    *,
    prior: float = 0.5,
    strength: float = 10.0,
) -> Floats:
    """Share of wood in each stratum, estimated from P(wood).

    Expectation maximisation: points' probabilities at the present shares, their mean as the next shares, for the whole
    scan and then for each stratum. In each step the mean of the n points is weighed as 1 / (1/n + d²/I) points would be
    (I: what one point tells of the share, its Fisher information; d: the systematic error of the probabilities) against
    20 points of the typical share, for a stratum against `strength` points of the scan's share and as many of the
    neighbours'.

    Args:
        prob: (n,) P(wood) at the prior `prior`, 0..1.
        stratum: (n,) number of each point's stratum, from 0; neighbours are those with neighbouring numbers (heights).
            Points below 0 are left out.
        prior: share of wood for which `prob` holds.
        strength: pull of the scan's share and of the neighbours', in points each.

    Returns:
        (k,) shares, for strata 0 to the highest number; those without points take their neighbours'.

    Raises:
        BadConfig: a prior outside 0..1, or arrays of unequal length.
    """
    strata = int(stratum.max(initial=-1)) + 1
    return shares_of_counts(count_by_stratum(prob, stratum, max(strata, 0)), prior=prior, strength=strength)


def count_by_stratum(prob: NDArray[np.floating[Any]], stratum: NDArray[np.integer[Any]], strata: int) -> Counts:
    """Points by stratum and P(wood), which is all that shares are estimated from; counts of a scan's parts add up.

    Args:
        prob: (n,) P(wood).
        stratum: (n,) number of each point's stratum; points below 0 are left out.
        strata: how many there are.

    Returns:
        (strata, 1001) points by P(wood) in steps of 0.001.

    Raises:
        BadConfig: arrays of unequal length.
    """
    if prob.shape != stratum.shape:
        raise BadConfig(f"{prob.shape} probabilities for {stratum.shape} strata")
    use = stratum >= 0
    step = np.rint(np.clip(prob[use], 0, 1) * _STEPS).astype(np.int64)
    table = np.bincount(stratum[use].astype(np.int64) * (_STEPS + 1) + step, minlength=strata * (_STEPS + 1))
    return table.reshape(strata, _STEPS + 1)


def shares_of_counts(counts: Counts, *, prior: float = 0.5, strength: float = 10.0) -> Floats:
    """Share of wood in each stratum (k,) by the counts (k, 1001) of all points; see :func:`wood_share`."""
    table, ratio = _ratios(counts, prior)
    if strength < 0:
        raise BadConfig(f"strength must not be negative, not {strength}")
    strata = len(table)
    if not strata:
        return np.zeros(0)
    whole = _maximise(table.sum(axis=0, keepdims=True), ratio, _TYPICAL, _TYPICAL_POINTS, np.zeros((1, 1)))
    apart = np.abs(np.subtract.outer(np.arange(strata), np.arange(strata)))
    return _maximise(table, ratio, float(whole[0]), strength, np.where(apart > 0, _REACH**apart, 0.0))


def share_error(
    prob: NDArray[np.floating[Any]],
    stratum: NDArray[np.integer[Any]],
    share: Floats,
    *,
    prior: float = 0.5,
    strength: float = 10.0,
) -> Floats:
    """Standard error (k,) of the shares (k,) that :func:`wood_share` finds, by how well probabilities tell them.

    Mostly systematic: it does not go to 0 with the number of points.
    """
    counts, ratio = _ratios(count_by_stratum(prob, stratum, len(share)), prior)
    points = counts.sum(axis=1)
    tells, worth = _worth(counts / np.maximum(points, 1)[:, None], points, ratio, share)
    leant = (2 * strength + (points == 0)) / np.maximum(share * (1 - share), 1e-9)
    return np.asarray(1 / np.sqrt(worth * tells + leant))


def mean_error(prob: NDArray[np.floating[Any]], stratum: NDArray[np.integer[Any]]) -> Floats:
    """Standard error (k,) of the mean P(wood) of each stratum as an estimate of its share of wood.

    Args:
        prob: (n,) P(wood) at the shares of the strata, whose mean in each is about its share.
        stratum: (n,) number of each point's stratum; points below 0 are left out.
    """
    use = stratum >= 0
    chosen, where = np.asarray(prob, dtype=np.float64)[use], stratum[use]
    points = np.bincount(where)
    mean = np.clip(np.bincount(where, weights=chosen) / np.maximum(points, 1), _LEAST, 1 - _LEAST)
    return share_error(shift(chosen, 0.5, prior=mean[where]), where, mean)


def shift(
    prob: NDArray[np.floating[Any]],
    share: float | NDArray[np.floating[Any]],
    *,
    prior: float | NDArray[np.floating[Any]] = 0.5,
) -> NDArray[np.float32]:
    """P(wood) where wood has another share than the one the probabilities hold for (Bayes' rule).

    Args:
        prob: (n,) P(wood) at the prior `prior`.
        share: of wood, for all points or (n,) for each.
        prior: share of wood for which `prob` holds, for all points or (n,) for each.

    Returns:
        (n,) float32.
    """
    wood = np.asarray(prob, dtype=np.float64) * np.asarray(share, dtype=np.float64) / prior
    leaf = (1 - np.asarray(prob, dtype=np.float64)) * (1 - np.asarray(share, dtype=np.float64)) / (1 - prior)
    return np.asarray(wood / np.maximum(wood + leaf, 1e-300), dtype=np.float32)


def _ratios(counts: Counts, prior: float) -> tuple[Floats, Floats]:
    """Points (k, v) of each stratum by the likelihood ratio of wood to leaf (v,) that their probability stands for."""
    if not 0 < prior < 1:
        raise BadConfig(f"prior must lie between 0 and 1, not {prior}")
    seen = counts.any(axis=0)
    sure = np.clip(np.flatnonzero(seen) / _STEPS, _SURE, 1 - _SURE)
    return counts[:, seen].astype(np.float64), sure / (1 - sure) * (1 - prior) / prior


def _worth(counts: Floats, points: Floats, ratio: Floats, share: Floats) -> tuple[Floats, Floats]:
    """What a point tells of each share (k,), and as how many points that tell the truth all of them count (k,)."""
    inner = np.clip(share, 0.01, 0.99)[:, None]
    tells = (counts * ((ratio - 1) / (inner * ratio + 1 - inner)) ** 2).sum(axis=1)
    return tells, points / (1 + points * _MISFIT**2 / np.maximum(tells, 1e-9))


def _maximise(counts: Floats, ratio: Floats, typical: float, strength: float, pull: Floats) -> Floats:
    """Shares (k,) for counts (k, v) of likelihood ratios (v,), from one half on, with the pull (k, k) of neighbours."""
    points = counts.sum(axis=1)
    counts = counts / np.maximum(points, 1)[:, None]
    # a neighbour pulls as far as it has points; where none has, the nearest does
    pull = pull * (points / (points + max(strength, 1.0)) + 1e-9)
    pull = pull / np.maximum(pull.sum(axis=1, keepdims=True), 1e-300)
    held = strength * pull.sum(axis=1)
    share = np.full(len(counts), 0.5)
    for _ in range(_ROUNDS):
        _, worth = _worth(counts, points, ratio, share)
        wood = (counts * (ratio * share[:, None] / (ratio * share[:, None] + 1 - share[:, None]))).sum(axis=1)
        new = (worth * wood + strength * typical + held * (pull @ share)) / np.maximum(worth + strength + held, 1e-9)
        new = np.clip(new, _LEAST, 1 - _LEAST)
        moved, share = float(np.abs(new - share).max()), new
        if moved < _SETTLED:
            break
    return share
