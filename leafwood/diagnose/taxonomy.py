"""How hard an imbalance is, from how rare wood is, how many samples there are and how far apart the classes lie.

Essomba and Fokoue (arXiv 2601.04149) scale imbalance by eta (majority over minority), kappa (samples over dimensions)
and Delta (separability), and name the regimes. Their boundaries could not be read: the closed forms here are derived
for two Gaussian classes of equal covariance, and the boundaries of the regimes are leafwood's choice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from leafwood.errors import BadBatch, BadConfig

__all__ = [
    "Prediction",
    "Regime",
    "Separation",
    "average_precision",
    "delta_of_auroc",
    "margins",
    "predict",
    "regime",
    "separation",
    "usable_separation",
]

Regime = Literal["Normal", "Mild", "Extreme", "Catastrophic"]
_FOLDS = 5
_HOPELESS = 0.05  # recall
_WORTH_IT = 0.05  # recall that a moved threshold wins back


@dataclass(frozen=True)
class Prediction:
    """What the best plain classifier (Bayes, true shares) does to the rarer class.

    Attributes:
        recall: share of the rare class that is found.
        false_alarm: share of the common class that is taken for it.
        precision: share of the found that are right.
        f1: harmonic mean of recall and precision.
        slope: change of the recall with log(eta), the deterioration slope.
        error: share of all that is wrong.
        balanced_error: mean of the classes' shares that are wrong.
        recoverable: recall that a balanced threshold wins back.
    """

    recall: float
    false_alarm: float
    precision: float
    f1: float
    slope: float
    error: float
    balanced_error: float
    recoverable: float


@dataclass(frozen=True)
class Separation:
    """Delta, the distance of the classes in standard deviations, estimated in three ways.

    Attributes:
        naive: Mahalanobis distance of the means.
        corrected: the Mahalanobis distance less what chance adds to it.
        robust: from the AUROC of a linear discriminant on samples it was not fitted to.
    """

    naive: float
    corrected: float
    robust: float


def predict(eta: float, delta: float) -> Prediction:
    """Closed forms for two Gaussian classes; the boundary moves by log(eta) / Delta into the rare class.

    Args:
        eta: majority over minority; below 1 where "minority" is the commoner class.
        delta: distance of the means in standard deviations.

    Raises:
        BadConfig: a number that is not above 0.
    """
    for name, value in (("eta", eta), ("delta", delta)):
        if not (math.isfinite(value) and value > 0):
            raise BadConfig(f"{name} must be a number above 0, got {value!r}")
    moved = math.log(eta) / delta
    recall, false_alarm = float(ndtr(delta / 2 - moved)), float(ndtr(-delta / 2 - moved))
    found = recall + eta * false_alarm
    precision = recall / found if found else 0.0
    return Prediction(
        recall=recall,
        false_alarm=false_alarm,
        precision=precision,
        f1=2 * precision * recall / (precision + recall) if recall else 0.0,
        slope=-math.exp(-((delta / 2 - moved) ** 2) / 2) / math.sqrt(2 * math.pi) / delta,
        error=(1 - recall + eta * false_alarm) / (1 + eta),
        balanced_error=(1 - recall + false_alarm) / 2,
        recoverable=float(ndtr(delta / 2)) - recall,
    )


def average_precision(eta: float, delta: float) -> float:
    """Area under the curve of precision against recall (PR-AUC) of the best classifier, for two Gaussian classes.

    Args:
        eta: majority over minority.
        delta: distance of the means in standard deviations.
    """
    threshold = np.linspace(delta / 2 + 9, -delta / 2 - 9, 20_001)
    recall, false_alarm = ndtr(delta / 2 - threshold), ndtr(-delta / 2 - threshold)
    precision = recall / np.maximum(recall + eta * false_alarm, 1e-300)
    return float(np.sum(np.diff(recall) * (precision[1:] + precision[:-1]) / 2))


def usable_separation(delta: float, dimensions: int, minority: float, majority: float) -> float:
    """What is left of Delta when the means have to be estimated from so many samples.

    Args:
        delta: separability of the classes.
        dimensions: number of features.
        minority: independent samples of the rare class; trees or crops, not points.
        majority: independent samples of the common one.
    """
    chance = dimensions / minority + dimensions / majority
    return delta**2 / math.sqrt(delta**2 + chance) if delta > 0 else 0.0


def regime(
    eta: float, delta: float, samples: float, dimensions: int, minority: float | None = None
) -> tuple[Regime, float, float]:
    """Name how hard it is; the boundaries are leafwood's.

    Args:
        eta: majority over minority, above 1.
        delta: separability of the classes.
        samples: independent ones, of both classes.
        dimensions: number of features.
        minority: those of the rare class; None: its share of `samples` by `eta`.

    Returns:
        The regime; r, log(eta) over what Delta and kappa together can bear (above 1 recall collapses by the paper's
        abstract); and g, which is 1 where half of the rare class is found.
    """
    rare = samples / (1 + eta) if minority is None else minority
    left = usable_separation(delta, dimensions, rare, samples - rare)
    if left <= 0:
        return "Catastrophic", math.inf, math.inf
    told = predict(eta, left)
    r, g = math.log(eta) / (left * math.sqrt(samples / dimensions)), 2 * math.log(eta) / left**2
    if r > 1 or told.recall < _HOPELESS:
        return "Catastrophic", r, g
    if g > 1:
        return "Extreme", r, g
    return ("Mild" if told.recoverable > _WORTH_IT else "Normal"), r, g


def margins(features: NDArray[Any], wood: NDArray[np.bool_], unit: NDArray[Any]) -> NDArray[np.float64]:
    """Side of a linear discriminant (n,), positive for wood, that each sample lies on, fitted to other units.

    Args:
        features: (n, p).
        wood: (n,) class.
        unit: (n,) tree, block or stand of each sample: what is fitted on one is not judged on the same.

    Raises:
        BadBatch: fewer than two units with both classes, or hardly more samples than features.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import GroupKFold, cross_val_predict

    n, p = features.shape
    units = len(np.unique(unit))
    if units < 2 or n < p + 4 or not 0 < wood.sum() < n:
        raise BadBatch("separation: two units or more with both classes are needed, and more samples than features")
    judge = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    folds = GroupKFold(min(_FOLDS, units))
    seen = np.asarray(features, dtype=np.float64)
    found = cross_val_predict(judge, seen, wood, groups=unit, cv=folds, method="decision_function")
    return np.asarray(found, dtype=np.float64)


