"""The experiment of the taxonomy of imbalance: classifiers on two Gaussian classes, and what is predicted of them.

Essomba and Fokoue (arXiv 2601.04149) vary the imbalance eta with the ratio of samples to dimensions, kappa, and the
separability Delta held fixed: two classes in p dimensions, Delta apart, give n = kappa p samples, and the rare class
has 1 / (1 + eta) of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.diagnose.taxonomy import average_precision, predict, usable_separation

__all__ = ["SCORES", "TwoGaussians"]

SCORES = ("recall", "precision", "F1", "PR-AUC")
_FEWEST = 3  # samples of the rare class
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TwoGaussians:
    """Two classes with the unit covariance.

    Attributes:
        delta: distance of their means.
        kappa: samples for each dimension.
        dimensions: p.
        test: samples that scores are taken on, with the shares of the training samples.
    """

    delta: float = 2.0
    kappa: float = 20.0
    dimensions: int = 12
    test: int = 20_000

    def draw(self, eta: float, n: int, rng: np.random.Generator) -> tuple[Floats, NDArray[np.bool_]]:
        """So many samples (n, p) at an imbalance, and whether each (n,) is of the rare class."""
        rare = np.arange(n) < max(_FEWEST, round(n / (1 + eta)))
        x = rng.normal(size=(n, self.dimensions))
        x[rare, 0] += self.delta
        return x, rare

    def scores(self, etas: Sequence[float], repeats: int) -> dict[str, Floats]:
        """``SCORES`` (etas, repeats, 4) of parametric and non-parametric classifiers at their plain threshold."""
        n = round(self.kappa * self.dimensions)
        found = {name: np.empty((len(etas), repeats, len(SCORES))) for name in _classifiers()}
        for row, eta in enumerate(etas):
            for repeat in range(repeats):
                rng = np.random.default_rng((row, repeat))
                x, rare = self.draw(eta, n, rng)
                test, truth = self.draw(eta, self.test, rng)
                for name, make in _classifiers().items():
                    found[name][row, repeat] = _judge(make(repeat).fit(x, rare), test, truth)
        return found

    def predicted(self, etas: Sequence[float]) -> Floats:
        """The closed forms of ``SCORES`` (etas, 4) for the separability that is usable with so few samples."""
        rows = []
        for eta in etas:
            n = self.kappa * self.dimensions
            rare = max(_FEWEST, n / (1 + eta))
            usable = usable_separation(self.delta, self.dimensions, rare, n - rare)
            told = predict(eta, usable)
            rows.append((told.recall, told.precision, told.f1, average_precision(eta, usable)))
        return np.array(rows)


def _classifiers() -> dict[str, Callable[[int], Any]]:
    """Classifiers by name, from a seed."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    return {
        "linear discriminant (parametric)": lambda seed: LinearDiscriminantAnalysis(),
        "logistic regression (parametric)": lambda seed: LogisticRegression(),
        "15 neighbours (non-parametric)": lambda seed: KNeighborsClassifier(15),
        "random forest (non-parametric)": lambda seed: RandomForestClassifier(40, random_state=seed, n_jobs=1),
    }


def _judge(model: Any, x: Floats, truth: NDArray[np.bool_]) -> tuple[float, ...]:
    """``SCORES`` of a fitted classifier; precision is 1 where nothing is found."""
    from sklearn.metrics import average_precision_score

    chance = model.predict_proba(x)[:, 1]
    found = chance > 0.5
    right = float((found & truth).sum())
    recall = right / float(truth.sum())
    precision = right / float(found.sum()) if found.any() else 1.0
    f1 = 2 * recall * precision / (recall + precision) if right else 0.0
    return recall, precision, f1, float(average_precision_score(truth, chance))
