"""The experiment of the taxonomy of imbalance: eta alone varies, and four classifiers are held against the prediction.

    python pipelines/taxonomy_experiment.py --figure docs/img/taxonomy.png

Essomba and Fokoue (arXiv 2601.04149) vary the imbalance eta with the sample-dimension ratio kappa and the separability
Delta of two Gaussian classes held fixed (`leafwood.diagnose.two_gaussians`). Parametric models (linear discriminant
analysis, logistic regression) and non-parametric ones (nearest neighbours, a random forest) are fitted at their plain
threshold and scored on a large test set of the same shares; their recall, precision, F1 and PR-AUC stand beside the
closed forms for the usable Delta. The figure marks where half is found by prediction, log(eta) = Delta^2 / 2, and where
the abstract of the paper sees the collapse, log(eta) = Delta sqrt(kappa).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leafwood.diagnose.two_gaussians import SCORES, TwoGaussians
from leafwood.evaluate.tables import head, line

ETAS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
Results = dict[str, NDArray[np.float64]]  # (etas, repeats, scores)


def figure(found: Results, classes: TwoGaussians, path: Path) -> None:
    """A panel a score: dots and bars for the models, a line for the prediction."""
    import matplotlib.pyplot as plt

    etas = np.geomspace(ETAS[0], ETAS[-1], 60)
    lines = classes.predicted(etas.tolist())
    half, collapse = math.exp(classes.delta**2 / 2), math.exp(classes.delta * math.sqrt(classes.kappa))
    drawn, axes = plt.subplots(1, len(SCORES), figsize=(14, 3.6), sharex=True, sharey=True, layout="constrained")
    for number, (axis, score) in enumerate(zip(axes, SCORES, strict=True)):
        axis.plot(etas, lines[:, number], color="black", label="predicted")
        for name, values in found.items():
            column = values[:, :, number]
            axis.errorbar(ETAS, column.mean(axis=1), column.std(axis=1), fmt="o-", ms=3, lw=0.8, label=name)
        axis.axvline(half, color="grey", ls=":", label="half is found, by prediction")
        if collapse < 2 * ETAS[-1]:
            axis.axvline(collapse, color="grey", ls="--", label="log eta = Delta sqrt(kappa)")
        axis.set(xscale="log", title=score, xlabel="eta", ylim=(0, 1.02))
    axes[0].legend(fontsize=6)
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn.savefig(path, dpi=110)
    plt.close(drawn)


def table(found: Results, classes: TwoGaussians) -> str:
    """Markdown: recall and PR-AUC at each imbalance, predicted and found."""
    lines = [head("eta", "predicted recall", *found, "predicted PR-AUC", *found)]
    told = classes.predicted(ETAS)
    for row, eta in enumerate(ETAS):
        cells = [f"{eta:g}"]
        for number in (0, 3):
            cells.append(f"{told[row, number]:.2f}")
            cells += [f"{values[row, :, number].mean():.2f}" for values in found.values()]
        lines.append(line(*cells))
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Run, print the table, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delta", type=float, default=2.0)
    parser.add_argument("--kappa", type=float, default=20.0, help="samples for each dimension")
    parser.add_argument("--dimensions", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--figure", type=Path, help="draw it there")
    args = parser.parse_args(argv)
    classes = TwoGaussians(args.delta, args.kappa, args.dimensions)
    found = classes.scores(ETAS, args.repeats)
    print(table(found, classes))
    if args.figure:
        figure(found, classes, args.figure)


if __name__ == "__main__":
    main()
