"""A comparison of losses and training methods as tables and as a figure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leafwood.evaluate.tables import head, line, mean_and_spread
from leafwood.train.trials.results import Row

__all__ = ["draw", "table", "values"]

_SHOWN = {
    "wood_recall": "wood recall",
    "leaf_recall": "leaf recall",
    "balanced_accuracy": "BA",
    "g_mean": "G-mean",
    "wood_iou": "wood IoU",
    "auroc": "AUROC",
    "ece": "ECE",
}


def values(rows: Sequence[Row], ratio: str, column: str) -> dict[str, list[float]]:
    """What each method reached at a ratio, one value a seed."""
    found: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row["ratio"] == ratio:
            found[row["method"]].append(float(row[column]))
    return found


def _ranked(rows: Sequence[Row], ratio: str) -> list[str]:
    """The methods, best held-out G-mean first; those that failed last."""
    g_mean = values(rows, ratio, "held_out.g_mean")
    return sorted(g_mean, key=lambda name: -np.nan_to_num(np.mean(g_mean[name])))


def _ratios(rows: Sequence[Row]) -> list[str]:
    """The ratios there are, least imbalance first."""
    return sorted({row["ratio"] for row in rows}, key=int)


def table(rows: Sequence[Row]) -> str:
    """Markdown: for each ratio the methods by held-out G-mean, then the labelled files.

    Args:
        rows: results of runs, at least one.
    """
    parts = []
    trees = sorted({column.split(".")[0] for column in rows[0] if column.endswith(".auroc")} - {"held_out"})
    for ratio in _ratios(rows):
        reached = np.nanmean([float(row["imbalance"]) for row in rows if row["ratio"] == ratio])
        columns = [*(f"held_out.{name}" for name in _SHOWN), *(f"{tree}.g_mean" for tree in trees)]
        by_column = {column: values(rows, ratio, column) for column in (*columns, "seconds")}
        lines = [f"### About {ratio} leaf voxels to a wood voxel ({reached:.1f} in the crops)", ""]
        lines.append(head("method", *_SHOWN.values(), *(f"{tree} G-mean" for tree in trees), "seconds"))
        for name in _ranked(rows, ratio):
            cells = [mean_and_spread(by_column[column][name]) for column in columns]
            lines.append(line(name, *cells, f"{np.mean(by_column['seconds'][name]):.0f}"))
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def draw(rows: Sequence[Row], path: Path) -> None:
    """Held-out G-mean of every method at every ratio: a dot a seed, a bar for the mean; plain cross-entropy dashed.

    Args:
        rows: results of runs, at least one.
        path: path of the picture.
    """
    import matplotlib.pyplot as plt

    there = _ratios(rows)
    names = _ranked(rows, there[-1])[::-1]
    figure, axes = plt.subplots(1, len(there), figsize=(3.2 * len(there) + 1, 0.24 * len(names) + 1.2), sharey=True)
    for axis, ratio in zip(np.atleast_1d(axes), there, strict=True):
        found = values(rows, ratio, "held_out.g_mean")
        for place, name in enumerate(names):
            axis.plot(found[name], [place] * len(found[name]), "o", color="#8a5a2b", markersize=3, alpha=0.6)
            axis.plot([np.mean(found[name])] if found[name] else [], [place] * bool(found[name]), "|", color="black")
        if found["cross_entropy"]:
            axis.axvline(float(np.mean(found["cross_entropy"])), linestyle="--", linewidth=0.8, color="#3b7a57")
        axis.set_title(f"about {ratio} : 1", fontsize=9)
        axis.set_xlabel("G-mean, held-out virtual stands", fontsize=8)
        axis.grid(axis="x", linewidth=0.3)
        axis.tick_params(labelsize=7)
    np.atleast_1d(axes)[0].set_yticks(range(len(names)), names)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)
