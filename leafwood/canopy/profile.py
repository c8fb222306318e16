"""Canopy products: plant, leaf and wood area by height, with the wood taken out of leaf area.

The share of pulses that a layer intercepts, its contact frequency, is turned into area density after MacArthur and Horn
(1969): attenuation per metre of beam (:mod:`leafwood.density.attenuation`) over the projection coefficient k, the share
of its one-sided area that a plant turns to the beam, 0.5 for surfaces in all directions. Contacts are split into leaf
and wood by ``wood_prob``, whose mean at each height is the share of wood there (:mod:`leafwood.postprocess.rule`).

What comes out is effective area: leaves in clumps hide each other, and no count of pulses undoes that. Errors are those
of counting and of the wood shares; those of k and of clumping are not in them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.canopy.area_density import Layers, layers_of_cells, layers_of_scan
from leafwood.classes import IGNORE, OUT_NONE, WOOD, decode_labels
from leafwood.cloud import PointCloud
from leafwood.density.returns import ReturnCounts, Strata, count_returns, countable
from leafwood.errors import BadCloud, BadConfig, FileWarning
from leafwood.postprocess.decay import mean_error
from leafwood.postprocess.rule import scan_probability
from leafwood.shown import as_line, as_table
from leafwood.spatial.ground import find_ground

__all__ = ["Canopy", "CanopyConfig", "measure_canopy"]

Floats = NDArray[np.float64]

_PLOT_CELL = 5.0  # m: the pieces of a scan whose scatter tells how sure its profile is
_COMPLETE = 0.9  # first returns per pulse
_EQUAL = "wood_prob_equal"


@dataclass(frozen=True)
class CanopyConfig:
    """How the canopy is cut up and what turns contacts into area.

    Attributes:
        dz: thickness of a height bin, m.
        z0: height above ground of the lowest bin's lower edge, m; what is lower is not counted as canopy.
        k: projection coefficient, 0 to 1.
        cell: edge of the cells of the grids, m, or None for no grids.
    """

    dz: float = 1.0
    z0: float = 1.0
    k: float = 0.5
    cell: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.k <= 1:
            raise BadConfig(f"k must lie above 0 and not above 1, not {self.k}")
        Strata(cell=_PLOT_CELL if self.cell is None else self.cell, dz=self.dz, z0=self.z0)


@dataclass(frozen=True, eq=False)
class Canopy:
    """A scan's canopy.

    Attributes:
        config: bins and coefficient.
        cloud: the scan, for its CRS, unit and name.
        wood_from: what wood was recognised by: ``wood_prob``, ``wood_prob_equal`` or the name of a label preset.
        counts: counts of the scan in cells of 5 m.
        profile: profile of the whole scan, (b,).
        grid_counts: in the grid's cells, or None.
        grid: densities of each of them, (m, b), or None.
        doubts: reasons not to trust the result, a few words each.
    """

    config: CanopyConfig
    cloud: PointCloud
    wood_from: str
    counts: ReturnCounts
    profile: Layers
    grid_counts: ReturnCounts | None
    grid: Layers | None
    doubts: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return as_line("Canopy", self._summary())

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return as_table("Canopy", self._summary())

    def _summary(self) -> Iterator[tuple[str, str]]:
        """What there is, a name and a few words each."""
        for title, density in (("leaf", "lad"), ("wood", "wad"), ("plant", "pad")):
            value, error = self.profile.index(density, self.config.dz)
            yield f"{title} area index", f"{float(value):.2f} ± {float(error):.2f}"
        yield "heights", f"{self.config.z0:g} to {self.config.z0 + len(self.counts.z) * self.config.dz:g} m"
        yield "occluded", f"{float(self.profile.occluded.sum() * self.config.dz):g} m"
        yield "doubts", ", ".join(self.doubts) or "none"


def measure_canopy(cloud: PointCloud, config: CanopyConfig | None = None, labels: str = "leafwood") -> Canopy:
    """Measure the canopy of a labelled scan.

    Args:
        cloud: n points with labels. With ``wood_prob``, P(wood) at the shares of the scan, wood is counted by it; with
            ``wood_prob_equal`` alone, as in files of version 0.1.0, it is moved to these shares first; without either,
            labels are counted. Heights are those of its column ``height_ag``; without it, ground is looked for.
        config: bins, coefficient, grid.
        labels: how leaf and wood are written, as :func:`leafwood.classes.preset_of` takes it.

    Raises:
        BadConfig: no such preset.
        BadCloud: no labels, no plants above z0, or no ground under the scan: without pulses that reach it nobody knows
            how many passed.
    """
    config = config or CanopyConfig()
    cloud = cloud.under_preset(labels)
    plant, wood = _plants(cloud, labels)
    height = _heights(cloud, plant)
    strata = Strata(cell=_PLOT_CELL, dz=config.dz, z0=config.z0)
    counted = plant & countable(cloud, height)
    stratum = np.where(counted, strata.level(np.nan_to_num(height)) - 1, -1)
    if not (stratum >= 0).any():
        raise BadCloud(f"no leaf and no wood above {config.z0:g} m in it, so there is no canopy to measure")
    error = np.zeros(int(stratum.max()) + 1)
    column = _probability(cloud, labels)
    if column is not None:
        wood = np.array(cloud.columns[column], dtype=np.float32)
        if column == _EQUAL:
            wood[counted] = scan_probability(wood[counted], height[counted], cloud.xyz[counted, 2])[0]
        error = mean_error(wood, stratum)

    def count(cell: float) -> ReturnCounts:
        cells = Strata(cell=cell, dz=config.dz, z0=config.z0)
        return count_returns(cloud, height, cells, plant=plant, wood=wood)

    counts = count(_PLOT_CELL)
    _warn(cloud, counts)
    grid_counts = None if config.cell is None else count(config.cell)
    return Canopy(
        config=config,
        cloud=cloud,
        wood_from=labels if column is None else column,
        counts=counts,
        profile=layers_of_scan(counts, config.k, error),
        grid_counts=grid_counts,
        grid=None if grid_counts is None else layers_of_cells(grid_counts, config.k, error),
    )


def _plants(cloud: PointCloud, labels: str) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Which points are plants (n,), and how much of each is wood (n,) by its label."""
    if labels == "leafwood" and "leafwood" not in cloud.columns:
        raise BadCloud(
            "no labels in it (no `leafwood` dimension): run `leafwood segment` first, or say with `labels` how they "
            "are written"
        )
    label = decode_labels(cloud.columns, labels)
    plant = label != IGNORE
    column = _probability(cloud, labels)
    if column is not None:
        # undecided points are plants; ground and buildings have no probability
        plant |= (cloud.columns["leafwood"] == OUT_NONE) & (cloud.columns[column] > 0)
    return plant, (label == WOOD).astype(np.float32)


