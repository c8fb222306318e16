"""The 3D view of a cloud in a notebook's cell."""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np

from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud
from leafwood.io.labels import codes_of

__all__ = ["CellView", "view"]

_MOST = 200_000  # points in a cell: a notebook keeps every one it has shown
_HEIGHT = 640  # pixels


@dataclass(frozen=True)
class CellView:
    """The 3D view of a cloud, which a notebook shows in place of its name.

    Attributes:
        page: a page that holds all it shows.
    """

    page: str

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that notebook and page cannot get into each other's way."""
        inside = html.escape(self.page, quote=True)
        return (
            f'<iframe srcdoc="{inside}" width="100%" height="{_HEIGHT}" style="border:0" title="Point cloud"></iframe>'
        )


def view(cloud: PointCloud) -> CellView:
    """The 3D view of a labelled cloud, 200,000 points of it at most.

    Args:
        cloud: n > 0 points with ``leafwood``.

    Raises:
        BadCloud: no points or no labels.
    """
    from leafwood.report.colouring import colourings
    from leafwood.report.facts import heights_of, in_doubt
    from leafwood.report.page import fill_page
    from leafwood.report.scene import pack_scene
    from leafwood.report.single import KINDS

    kinds = codes_of(cloud.columns).astype(np.int64)
    if not len(cloud):
        raise BadCloud("there are no points to view")
    _, height, _ = heights_of(cloud)
    scene = pack_scene(cloud, height, kinds, KINDS, colourings(cloud, height, in_doubt(cloud)), most=_MOST)
    return CellView(fill_page("cell.html", title="Point cloud", scripts=("viewer.js",), scene=scene))
