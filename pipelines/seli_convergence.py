"""How far ridge-regularised training comes towards SELI, by imbalance and weight decay: the paper's finding, redrawn.

    python pipelines/seli_convergence.py --figure docs/img/seli.png
    python pipelines/seli_convergence.py --logs runs/parts_*/geometry.csv --figure docs/img/seli.png

Thrampoulidis, Kini, Vakilian and Behnia (NeurIPS 2022) show that cross-entropy leads classifiers and embeddings to the
geometry of the simplex-encoded labels (SELI) at any imbalance as the ridge lambda goes to 0, that a ridge keeps them
away from it, the more the larger the imbalance, and that convergence is slow. The model that is trained is that of
`leafwood.diagnose.free_embeddings`: four classes, of which two are R times as common as the others.

Given logs of `leafwood train` with `outputs: parts`, a second row of the figure has the same distances of a trained
network.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from leafwood.diagnose.free_embeddings import Curve, descend
from leafwood.evaluate.tables import head, line

RATIOS = (1, 10, 100)
RIDGES = (0.0, 0.1, 1.0)
TITLES = {
    "classifiers": "classifiers, distance to SELI",
    "means": "class means, distance to SELI",
    "minority cosine": "cosine of the rare classifiers",
}


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


def figure(curves: Mapping[tuple[int, float], Curve], logs: Mapping[str, Curve], path: Path) -> None:
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


def table(curves: Mapping[tuple[int, float], Curve]) -> str:
    """Markdown: where each descent has come to."""
    lines = [head("R", "lambda", "classifiers to SELI", "means to SELI", "minority cosine", "NC1")]
    for (ratio, ridge), curve in curves.items():
        names = ("classifiers", "means", "minority cosine", "NC1")
        lines.append(line(ratio, f"{ridge:g}", *(curve[name][-1] for name in names)))
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Descend, print the table, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--logs", type=Path, nargs="*", default=[], help="geometry.csv files of trainings")
    parser.add_argument("--figure", type=Path, help="draw it there")
    args = parser.parse_args(argv)
    curves = {(ratio, ridge): descend(ratio, ridge, args.steps) for ratio in RATIOS for ridge in RIDGES}
    print(table(curves))
    if args.figure:
        figure(curves, {path.parent.name: read_log(path) for path in args.logs}, args.figure)


if __name__ == "__main__":
    main()
