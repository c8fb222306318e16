"""The experiment of the taxonomy of imbalance: eta alone varies, and four classifiers are held against the prediction.

    python pipelines/taxonomy_experiment.py --figure docs/img/taxonomy.png

Essomba and Fokoue (arXiv 2601.04149) vary the imbalance eta with the sample-dimension ratio kappa and the separability
Delta held fixed. Two Gaussian classes in p dimensions, Delta apart, give n = kappa p samples of which 1 / (1 + eta)
are of the rare class. Parametric models (linear discriminant analysis, logistic regression) and non-parametric ones
(nearest neighbours, a random forest) are fitted at their plain threshold and scored on a large test set of the same
shares; their recall, precision, F1 and PR-AUC stand beside the closed forms for the usable Delta. The figure marks
where half is found by prediction, log(eta) = Delta^2 / 2, and where the abstract of the paper sees the collapse,
log(eta) = Delta sqrt(kappa).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.diagnose.taxonomy import average_precision, predict, usable_separation

ETAS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
SCORES = ("recall", "precision", "F1", "PR-AUC")
TEST = 20_000
FEWEST = 3  # samples of the rare class
Results = dict[str, NDArray[np.float64]]  # (etas, repeats, scores)


def models() -> dict[str, Callable[[int], Any]]:
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


def draw(eta: float, delta: float, n: int, p: int, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """So many samples (n, p) and whether each is of the rare class."""
    rare = np.arange(n) < max(FEWEST, round(n / (1 + eta)))
    x = rng.normal(size=(n, p))
    x[rare, 0] += delta
    return x, rare


def judge(model: Any, x: NDArray[Any], truth: NDArray[np.bool_]) -> tuple[float, ...]:
    """Recall, precision, F1 and PR-AUC of a fitted classifier; precision is 1 where nothing is found."""
    from sklearn.metrics import average_precision_score

    chance = model.predict_proba(x)[:, 1]
    found = chance > 0.5
    right = float((found & truth).sum())
    recall = right / float(truth.sum())
    precision = right / float(found.sum()) if found.any() else 1.0
    f1 = 2 * recall * precision / (recall + precision) if right else 0.0
    return recall, precision, f1, float(average_precision_score(truth, chance))


def experiment(delta: float, kappa: float, p: int, repeats: int) -> Results:
    """Scores of every model at every imbalance."""
    n = round(kappa * p)
    found = {name: np.empty((len(ETAS), repeats, len(SCORES))) for name in models()}
    for row, eta in enumerate(ETAS):
        for repeat in range(repeats):
            rng = np.random.default_rng((row, repeat))
            x, rare = draw(eta, delta, n, p, rng)
            test, truth = draw(eta, delta, TEST, p, rng)
            for name, make in models().items():
                found[name][row, repeat] = judge(make(repeat).fit(x, rare), test, truth)
    return found


def predicted(delta: float, kappa: float, p: int, etas: NDArray[np.float64]) -> NDArray[np.float64]:
    """The closed forms (etas, scores) for the usable Delta."""
    rows = []
    for eta in etas.tolist():
        n = kappa * p
        rare = max(FEWEST, n / (1 + eta))
        usable = usable_separation(delta, p, rare, n - rare)
        told = predict(eta, usable)
        rows.append((told.recall, told.precision, told.f1, average_precision(eta, usable)))
    return np.array(rows)


def figure(found: Results, delta: float, kappa: float, p: int, path: Path) -> None:
    """A panel a score: dots and bars for the models, a line for the prediction."""
    import matplotlib.pyplot as plt

    etas = np.geomspace(ETAS[0], ETAS[-1], 60)
    lines = predicted(delta, kappa, p, etas)
    drawn, axes = plt.subplots(1, len(SCORES), figsize=(14, 3.6), sharex=True, sharey=True, layout="constrained")
    for number, (axis, score) in enumerate(zip(axes, SCORES, strict=True)):
        axis.plot(etas, lines[:, number], color="black", label="predicted")
        for name, values in found.items():
            column = values[:, :, number]
            axis.errorbar(ETAS, column.mean(axis=1), column.std(axis=1), fmt="o-", ms=3, lw=0.8, label=name)
        axis.axvline(math.exp(delta**2 / 2), color="grey", ls=":", label="half is found, by prediction")
        if math.exp(delta * math.sqrt(kappa)) < 2 * ETAS[-1]:
            axis.axvline(math.exp(delta * math.sqrt(kappa)), color="grey", ls="--", label="log eta = Delta sqrt(kappa)")
        axis.set(xscale="log", title=score, xlabel="eta", ylim=(0, 1.02))
    axes[0].legend(fontsize=6)
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn.savefig(path, dpi=110)
    plt.close(drawn)


def table(found: Results, delta: float, kappa: float, p: int) -> str:
    """Markdown: recall and PR-AUC at each imbalance, predicted and found."""
    lines = [
        f"| eta | predicted recall | {' | '.join(found)} | predicted PR-AUC | {' | '.join(found)} |",
        "|---|" + "---|" * (2 * len(found) + 2),
    ]
    told = predicted(delta, kappa, p, np.array(ETAS))
    for row, eta in enumerate(ETAS):
        cells = [f"{eta:g}"]
        for number in (0, 3):
            cells.append(f"{told[row, number]:.2f}")
            cells += [f"{values[row, :, number].mean():.2f}" for values in found.values()]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run, print the table, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delta", type=float, default=2.0)
    parser.add_argument("--kappa", type=float, default=20.0, help="samples for each dimension")
    parser.add_argument("--dimensions", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--figure", type=Path, help="draw it there")
    args = parser.parse_args()
    found = experiment(args.delta, args.kappa, args.dimensions, args.repeats)
    print(table(found, args.delta, args.kappa, args.dimensions))
    if args.figure:
        figure(found, args.delta, args.kappa, args.dimensions, args.figure)


if __name__ == "__main__":
    main()
