"""A cloud in a notebook: a table in place of walls of arrays, and the 3D view in a cell."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from leafwood.classes import OUT_LEAF, OUT_NONE, OUT_WOOD
from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud

__all__ = ["CellView", "describe_cloud", "table_of", "view"]

_MOST = 200_000  # points in a cell: a notebook keeps every one it has shown
_HEIGHT = 640  # pixels


def describe_cloud(cloud: PointCloud) -> str:
    """A cloud in a line: points, extent, labels, columns."""
    parts = [f"{value}" if name == "points" else f"{name} {value}" for name, value in _facts(cloud)]
    return (
        f"PointCloud({parts[0]} points, {', '.join(parts[1:])})" if len(parts) > 1 else f"PointCloud({parts[0]} points)"
    )


def table_of(cloud: PointCloud) -> str:
    """The same as an HTML table."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th><td style='text-align:left'>{html.escape(value)}</td></tr>"
        for name, value in _facts(cloud)
    )
    return f"<table><caption style='text-align:left'>PointCloud</caption>{rows}</table>"


def _facts(cloud: PointCloud) -> Iterator[tuple[str, str]]:
    yield "points", f"{len(cloud):,}"
    if len(cloud):
        yield "extent", " x ".join(f"{edge:.1f}" for edge in np.ptp(cloud.xyz, axis=0)) + " m"
    if "leafwood" in cloud.columns and len(cloud):
        counts = np.bincount(np.asarray(cloud.columns["leafwood"]).astype(np.int64), minlength=3)
        named = ((OUT_LEAF, "leaf"), (OUT_WOOD, "wood"), (OUT_NONE, "not labelled"))
        yield "labels", "; ".join(f"{counts[code]:,} {name}" for code, name in named)
    if cloud.columns:
        yield "columns", " ".join(f"{name}:{column.dtype}" for name, column in cloud.columns.items())
    yield "CRS", _crs_name(cloud.crs)
    if cloud.path is not None:
        yield "file", str(cloud.path)


def _crs_name(crs: str | None) -> str:
    if crs is None:
        return "none"
    from pyproj import CRS

    return str(CRS.from_wkt(crs).name)


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

    if not len(cloud) or "leafwood" not in cloud.columns:
        raise BadCloud("there is nothing to view: the cloud has no points or no labels; segment it first")
    _, height, _ = heights_of(cloud)
    kinds = np.asarray(cloud.columns["leafwood"]).astype(np.int64)
    scene = pack_scene(cloud, height, kinds, KINDS, colourings(cloud, height, in_doubt(cloud)), most=_MOST)
    return CellView(fill_page("cell.html", title="Point cloud", scripts=("viewer.js",), scene=scene))
