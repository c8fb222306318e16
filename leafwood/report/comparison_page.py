"""The page that shows where two labellings of one scan differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leafwood.cloud import PointCloud
from leafwood.io.target import writing
from leafwood.report.charts import difference_chart
from leafwood.report.colouring import difference_colourings
from leafwood.report.compare import Comparison, compare
from leafwood.report.embedded import pictures_of
from leafwood.report.facts import heights_of, layer_edges
from leafwood.report.page import fill_page
from leafwood.report.scene import pack_scene

__all__ = ["COMPARED_KINDS", "write_comparison"]

COMPARED_KINDS = ((0, "not compared"), (1, "leaf for both"), (2, "wood for both"), (3, "different"))


def write_comparison(
    a: PointCloud, b: PointCloud, target: Path, preset: str | None = None, *, overwrite: bool = False
) -> Comparison:
    """Write the page of two labellings.

    Args:
        a: n > 0 points with ``leafwood``.
        b: the other labelling of the same scan, or its truth.
        target: the HTML file to be.
        preset: how B's labels are written; see :func:`~leafwood.report.compare.compare`.
        overwrite: replace an existing file.

    Raises:
        BadConfig: no such preset.
        BadCloud: labels are missing, or the clouds are not of one scan.
        TargetExists: the target is there and may not be replaced.
    """
    found = compare(a, b, preset)
    page = _page(a, found)
    with writing(target, a.path, overwrite) as stream:
        stream.write(page.encode())
    return found


def _page(cloud: PointCloud, found: Comparison) -> str:
    _, height, _ = heights_of(cloud)
    edges = layer_edges(height)
    only_a, only_b = found.by_height(height, edges)
    names = dict(zip(found.coding.codes, found.coding.names, strict=True))
    kinds = np.minimum(found.code, 3)
    colourings = difference_colourings(found.code, found.coding, (found.a, found.b), found.names, height)
    table = found.table
    return fill_page(
        "compare.html",
        title=f"{found.names[0]} against {found.names[1]}",
        scripts=("viewer.js",),
        name=cloud.path.name if cloud.path else "the cloud",
        names=found.names,
        truth=found.truth,
        headline=found.headline,
        alone=found.alone,
        outcomes=[(names[code], int((found.code == code).sum()), code) for code in (1, 2, 3, 4)],
        table=[
            (title, [f"{count:,}" for count in table[row]])
            for row, title in ((1, "leaf"), (2, "wood"), (0, "no label"))
        ],
        scores=[(name, f"{value:.3f}") for name, value in found.scores.items()],
        scene=pack_scene(cloud, height, kinds, COMPARED_KINDS, colourings, first=3),
        pictures=list(pictures_of(cloud, found.code, found.coding)),
        charts=[difference_chart(edges, only_a, only_b, (names[3], names[4]))],
    )
