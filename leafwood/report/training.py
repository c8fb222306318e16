"""The report of a training run: its curves, and how well the kept weights tell wood on the validation crops."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from leafwood.errors import BadFile
from leafwood.io.target import writing
from leafwood.report.charts import Chart, lines_chart
from leafwood.report.page import fill_page

__all__ = ["write_training_report"]

_CURVES = (
    ("Loss", ("loss",)),
    ("How well the classes are told apart", ("auroc", "g_mean")),
    ("Recall", ("leaf_recall", "wood_recall")),
    ("Wood", ("wood_iou", "wood_precision")),
    ("Learning rate", ("learning_rate",)),
)
_NAMES = {"auroc": "AUROC", "g_mean": "G-mean", "leaf_recall": "leaf", "wood_recall": "wood", "wood_iou": "IoU"}


def write_training_report(folder: Path) -> Path:
    """Write ``report.html`` of a run, in place of an earlier one.

    Args:
        folder: with ``log.csv`` and ``model.json``, as training leaves it.

    Returns:
        The page.

    Raises:
        BadFile: the log is missing or has no line.
    """
    log, card = folder / "log.csv", folder / "model.json"
    if not log.is_file():
        raise BadFile(f"{log}: does not exist; it is written by `leafwood train`")
    with log.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise BadFile(f"{log}: has no validation in it yet")
    provenance = json.loads(card.read_text(encoding="utf-8")).get("provenance", {}) if card.is_file() else {}
    target = folder / "report.html"
    page = fill_page(
        "training.html",
        title=f"Training run {folder.resolve().name}",
        name=folder.resolve().name,
        charts=_charts(rows),
        best=_best(provenance),
        config=json.dumps(provenance.get("config", {}), indent=1),
        steps=f"{int(float(rows[-1]['step'])):,}",
        minutes=f"{float(rows[-1]['seconds']) / 60:,.0f}",
    )
    with writing(target, None, overwrite=True) as stream:
        stream.write(page.encode())
    return target


def _charts(rows: list[dict[str, str]]) -> list[Chart]:
    step = np.array([float(row["step"]) for row in rows])
    charts = []
    for title, names in _CURVES:
        there = [name for name in names if name in rows[0]]
        series = {
            _NAMES.get(name, name.replace("_", " ")): np.array([float(row[name]) for row in rows]) for name in there
        }
        if series:
            charts.append(lines_chart(title, step, series, "step"))
    return charts


def _best(provenance: dict[str, Any]) -> list[tuple[str, str]]:
    """Scores of the kept weights, a name and a number each."""
    scores = provenance.get("validation", {})
    kept = [("kept weights of step", f"{provenance['step']:,}")] if "step" in provenance else []
    return kept + [
        (name.replace("_", " "), f"{value:,.0f}" if name == "points" else f"{value:.4f}")
        for name, value in scores.items()
        if isinstance(value, int | float)
    ]
