"""The report of one labelled scan: what to distrust, the cloud in 3D, pictures, charts, numbers and how it was made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from leafwood.classes import OUT_LEAF, OUT_NONE, OUT_WOOD
from leafwood.cloud import PointCloud
from leafwood.inference.trust import LIKE, spoils
from leafwood.io.labels import codes_of
from leafwood.io.target import writing
from leafwood.report.charts import charts_of
from leafwood.report.colouring import colourings
from leafwood.report.embedded import pictures_of
from leafwood.report.facts import SURE, Facts, measure
from leafwood.report.page import UNKNOWN, fill_page, number, percent, share_of
from leafwood.report.palette import LABELS
from leafwood.report.provenance import Provenance, citation
from leafwood.report.row import Row, row_of
from leafwood.report.scene import Scene, pack_scene

__all__ = ["KINDS", "report_page", "write_report"]

KINDS = ((OUT_LEAF, "leaf"), (OUT_WOOD, "wood"), (OUT_NONE, "ground and other"))


def write_report(cloud: PointCloud, target: Path, known: Provenance, *, overwrite: bool = False) -> Row:
    """Write the report of a labelled cloud.

    Args:
        cloud: n > 0 points with ``leafwood``.
        target: the HTML file to be.
        known: how the labels were made.
        overwrite: replace an existing file.

    Returns:
        What a survey's table says of it.

    Raises:
        BadCloud: no points or no labels.
        TargetExists: the target is there and may not be replaced.
    """
    facts = measure(cloud, known.warnings, known.unlike)
    warnings = tuple(dict.fromkeys([*known.warnings, *facts.warnings]))
    row = row_of(cloud, facts, known.source.name, warnings)
    page = report_page(cloud, facts, known, row)
    with writing(target, cloud.path, overwrite) as stream:
        stream.write(page.encode())
    return row


def report_page(cloud: PointCloud, facts: Facts, known: Provenance, row: Row) -> str:
    """The page of a labelled cloud.

    Args:
        cloud: n > 0 points with ``leafwood``.
        facts: measured from it.
        known: how the labels were made.
        row: what a survey's table says of it, which the page carries for others to read.
    """
    label = codes_of(cloud.columns)
    labelled = facts.leaf + facts.wood
    return fill_page(
        "report.html",
        title=f"{row.file}: leaf and wood",
        scripts=("viewer.js",),
        name=row.file,
        row=row.as_dict(),
        leaf_share=percent(1 - facts.wood_share),
        wood_share=percent(facts.wood_share) if labelled else None,
        labelled=f"{labelled:,}",
        points=f"{facts.points:,}",
        other=f"{facts.other:,}",
        doubts=facts.doubts,
        labels_spoilt=bool(spoils(facts.doubts, "labels")),
        familiar=known.unlike is not None and known.unlike <= LIKE,
        glance=_glance(facts),
        scene=_scene(cloud, facts),
        pictures=list(pictures_of(cloud, label, LABELS)),
        charts=charts_of(facts),
        no_canopy=facts.no_canopy.rstrip("."),
        numbers=list(_numbers(cloud, facts)),
        done=list(_done(known)),
        warnings=row.warnings,
        command=known.command,
        citation=citation(known, profile=facts.canopy is not None),
    )


def _scene(cloud: PointCloud, facts: Facts) -> Scene:
    kinds = codes_of(cloud.columns).astype(np.int64)
    return pack_scene(cloud, facts.height, kinds, KINDS, colourings(cloud, facts.height, facts.doubtful))


def _glance(facts: Facts) -> list[tuple[str, str]]:
    """The few numbers that most readers want."""
    lai, error = facts.lai
    return [
        ("points per m²", number(facts.density)),
        ("labels in doubt", percent(facts.doubt_share)),
        ("leaf area index", f"{lai:.2f} ± {error:.2f}" if facts.canopy else UNKNOWN),
        ("height", f"{facts.layers.edges[-1]:g} m"),
    ]


def _numbers(cloud: PointCloud, facts: Facts) -> Iterator[tuple[str, str]]:
    labelled = facts.leaf + facts.wood
    yield "points", f"{facts.points:,}"
    yield "leaf", share_of(facts.leaf, labelled)
    yield "wood", share_of(facts.wood, labelled)
    yield "not labelled (ground and other)", f"{facts.other:,}"
    yield f"labels less sure than {SURE:g}", percent(facts.doubt_share)
    yield "extent", " x ".join(f"{edge:,.1f}" for edge in facts.size) + " m"
    yield "density", f"{number(facts.density, 1)} points/m² (over occupied 1 m cells)"
    yield "heights", "above ground" if facts.above_ground else "above the lowest point: no ground was found"
    yield "coordinate system", _crs_name(cloud.crs)
    if facts.canopy is not None:
        profile, config = facts.canopy.profile, facts.canopy.config
        for name, density in (("leaf", "lad"), ("wood", "wad"), ("plant", "pad")):
            value, error = profile.index(density, config.dz)
            yield f"{name} area index", f"{value:.2f} ± {error:.2f} m²/m² (k = {config.k:g}, from {config.z0:g} m up)"
        yield "occluded", f"{float(profile.occluded.sum() * config.dz):g} m of height"


def _crs_name(crs: str | None) -> str:
    if crs is None:
        return "none in the file"
    from pyproj import CRS

    return str(CRS.from_wkt(crs).name)


def _done(known: Provenance) -> Iterator[tuple[str, Any]]:
    yield "file", known.source.name
    yield "its SHA-256", known.sha256
    yield "model", known.model or "not recorded in the file"
    if known.model_sha256:
        yield "its SHA-256", known.model_sha256
    if known.version:
        yield "leafwood", known.version
    yield from known.settings.items()
    if known.seconds is not None:
        yield "seconds to label", f"{known.seconds:.1f}"
    yield "distance from the scans that the model was calibrated on", _distance(known.unlike)


def _distance(unlike: float | None) -> str:
    """How unlike known scans a scan is, in words."""
    if unlike is None:
        return "not recorded in the file"
    return UNKNOWN if np.isnan(unlike) else f"{unlike:.2f} (up to 1 it is like nearly all of them)"
