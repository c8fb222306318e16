"""The unconstrained-features model: classifiers and one free embedding for each sample, trained towards SELI.

Thrampoulidis, Kini, Vakilian and Behnia (NeurIPS 2022): classifiers W (K, d) and embeddings H (d, n) descend the sum of
cross-entropies plus ridge / 2 (|W|² + |H|²). The ridge keeps them away from the geometry of the simplex-encoded labels,
the more the larger the imbalance, and convergence is slow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.diagnose.seli import Geometry, cosines, distance, geometry

__all__ = ["Curve", "descend"]

_FEW, _D = 2, 8  # samples of a rare class; dimensions of the embeddings
_RATE = 0.1
_MEASURED = 60  # measurements along the descent, evenly spaced in the logarithm of the step
Curve = dict[str, list[float]]


def descend(ratio: int, ridge: float, steps: int, seed: int = 0) -> Curve:
    """Distances from SELI along gradient descent, with four classes of which two are `ratio` times as common.

    Args:
        ratio: samples of a common class for each one of a rare class.
        ridge: weight decay of classifiers and embeddings.
        steps: steps of the descent.
        seed: seed of the weights at the beginning.

    Returns:
        By name, a value for each measurement: ``step``, the distances of ``classifiers`` and class ``means`` from SELI,
        the ``minority cosine`` between the classifiers of the rare classes, and the variance within classes over that
        between them (``NC1``).
    """
    counts = np.array([_FEW * ratio, _FEW * ratio, _FEW, _FEW])
    k, label = len(counts), np.repeat(np.arange(4), counts)
    target = np.eye(k)[label].T
    expected = geometry(counts)
    rng = np.random.default_rng(seed)
    w, h = 0.1 * rng.normal(size=(k, _D)), 0.1 * rng.normal(size=(_D, len(label)))
    rate = _RATE / np.sqrt(ratio)
    measured = set(np.unique(np.geomspace(1, steps, _MEASURED).astype(int)).tolist())
    curve: Curve = {name: [] for name in ("step", "classifiers", "means", "minority cosine", "NC1")}
    for step in range(1, steps + 1):
        logits = w @ h
        p = np.exp(logits - logits.max(axis=0))
        residual = p / p.sum(axis=0) - target
        w, h = w - rate * (residual @ h.T + ridge * w), h - rate * (w.T @ residual + ridge * h)
        if step in measured:
            _measure(curve, step, w, h, label, expected)
    return curve


def _measure(
    curve: Curve, step: int, w: NDArray[Any], h: NDArray[Any], label: NDArray[Any], expected: Geometry
) -> None:
    """Measure where the descent is, and add it to its curve."""
    rows = w - w.mean(axis=0)
    means = np.stack([h[:, label == c].mean(axis=1) for c in range(len(w))])
    spread = np.mean([h[:, label == c].var(axis=1).sum() for c in range(len(w))])
    means = means - means.mean(axis=0)
    gram = rows @ rows.T
    curve["step"].append(step)
    curve["classifiers"].append(distance(gram, expected.classifiers))
    curve["means"].append(distance(means @ means.T, expected.means))
    curve["minority cosine"].append(float(cosines(gram)[2, 3]) if gram[2, 2] > 0 else float("nan"))
    curve["NC1"].append(float(spread / np.square(means).sum(axis=1).mean()))
