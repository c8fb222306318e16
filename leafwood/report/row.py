"""A survey's line on one scan, which each report carries and a survey's page, table and file are made of."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leafwood.cloud import PointCloud
from leafwood.report.facts import Facts

__all__ = ["Row", "failed_row", "read_row", "row_of"]

_ROW = re.compile(rb'<script type="application/json" class="row">(.*?)</script>', re.DOTALL)


@dataclass(frozen=True)
class Row:
    """What a survey's table says of a scan; None is what is not known.

    Attributes:
        file: name of the scan.
        points: all of them.
        density: points per m².
        wood_share: of the labelled points.
        lai: leaf area index.
        lai_error: its standard error.
        doubt_share: labelled points in doubt, as a share.
        doubts: names of the reasons not to rely on the labels, severe ones first.
        severe: how many of them are severe.
        warnings: what was odd on the way, a line each.
        bounds: x and y of the lower and of the upper corner, in file units.
        unit: metres per file unit.
        crs: WKT of the coordinate system.
        report: name of its page, relative to the survey's.
        failure: why it has none of these.
    """

    file: str
    points: int | None = None
    density: float | None = None
    wood_share: float | None = None
    lai: float | None = None
    lai_error: float | None = None
    doubt_share: float | None = None
    doubts: tuple[str, ...] = ()
    severe: int = 0
    warnings: tuple[str, ...] = ()
    bounds: tuple[float, ...] | None = None
    unit: float = 1.0
    crs: str | None = None
    report: str | None = None
    failure: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Every value by name, ready for JSON."""
        return dataclasses.asdict(self)


def row_of(cloud: PointCloud, facts: Facts, name: str, warnings: tuple[str, ...]) -> Row:
    """The line on a labelled cloud.

    Args:
        cloud: n > 0 points.
        facts: measured from it.
        name: of the scan.
        warnings: what was odd on the way.
    """
    corners = cloud.absolute()[~cloud.strays(), :2]
    lai, error = facts.lai
    return Row(
        file=name,
        points=facts.points,
        density=_known(facts.density),
        wood_share=_known(facts.wood_share),
        lai=_known(lai),
        lai_error=_known(error),
        doubt_share=_known(facts.doubt_share),
        doubts=tuple(doubt.name for doubt in facts.doubts),
        severe=sum(doubt.severe for doubt in facts.doubts),
        warnings=warnings,
        bounds=tuple(float(value) for value in [*corners.min(axis=0), *corners.max(axis=0)]),
        unit=cloud.unit[0],
        crs=cloud.crs,
    )


def failed_row(path: Path, reason: object) -> Row:
    """The line on a scan that could not be labelled or read."""
    return Row(file=path.name, failure=" ".join(str(reason).split()).removeprefix(f"{path}: "))


def read_row(page: Path, folder: Path) -> Row | None:
    """The line that a report carries, with the page's place below a folder; None where the file is no report."""
    found = _ROW.search(page.read_bytes())
    if found is None:
        return None
    values = json.loads(found.group(1))
    for name in ("doubts", "warnings", "bounds"):
        values[name] = None if values[name] is None else tuple(values[name])
    return Row(**values | {"report": os.path.relpath(page, folder).replace(os.sep, "/")})


def _known(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None
