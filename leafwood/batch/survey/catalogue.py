"""The index of a labelled survey: its files and tiles as GeoJSON, for maps and for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.batch.survey.facts import SurveyFacts
from leafwood.batch.survey.spill import CELL
from leafwood.batch.survey.tile import TileSums
from leafwood.io.target import writing

__all__ = ["catalogue_path", "write_catalogue"]


def catalogue_path(target: Path) -> Path:
    """Where the index of a survey goes: beside the first of its outputs."""
    return target.with_name(f"{target.stem}_survey.geojson")


def write_catalogue(
    path: Path, facts: SurveyFacts, tiles: Sequence[TileSums], counts: NDArray[np.int64], outputs: Mapping[Path, Path]
) -> None:
    """Write it.

    Args:
        path: the file, replaced if it is there.
        facts: of the survey.
        tiles: that were seen.
        counts: (files, 3) points not processed, leaf and wood.
        outputs: scan -> labelled file, of those that were written.

    Raises:
        FileProblem: it cannot be written.
    """
    place = facts.place
    unit = place.files[0].unit[0]
    features: list[dict[str, Any]] = []
    for number, file in enumerate(place.files):
        low, high = file.cells[:, :2].min(axis=0) * CELL, (file.cells[:, :2].max(axis=0) + 1) * CELL
        none, leaf, wood = counts[number].tolist()
        known: dict[str, Any] = {
            "kind": "file",
            "input": str(file.path),
            "output": str(outputs.get(file.path, "")) or None,
        }
        known |= {"points": file.count, "not_processed": none, "leaf": leaf, "wood": wood}
        features.append(_feature(low / unit, high / unit, known))
    for tile in sorted(tiles, key=lambda tile: tile.box):
        low, high = (corner + place.origin[:2] for corner in place.corners(tile.box))
        features.append(_feature(low / unit, high / unit, {"kind": "tile", "points": tile.points, "seen": tile.seen}))
    survey = {"ground": facts.surface.choice.reason, "scale": facts.scale, "crs_wkt": place.files[0].crs}
    content = {"type": "FeatureCollection", "leafwood": survey, "features": features}
    with writing(path, None, overwrite=True) as stream:
        stream.write(json.dumps(content, indent=1).encode())


def _feature(low: NDArray[np.float64], high: NDArray[np.float64], properties: dict[str, Any]) -> dict[str, Any]:
    """A rectangle of the plan, in the units of the files."""
    x0, y0, x1, y1 = (round(float(v), 3) for v in (*low, *high))
    ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
    return {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": properties}
