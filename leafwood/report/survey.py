"""A survey of many scans on one page: a table that sorts, a map of the tiles, and what failed on top."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leafwood.io.target import check_target, writing
from leafwood.report.page import UNKNOWN, fill_page
from leafwood.report.palette import ramp
from leafwood.report.row import Row

__all__ = ["survey_files", "write_survey"]

_STEM = "leafwood_survey"
# What the map can be coloured by: field, name, and how it is written.
_COLUMNS = (
    ("wood_share", "wood share", "{:.1%}"),
    ("doubt_share", "labels in doubt", "{:.1%}"),
    ("density", "points per m²", "{:,.0f}"),
    ("lai", "leaf area index", "{:.2f}"),
    ("points", "points", "{:,.0f}"),
    ("severe", "severe doubts", "{:.0f}"),
)
_MARGIN = 0.04  # of the map


def survey_files(folder: Path) -> list[Path]:
    """The files that :func:`write_survey` writes: the page, the CSV file and the JSON file."""
    return [folder / f"{_STEM}{suffix}" for suffix in (".html", ".csv", ".json")]


def write_survey(rows: Sequence[Row], folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Write a survey's page and the same as CSV and JSON.

    Args:
        rows: a line for each scan, in any order.
        folder: where to.
        overwrite: replace existing files.

    Returns:
        The files, the page first.

    Raises:
        TargetExists: one is there already and may not be replaced; nothing is written then.
    """
    files = survey_files(folder)
    for file in files:
        check_target(file, None, overwrite)
    rows = sorted(rows, key=lambda row: (row.failure is None, -row.severe, -(row.doubt_share or 0), row.file))
    texts = (_page(rows, folder), _csv(rows), json.dumps([row.as_dict() for row in rows], indent=1) + "\n")
    for file, text in zip(files, texts, strict=True):
        with writing(file, None, overwrite) as stream:
            stream.write(text.encode())
    return files


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    names = [name for name in Row.__dataclass_fields__ if name not in ("bounds", "crs")]
    table.writerow([*names, "x_min", "y_min", "x_max", "y_max"])
    for row in rows:
        values = row.as_dict()
        cells = ["; ".join(values[name]) if isinstance(values[name], tuple) else values[name] for name in names]
        table.writerow(["" if cell is None else cell for cell in [*cells, *(row.bounds or [""] * 4)]])
    return text.getvalue()


def _page(rows: Sequence[Row], folder: Path) -> str:
    failed = [row for row in rows if row.failure is not None]
    tiles, left_out = _tiles(rows)
    return fill_page(
        "survey.html",
        title="Survey: leaf and wood",
        scripts=("survey.js",),
        name=folder.resolve().name,
        rows=rows,
        failed=failed,
        severe=sum(1 for row in rows if row.severe),
        points=sum(row.points or 0 for row in rows),
        tiles=tiles,
        left_out=left_out,
        map=_map(tiles) if tiles else None,
        choices=[(field, name) for field, name, _ in _COLUMNS],
        palettes={field: _colours(tiles, field, pattern) for field, _, pattern in _COLUMNS},
    )


def _tiles(rows: Sequence[Row]) -> tuple[list[Row], int]:
    """Scans that are drawn on the map, those of the commonest coordinate system, and how many are not."""
    placed = [row for row in rows if row.bounds is not None and row.crs is not None]
    if not placed:
        return [], len(rows)
    (system, _), *_ = Counter(row.crs for row in placed).most_common(1)
    tiles = [row for row in placed if row.crs == system]
    return tiles, len(rows) - len(tiles)


def _map(tiles: Sequence[Row]) -> dict[str, Any]:
    """Rectangles of the tiles in a view box, y downwards, with a scale bar and the name of their system."""
    from pyproj import CRS

    corners = [row.bounds for row in tiles if row.bounds is not None]
    low = [min(corner[axis] for corner in corners) for axis in (0, 1)]
    high = [max(corner[axis + 2] for corner in corners) for axis in (0, 1)]
    size = max(high[0] - low[0], high[1] - low[1], 1e-9)
    margin = _MARGIN * size
    boxes = [
        {
            "x": corner[0] - low[0] + margin,
            "y": high[1] - corner[3] + margin,
            "width": max(corner[2] - corner[0], size / 200),
            "height": max(corner[3] - corner[1], size / 200),
        }
        for corner in corners
    ]
    wide, tall = high[0] - low[0] + 2 * margin, high[1] - low[1] + 4 * margin
    unit = tiles[0].unit
    metres = max(
        (m for m in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 10_000) if m / unit <= size / 3), default=1
    )
    system = CRS.from_wkt(tiles[0].crs or "")
    return {
        "boxes": boxes,
        "width": wide,
        "height": tall,
        "margin": margin,
        "bar": metres / unit,
        "metres": metres,
        "font": size / 28,
        "system": system.name,
    }


def _colours(tiles: Sequence[Row], field: str, pattern: str) -> dict[str, Any]:
    """Colour of each tile by one column, None where it is not known, and the ends of the ramp."""
    values = [getattr(row, field) for row in tiles]
    known = [value for value in values if value is not None]
    if not known:
        return {"values": values, "low": UNKNOWN, "high": UNKNOWN}
    low, high = min(known), max(known)
    palette = ramp("cividis")
    colours = [
        None if value is None else palette[round(255 * (value - low) / (high - low)) if high > low else 128]
        for value in values
    ]
    return {"values": colours, "low": pattern.format(low), "high": pattern.format(high)}