def delta_of_auroc(auroc: float) -> float:
    """Distance of two Gaussian classes that a linear discriminant ranks with that AUROC; 0 for 0.5 and below."""
    return math.sqrt(2) * max(0.0, float(ndtri(min(auroc, 1 - 1e-12))))


def separation(features: NDArray[Any], wood: NDArray[np.bool_], unit: NDArray[Any]) -> Separation:
    """Estimate Delta from samples.

    Args:
        features: (n, p).
        wood: (n,) class.
        unit: (n,) as for :func:`margins`.

    Raises:
        BadBatch: as :func:`margins`.
    """
    from sklearn.metrics import roc_auc_score

    margin = margins(features, wood, unit)
    features = np.asarray(features, dtype=np.float64)
    n, p = features.shape
    one, none = features[wood], features[~wood]
    scatter = np.cov(one.T) * (len(one) - 1) + np.cov(none.T) * (len(none) - 1)
    apart = one.mean(axis=0) - none.mean(axis=0)
    squared = float(apart @ np.linalg.pinv(np.atleast_2d(scatter) / (n - 2)) @ apart)
    corrected = squared * (n - p - 3) / (n - 2) - p * (1 / len(one) + 1 / len(none))
    robust = delta_of_auroc(float(roc_auc_score(wood, margin)))
    return Separation(math.sqrt(squared), math.sqrt(max(0.0, corrected)), robust)
