"""What Meta-Weight-Net has learnt, from the log of a training: the weight of a point by its loss, and the meta loss.

    make small-stands
    leafwood train configs/train/meta_weight_short.yaml -o runs/meta_weight
    python pipelines/meta_weight_figure.py runs/meta_weight/log.csv --figure docs/img/meta_weight.png

It is the figure of Shu et al. (NeurIPS 2019): under class imbalance their weighting function V rises with the loss,
under wrong labels it falls. Here it may know the class of a point besides.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

CURVES = 4  # validations whose curves are drawn, the last one among them


def read_log(path: Path) -> list[dict[str, str]]:
    """The rows of a log."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def curves(row: dict[str, str]) -> dict[str, list[tuple[float, float]]]:
    """Weight by loss for each class, or for ``any``, from one row of the log."""
    found: dict[str, list[tuple[float, float]]] = {}
    for column, value in row.items():
        if column.startswith("v_"):
            name, loss = column.removeprefix("v_").rsplit("_", 1)
            found.setdefault(name, []).append((float(loss), float(value)))
    return found


def figure(rows: list[dict[str, str]], path: Path) -> None:
    """A panel a class with V at some validations, and the meta loss beside the training loss."""
    import matplotlib.pyplot as plt

    names = list(curves(rows[0]))
    shown = rows[:: max(1, -(-len(rows) // CURVES))]
    shown = shown if shown[-1] is rows[-1] else [*shown, rows[-1]]
    drawn, axes = plt.subplots(1, len(names) + 1, figsize=(4 * (len(names) + 1), 3.5), layout="constrained")
    for axis, name in zip(axes, names, strict=False):
        for row in shown:
            axis.plot(*zip(*curves(row)[name], strict=True), "o-", ms=3, label=f"step {row['step']}")
        axis.set(xlabel="loss of a point", ylabel="weight V", title=f"V, {name}", ylim=(0, 1))
    axes[0].legend(fontsize=7)
    steps = [int(row["step"]) for row in rows]
    for column, name in (("meta_loss", "meta loss"), ("loss", "training loss")):
        axes[-1].plot(steps, [float(row[column]) for row in rows], "o-", ms=3, label=name)
    axes[-1].set(xlabel="step", title="losses")
    axes[-1].legend(fontsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn.savefig(path, dpi=110)
    plt.close(drawn)


def main(argv: Sequence[str] | None = None) -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path, help="log.csv of a training with method: {kind: meta_weight}")
    parser.add_argument("--figure", type=Path, required=True)
    args = parser.parse_args(argv)
    rows = read_log(args.log)
    if not rows or "meta_loss" not in rows[0]:
        parser.error(f"{args.log}: no training with Meta-Weight-Net wrote it")
    figure(rows, args.figure)


if __name__ == "__main__":
    main()
