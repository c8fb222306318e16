"""Where the classes of a last layer end up when some are rare: the geometry of simplex-encoded labels (SELI).

Thrampoulidis, Kini, Vakilian and Behnia (NeurIPS 2022, arXiv 2208.05512): with little enough weight decay, classifiers
and class means tend to the singular vectors of the simplex-encoded label matrix Z = (I - 11'/K) Y, at any imbalance.
With equal counts that is the simplex of neural collapse (ETF). Two classes give the same picture at every imbalance, so
at least three are needed to learn something from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafwood.classes import check_counts
from leafwood.errors import BadBatch

__all__ = ["Collapse", "Geometry", "class_means", "collapse", "cosines", "distance", "geometry"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Geometry:
    """The geometry that the counts of K classes lead to, each part up to a positive scale.

    Attributes:
        singular: (K - 1,) singular values of Z, largest first.
        classifiers: (K, K) inner products of the classifiers, less their mean.
        means: (K, K) inner products of the class means, less their mean.
        logits: (K, K) inner products of classifiers and class means, whatever the counts.
    """

    singular: Floats
    classifiers: Floats
    means: Floats
    logits: Floats


@dataclass(frozen=True, eq=False)
class Collapse:
    """What a network's features of K classes look like.

    Attributes:
        within: variance within the classes over that between them, tr(S_W S_B^+) / K (NC1); it falls to 0 as each
            class collapses onto its mean.
        means: (K, K) inner products of the class means, less their mean.
        to_seli: distance of those from what the counts lead to, 0 to 2.
        to_etf: distance of those from what equal counts lead to.
    """

    within: float
    means: Floats
    to_seli: float
    to_etf: float


def geometry(counts: ArrayLike) -> Geometry:
    """The geometry that the counts of the classes lead to.

    Args:
        counts: samples of each of K >= 2 classes.

    Raises:
        BadConfig: fewer than two classes, or a count that is not above 0.
    """
    n = check_counts(counts)
    k = len(n)
    centred = np.eye(k) - 1 / k
    squared, vectors = np.linalg.eigh(centred @ np.diag(n) @ centred)
    order = np.argsort(squared)[:0:-1]  # the least is 0, of the vector of ones
    singular, vectors = np.sqrt(squared[order]), vectors[:, order]
    return Geometry(singular, (vectors * singular) @ vectors.T, (vectors / singular) @ vectors.T, centred)


def distance(one: Floats, other: Floats) -> float:
    """How far apart two matrices of inner products are, whatever their scale: 0 the same, 2 the opposite."""
    return float(np.linalg.norm(one / np.linalg.norm(one) - other / np.linalg.norm(other)))


def cosines(gram: Floats) -> Floats:
    """Cosines (K, K) from inner products."""
    norms = np.sqrt(np.diag(gram))
    return gram / np.outer(norms, norms)


def class_means(features: Floats, label: NDArray[np.int64], k: int) -> Floats:
    """Means (K, d) of the classes, less the mean of those means: rare classes count for as much as common ones.

    Args:
        features: (n, d).
        label: (n,) 0 to K - 1.
        k: number of classes.

    Raises:
        BadBatch: a class without samples.
    """
    if len(missing := np.setdiff1d(np.arange(k), label)):
        raise BadBatch(f"collapse: class {missing[0]} has no samples")
    means = np.stack([features[label == c].mean(axis=0) for c in range(k)])
    return means - means.mean(axis=0)


def collapse(features: NDArray[np.floating], label: NDArray[np.int64], counts: ArrayLike) -> Collapse:
    """Measure features against the geometry of the counts they were learnt with.

    Args:
        features: (n, d) inputs of the last layer; as many of each class as can be had.
        label: (n,) 0 to K - 1.
        counts: counts of the K classes in training.

    Raises:
        BadConfig: counts that :func:`geometry` refuses.
        BadBatch: a class without samples.
    """
    expected, seen = geometry(counts), np.asarray(features, dtype=np.float64)
    k = len(expected.logits)
    means = class_means(seen, label, k)
    spread = np.mean([np.cov(seen[label == c].T, bias=True) for c in range(k)], axis=0)
    between = means.T @ means / k
    gram = means @ means.T
    within = float(np.trace(np.atleast_2d(spread) @ np.linalg.pinv(between))) / k
    return Collapse(within, gram, distance(gram, expected.means), distance(gram, expected.logits))
