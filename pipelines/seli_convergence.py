"""How far ridge-regularised training comes towards SELI, by imbalance and weight decay: the paper's finding, redrawn.

    python pipelines/seli_convergence.py --figure docs/img/seli.png
    python pipelines/seli_convergence.py --logs runs/parts_*/geometry.csv --figure docs/img/seli.png

Thrampoulidis, Kini, Vakilian and Behnia (NeurIPS 2022) show that cross-entropy leads classifiers and embeddings to the
geometry of the simplex-encoded labels (SELI) at any imbalance as the ridge goes to 0, that a ridge keeps them away
from it, the more the larger the imbalance, and that convergence is slow. The unconstrained-features model of the paper
is trained here: classifiers W (K, d) and one free embedding for each sample, H (d, n), by gradient descent on the sum
of cross-entropies plus lambda / 2 (|W|^2 + |H|^2). Four classes, of which two are R times as common as the others.

Given logs of `leafwood train` with `outputs: parts`, a second row of the figure has the same distances of a trained
network.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.diagnose.seli import cosines, distance, geometry

RATIOS = (1, 10, 100)
RIDGES = (0.0, 0.1, 1.0)
FEW, D = 2, 8  # samples of a rare class; dimensions of the embeddings
RATE = 0.1
TITLES = {
    "classifiers": "classifiers, distance to SELI",
    "means": "class means, distance to SELI",
    "minority cosine": "cosine of the rare classifiers",
}
Curve = dict[str, list[float]]


def descend(ratio: int, ridge: float, steps: int, seed: int = 0) -> Curve:
    """Distances along gradient descent, at steps that are evenly spaced in their logarithm."""
    counts = np.array([FEW * ratio, FEW * ratio, FEW, FEW])
    k, label = len(counts), np.repeat(np.arange(4), counts)
    target = np.eye(k)[label].T
    expected = geometry(counts)
    rng = np.random.default_rng(seed)
    w, h = 0.1 * rng.normal(size=(k, D)), 0.1 * rng.normal(size=(D, len(label)))
    rate = RATE / np.sqrt(ratio)
    looks = set(np.unique(np.geomspace(1, steps, 60).astype(int)).tolist())
    curve: Curve = {name: [] for name in ("step", "classifiers", "means", "minority cosine", "NC1")}
    for step in range(1, steps + 1):
        logits = w @ h
        p = np.exp(logits - logits.max(axis=0))
        residual = p / p.sum(axis=0) - target
        w, h = w - rate * (residual @ h.T + ridge * w), h - rate * (w.T @ residual + ridge * h)
        if step in looks:
            look(curve, step, w, h, label, expected)
    return curve


def look(curve: Curve, step: int, w: NDArray[Any], h: NDArray[Any], label: NDArray[Any], expected: Any) -> None:
    """Measure where the descent is."""
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


def read_log(path: Path) -> Curve:
    """A geometry.csv of `leafwood train`."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    columns = {
        "step": "step",
        "classifiers": "classifiers_to_seli",
        "means": "means_to_seli",
        "minority cosine": "minority_cosine",
        "NC1": "within",
    }
    return {name: [float(line[column]) for line in lines] for name, column in columns.items()}


def figure(curves: dict[tuple[int, float], Curve], logs: dict[str, Curve], path: Path) -> None:
    """Distance of the classifiers, of the means, and the minority cosine, against the step."""
    import matplotlib.pyplot as plt

    shown = tuple(TITLES)
    rows = 2 if logs else 1
    drawn, axes = plt.subplots(rows, 3, figsize=(12, 3.6 * rows), layout="constrained", squeeze=False)
    colours = dict(zip(RATIOS, ("tab:blue", "tab:orange", "tab:red"), strict=True))
    styles = dict(zip(RIDGES, ("-", "--", ":"), strict=True))
    for axis, name in zip(axes[0], shown, strict=True):
        for (ratio, ridge), curve in curves.items():
            told = f"R {ratio}, lambda {ridge:g}"
            axis.plot(curve["step"], curve[name], color=colours[ratio], ls=styles[ridge], label=told)
        axis.set(xscale="log", xlabel="step")
        axis.set_title(f"free embeddings: {TITLES[name]}", fontsize=9)
    axes[0, 0].legend(fontsize=6)
    for axis, name in zip(axes[-1] if logs else (), shown, strict=False):
        for told, curve in logs.items():
            axis.plot(curve["step"], curve[name], "o-", ms=3, label=told)
        axis.set(xlabel="step")
        axis.set_title(f"graph network: {TITLES[name]}", fontsize=9)
    if logs:
        axes[1, 0].legend(fontsize=6)
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn.savefig(path, dpi=110)
    plt.close(drawn)


def table(curves: dict[tuple[int, float], Curve]) -> str:
    """Markdown: where each descent has come to."""
    text = ["| R | lambda | classifiers to SELI | means to SELI | minority cosine | NC1 |", "|---|---|---|---|---|---|"]
    for (ratio, ridge), curve in curves.items():
        cells = [f"{curve[name][-1]:.3f}" for name in ("classifiers", "means", "minority cosine", "NC1")]
        text.append(f"| {ratio} | {ridge:g} | {' | '.join(cells)} |")
    return "\n".join(text)


def main() -> None:
    """Descend, print the table, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--logs", type=Path, nargs="*", default=[], help="geometry.csv files of trainings")
    parser.add_argument("--figure", type=Path, help="draw it there")
    args = parser.parse_args()
    curves = {(ratio, ridge): descend(ratio, ridge, args.steps) for ratio in RATIOS for ridge in RIDGES}
    print(table(curves))
    if args.figure:
        figure(curves, {path.parent.name: read_log(path) for path in args.logs}, args.figure)


if __name__ == "__main__":
    main()
