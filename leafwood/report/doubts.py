"""Reasons not to rely on the labels of a scan, each with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leafwood.cloud import PointCloud

__all__ = ["Doubt", "doubts"]


@dataclass(frozen=True)
class Doubt:
    """One reason.

    Attributes:
        name: a short name for tables, such as ``sparse``.
        title: the reason in a few words.
        detail: what was measured.
        advice: what to do.
        severe: whether the labels should not be used as they are.
    """

    name: str
    title: str
    detail: str
    advice: str
    severe: bool


def doubts(cloud: PointCloud) -> list[Doubt]:
    """What the points themselves say against the labels of a scan, the severe ones first."""
    found = []
    cells = len(np.unique(np.floor(cloud.xyz[:, :2]).astype(np.int64), axis=0))
    density = len(cloud) / max(cells, 1)
    if density < 100:
        found.append(
            Doubt(
                "sparse",
                "The scan is sparse",
                f"{density:.0f} points per m²",
                "Do not count wood points. Scan again lower or slower if wood matters.",
                density < 50,
            )
        )
    if not cloud.returns().any():
        found.append(
            Doubt(
                "no returns",
                "The file has no return numbers",
                "every point is taken for a pulse of its own",
                "Export the scan with return numbers.",
                False,
            )
        )
    if cloud.crs is None:
        found.append(
            Doubt("no crs", "The file has no coordinate system", "metres are assumed", "Give --crs EPSG:CODE.", False)
        )
    return sorted(found, key=lambda doubt: not doubt.severe)
