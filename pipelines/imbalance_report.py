"""The comparison of losses and methods as tables and as a figure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leafwood.errors import BadConfig

SHOWN = {
    "wood_recall": "wood recall",
    "leaf_recall": "leaf recall",
    "balanced_accuracy": "BA",
    "g_mean": "G-mean",
    "wood_iou": "wood IoU",
    "auroc": "AUROC",
    "ece": "ECE",
}
Rows = Sequence[dict[str, str]]


def values(rows: Rows, ratio: str, column: str) -> dict[str, list[float]]:
    """What each method reached at a ratio, one value a seed."""
    found: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row["ratio"] == ratio:
            found[row["method"]].append(float(row[column]))
    return found


def ranked(rows: Rows, ratio: str) -> list[str]:
    """The methods, best held-out G-mean first; those that failed last."""
    g_mean = values(rows, ratio, "held_out.g_mean")
    return sorted(g_mean, key=lambda name: -np.nan_to_num(np.mean(g_mean[name])))


def ratios(rows: Rows) -> list[str]:
    """The ratios there are, least imbalance first.

    Raises:
        BadConfig: there are no results.
    """
    if not rows:
        raise BadConfig("out: no results.csv in that folder yet")
    return sorted({row["ratio"] for row in rows}, key=int)


def table(rows: Rows) -> str:
    """Markdown: for each ratio the methods by held-out G-mean, then the labelled files."""
    parts = []
    trees = sorted({column.split(".")[0] for column in (rows[0] if rows else ()) if column.endswith(".auroc")})
    for ratio in ratios(rows):
        reached = np.nanmean([float(row["imbalance"]) for row in rows if row["ratio"] == ratio])
        heads = [*SHOWN.values(), *(f"{tree} G-mean" for tree in trees if tree != "held_out"), "seconds"]
        columns = [f"held_out.{name}" for name in SHOWN]
        columns += [f"{tree}.g_mean" for tree in trees if tree != "held_out"] + ["seconds"]
        lines = [f"### About {ratio} leaf voxels to a wood voxel ({reached:.1f} in the crops)", ""]
        lines += [f"| method | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
        by_column = {column: values(rows, ratio, column) for column in columns}
        for name in ranked(rows, ratio):
            cells = [_cell(by_column[column][name], column) for column in columns]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _cell(found: list[float], column: str) -> str:
    """Mean and standard deviation over the seeds."""
    if column == "seconds":
        return f"{np.mean(found):.0f}"
    spread = f" ± {np.std(found, ddof=1):.3f}" if len(found) > 1 else ""
    return f"{np.mean(found):.3f}{spread}"


def draw(rows: Rows, path: Path) -> None:
    """Held-out G-mean of every method at every ratio: a dot a seed, a bar for the mean; plain cross-entropy dashed."""
    import matplotlib.pyplot as plt

    there = ratios(rows)
    names = ranked(rows, there[-1])[::-1]
    figure, axes = plt.subplots(1, len(there), figsize=(3.2 * len(there) + 1, 0.24 * len(names) + 1.2), sharey=True)
    for axis, ratio in zip(np.atleast_1d(axes), there, strict=True):
        found = values(rows, ratio, "held_out.g_mean")
        for place, name in enumerate(names):
            axis.plot(found[name], [place] * len(found[name]), "o", color="#8a5a2b", markersize=3, alpha=0.6)
            axis.plot([np.mean(found[name])] if found[name] else [], [place] * bool(found[name]), "|", color="black")
        if found["cross_entropy"]:
            axis.axvline(np.mean(found["cross_entropy"]), linestyle="--", linewidth=0.8, color="#3b7a57")
        axis.set_title(f"about {ratio} : 1", fontsize=9)
        axis.set_xlabel("G-mean, held-out virtual stands", fontsize=8)
        axis.grid(axis="x", linewidth=0.3)
        axis.tick_params(labelsize=7)
    np.atleast_1d(axes)[0].set_yticks(range(len(names)), names)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)
