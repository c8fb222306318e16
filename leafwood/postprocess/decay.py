"""How much wood there is at each height: the prior that a network trained on balanced classes cannot know.

P(wood) of such a network holds for a world in which leaf and wood are equally common. Where 3 % of the points are wood,
counting those above one half counts mostly leaves. The share itself can be read from the probabilities: it is the one
under which their mean is the share (Saerens, Latinne and Decaestecker 2002, Neural Computation 14, 21-41).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.errors import BadConfig

__all__ = ["shift", "wood_share"]

Floats = NDArray[np.float64]

_STEPS = 10_000  # of a probability, as `wood_prob` is stored
_SURE = 0.002  # nearer to 0 and 1 no network is calibrated
_ROUNDS, _SETTLED = 500, 1e-6
_REACH = 0.5  # pull of the next stratum but one, relative to the next
_LEAST, _MOST_ODDS = (
    0.001,
    50.0,
)  # no share below a thousandth, none farther from the whole scan's odds than this factor


def wood_share(
    prob: NDArray[np.floating[Any]],
    stratum: NDArray[np.integer[Any]],
    *,
    prior: float = 0.5,
    strength: float = 100.0,
) -> Floats:
    """Share of wood in each stratum, estimated from P(wood).

    Expectation maximisation: points' probabilities at the present shares, their mean as the next shares. The likelihood
    of a share has one maximum, so nothing can be caught halfway, but a network that is wrong about a kind of leaf may
    push a share to 0 or 1. Against that each stratum is held by its neighbours (as by `strength` points that agree with
    them, so the more, the fewer points it has and the less these tell), and kept within 50 times the odds of the scan.

    Args:
        prob: (n,) P(wood) at the prior `prior`, 0..1.
        stratum: (n,) number of each point's stratum, from 0; neighbours are those with neighbouring numbers (heights).
            Points below 0 are left out.
        prior: share of wood for which `prob` holds.
        strength: pull of the neighbours, in points.

    Returns:
        (k,) shares, for strata 0 to the highest number; those without points take their neighbours'.

    Raises:
        BadConfig: a prior outside 0..1, or arrays of unequal length.
    """
    if not 0 < prior < 1 or strength < 0:
        raise BadConfig(f"prior must lie between 0 and 1 and strength must not be negative, not {prior} and {strength}")
    if prob.shape != stratum.shape:
        raise BadConfig(f"{prob.shape} probabilities for {stratum.shape} strata")
    use = stratum >= 0
    strata = int(stratum[use].max(initial=-1)) + 1
    if not strata:
        return np.zeros(0)
    step = np.rint(np.clip(prob[use], 0, 1) * _STEPS).astype(np.int64)
    slots = strata * (_STEPS + 1)
    counts = np.bincount(stratum[use] * (_STEPS + 1) + step, minlength=slots).reshape(strata, -1).astype(np.float64)
    seen = counts.any(axis=0)
    counts, values = counts[:, seen], np.flatnonzero(seen) / _STEPS
    whole = _maximise(counts.sum(axis=0, keepdims=True), values, prior, np.zeros((1, 1)), 0.0, (_LEAST, 1 - _LEAST))
    odds = whole[0] / (1 - whole[0])
    low, high = (o / (1 + o) for o in (odds / _MOST_ODDS, odds * _MOST_ODDS))
    apart = np.abs(np.subtract.outer(np.arange(strata), np.arange(strata)))
    pull = np.where(apart > 0, _REACH**apart, 0.0)
    limits = max(low, _LEAST), min(high, 1 - _LEAST)
    return _maximise(counts, values, prior, pull, strength if strata > 1 else 0.0, limits)


def shift(
    prob: NDArray[np.floating[Any]], share: float | NDArray[np.floating[Any]], *, prior: float = 0.5
) -> NDArray[np.float32]:
    """P(wood) where wood has another share than the one the probabilities hold for (Bayes' rule).

    Args:
        prob: (n,) P(wood) at the prior `prior`.
        share: of wood, for all points or (n,) for each.
        prior: share of wood for which `prob` holds.

    Returns:
        (n,) float32.
    """
    return _posterior(np.asarray(prob, dtype=np.float64), np.asarray(share, dtype=np.float64), prior).astype(np.float32)


def _posterior(prob: Floats, share: Floats, prior: float) -> Floats:
    wood = prob * (share / prior)
    leaf = (1 - prob) * ((1 - share) / (1 - prior))
    return np.asarray(wood / np.maximum(wood + leaf, 1e-300))


def _maximise(
    counts: Floats, values: Floats, prior: float, pull: Floats, strength: float, limits: tuple[float, float]
) -> Floats:
    """Shares (k,) for counts (k, v) of probabilities (v,), from the prior on, with the pull (k, k) of neighbours."""
    values = np.clip(values, _SURE, 1 - _SURE)
    points = counts.sum(axis=1)
    # a neighbour pulls as far as it knows its own share; one without points only where nobody else is
    pull = pull * (points / (points + max(strength, 1.0)) + 1e-9)
    pull = pull / np.maximum(pull.sum(axis=1, keepdims=True), 1e-300)
    share = np.full(len(counts), prior)
    for _ in range(_ROUNDS):
        wood = (counts * _posterior(values, share[:, None], prior)).sum(axis=1)
        held = 1 / (1 + np.exp(-pull @ np.log(share / (1 - share))))
        new = np.clip((wood + strength * held) / np.maximum(points + strength, 1e-12), *limits)
        moved, share = float(np.abs(new - share).max()), new
        if moved < _SETTLED:
            break
    return share
