"""The report of a training run: its curves, where the kept weights do well and where not, and the worst crops in 3D."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from leafwood.classes import IGNORE, LEAF, WOOD
from leafwood.errors import BadFile
from leafwood.evaluate.crops import SeenCrop, evaluate_crops, read_crops, worst_crops
from leafwood.evaluate.metrics import Scores
from leafwood.io.target import writing
from leafwood.report.charts import Chart, lines_chart
from leafwood.report.colouring import difference_colourings
from leafwood.report.compare import compare
from leafwood.report.comparison_page import COMPARED_KINDS
from leafwood.report.embedded import pictures_of
from leafwood.report.page import fill_page, number, percent
from leafwood.report.scene import pack_scene

__all__ = ["write_training_report"]

_CURVES = (
    ("Loss", ("loss",)),
    ("How well the classes are told apart", ("auroc", "g_mean")),
    ("Recall", ("leaf_recall", "wood_recall")),
    ("Wood", ("wood_iou", "wood_precision")),
    ("Learning rate", ("learning_rate",)),
)
_NAMES = {"auroc": "AUROC", "g_mean": "G-mean", "leaf_recall": "leaf", "wood_recall": "wood", "wood_iou": "IoU"}
_WORST = 4  # crops that are shown
# What a table of scores says of each stratum: score, heading, decimals.
_SHOWN = (("auroc", "AUROC"), ("g_mean", "G-mean"), ("wood_recall", "wood recall"), ("leaf_recall", "leaf recall"))


def write_training_report(folder: Path) -> Path:
    """Write ``report.html`` of a run, in place of an earlier one.

    Args:
        folder: with ``log.csv``, ``model.json`` and ``validation.npz``, as training leaves it; without the last one,
            the report has curves and settings alone.

    Returns:
        The page.

    Raises:
        BadFile: the log is missing or has no line, or the validation crops are damaged.
    """
    log, card, crops = folder / "log.csv", folder / "model.json", folder / "validation.npz"
    if not log.is_file():
        raise BadFile(f"{log}: does not exist; it is written by `leafwood train`")
    with log.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise BadFile(f"{log}: has no validation in it yet")
    provenance = json.loads(card.read_text(encoding="utf-8")).get("provenance", {}) if card.is_file() else {}
    seen = read_crops(crops) if crops.is_file() else []
    target = folder / "report.html"
    worst = [_shown(crop) for crop in worst_crops(seen, _WORST)]
    page = fill_page(
        "training.html",
        title=f"Training run {folder.resolve().name}",
        scripts=("viewer.js",) if worst else (),
        name=folder.resolve().name,
        charts=_charts(rows),
        best=_best(provenance),
        crops=len(seen),
        headings=[heading for _, heading in _SHOWN],
        strata=list(_strata(seen)) if seen else [],
        worst=worst,
        config=json.dumps(provenance.get("config", {}), indent=1),
        steps=f"{int(float(rows[-1]['step'])):,}",
        time=_words(float(rows[-1]["seconds"])),
    )
    with writing(target, None, overwrite=True) as stream:
        stream.write(page.encode())
    return target


def _words(seconds: float) -> str:
    """A time for reading."""
    return f"{seconds / 60:,.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"


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


def _strata(crops: Sequence[SeenCrop]) -> Iterator[tuple[str, list[tuple[str, list[str]]]]]:
    """What the validation is split by, with a line of scores for each stratum that has any voxels."""
    found, stands = evaluate_crops(crops)
    yield "stand", _lines(stands)
    yield "height within the crop", _lines(found.height)
    density = {name.replace("points", "voxels"): scores for name, scores in found.density.items()}
    yield "density", _lines(density)


def _lines(strata: Mapping[str, Scores]) -> list[tuple[str, list[str]]]:
    """A line of a table for each stratum: voxels, wood share, then the scores."""
    lines = []
    for name, scores in strata.items():
        values = scores.as_dict()
        if values["points"]:
            counts = [number(values["points"]), percent(values["wood_share"])]
            lines.append((name, counts + [number(values[score], 3) for score, _ in _SHOWN]))
    return lines


def _shown(crop: SeenCrop) -> dict[str, Any]:
    """What the page shows of a crop: the right labels and the wrong ones, in 3D and as a picture."""
    truth = np.where(crop.truth == IGNORE, 255, crop.truth).astype(np.uint8)
    found = compare(crop.cloud, crop.cloud.with_columns(gt_wood=truth), "gt_wood")
    height = (crop.xyz[:, 2] - crop.xyz[:, 2].min()).astype(np.float64)
    colourings = difference_colourings(found.code, found.coding, (found.a, found.b), found.names, height)
    wrong = crop.prob > 0.5
    missed = int((~wrong & (crop.truth == WOOD)).sum())
    return {
        "stand": crop.stand,
        "mistakes": percent(crop.mistakes),
        "missed": f"{missed:,} of {int((crop.truth == WOOD).sum()):,}",
        "taken": f"{int((wrong & (crop.truth == LEAF)).sum()):,} of {int((crop.truth == LEAF).sum()):,}",
        "scene": pack_scene(crop.cloud, height, np.minimum(found.code, 3), COMPARED_KINDS, colourings, first=3),
        "pictures": list(islice(pictures_of(crop.cloud, found.code, found.coding), 1)),
    }