def _probability(cloud: PointCloud, labels: str) -> str | None:
    """The column of P(wood) that wood is counted by, if any."""
    return next((name for name in ("wood_prob", _EQUAL) if labels == "leafwood" and name in cloud.columns), None)


def _heights(cloud: PointCloud, plant: NDArray[np.bool_]) -> NDArray[Any]:
    """Heights above ground (n,); takes ground out of `plant`, which foreign labels may count as leaf."""
    height = cloud.columns.get("height_ag")
    if height is None:
        ground = find_ground(cloud)
        plant &= ~ground.mask
        height = ground.height
    elif "ground" in cloud.columns:
        plant &= ~np.asarray(cloud.columns["ground"]).astype(bool)
    if np.isnan(height).all():
        raise BadCloud("no ground under it: without the pulses that reach the ground there is no gap fraction")
    return np.asarray(height)


def _warn(cloud: PointCloud, counts: ReturnCounts) -> None:
    name = cloud.path or "the cloud"
    if counts.source == "returns":
        text = f"{name}: no return numbers in it, so every return counts as a pulse"
        warnings.warn(text, FileWarning, stacklevel=3)
    elif not _COMPLETE < counts.completeness < 1 / _COMPLETE:
        text = f"{name}: {counts.completeness:.2f} first returns per pulse: returns are missing, so densities are off"
        warnings.warn(text, FileWarning, stacklevel=3)
