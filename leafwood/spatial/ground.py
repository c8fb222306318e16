"""Ground points and height above ground, and the one decision which ground is used.

The file's own ground classes are believed where they lie under the cloud as a surface. Otherwise the ground is looked
for by cloth simulation (:mod:`leafwood.spatial.cloth`). `info` asks the same function as `segment`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.spatial.cloth import FEWEST, THICK, terrain_of_cloth
from leafwood.spatial.terrain import Terrain, lowest_points, plan_cells, plan_extent

__all__ = ["Ground", "GroundChoice", "find_ground", "ground_source", "not_vegetation"]

Points = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

_BELOW = 1.0  # m that ground reaches below its surface (range noise)
_LEVEL = 2.0  # m of height among ground points that are too few for a surface but may well be ground
_NODES = 0.5  # m, spacing of the nodes of a surface of classified ground


@dataclass(frozen=True, eq=False)
class GroundChoice:
    """Which ground is used for a cloud, and why.

    Attributes:
        source: ``file`` (the file's ground classes are the surface) or ``cloth`` (a surface is looked for).
        classed: (n,) bool, points of ground classes that are believed to be ground.
        terrain: the surface of the file's ground, or None where one is looked for.
        reason: why, in words that go on after "the ground: ".
        doubt: what the user should know about ground classes that are not believed, or None.
    """

    source: Literal["file", "cloth"]
    classed: Mask
    terrain: Terrain | None
    reason: str
    doubt: str | None = None


@dataclass(frozen=True, eq=False)
class Ground:
    """What is ground, and how high everything stands above it.

    Attributes:
        mask: (n,) bool, ground points.
        source: ``file`` (class 2), ``cloth`` (simulated) or ``none`` (a cut-out tree: no ground under it).
        height: (n,) float32 metres above ground, negative below; NaN everywhere when the source is ``none``.
        choice: why this ground was taken.
    """

    mask: Mask
    source: Literal["file", "cloth", "none"]
    height: NDArray[np.float32]
    choice: GroundChoice


def not_vegetation(cloud: PointCloud) -> Mask:
    """Points that must never be labelled (n,): noise, buildings, water, wires ..., foreign codes and withheld points.

    Args:
        cloud: n points; without the columns ``classification`` and ``withheld`` nothing is excluded. What its codes
            mean is its `meaning`.
    """
    out = cloud.withheld()
    if "classification" in cloud.columns:
        out |= np.isin(cloud.columns["classification"], sorted(cloud.meaning.excluded))
        out |= cloud.meaning.is_foreign(cloud.columns)
    return out


def ground_source(cloud: PointCloud) -> GroundChoice:
    """Decide which ground is used, without simulating a cloth.

    The file's ground classes are the surface where they lie under most of the plan as one. Where they cover a part of
    the plan only, they are ground, and the rest of the surface is looked for. Where they lie at all heights they mean
    something else (leaf, in some research data).

    Args:
        cloud: n points in local metres; ``classification`` and ``withheld`` are used where present.
    """
    usable = ~(not_vegetation(cloud) | cloud.strays())
    nothing = np.zeros(len(cloud), dtype=bool)
    if "classification" not in cloud.columns:
        return GroundChoice("cloth", nothing, None, "it has no classes, so the ground is looked for")
    codes = sorted(cloud.meaning.ground)
    classed = usable & np.isin(cloud.columns["classification"], codes)
    number = int(classed.sum())
    if not number:
        return GroundChoice("cloth", nothing, None, "no point is classified as ground, so the ground is looked for")
    points = f"the {number:,} points of class {' and '.join(str(code) for code in codes)}"
    ground = cloud.xyz[classed]
    terrain = _terrain_of_classed(cloud.xyz[usable], ground)
    if terrain is not None:
        return GroundChoice("file", classed, terrain, f"{points} are the ground")
    if _is_level(ground):
        why = f"{points} are ground, but lie under a part of the plan only, so the rest of the ground is looked for"
        return GroundChoice("cloth", classed, None, why)
    why = f"{points} lie at all heights, so they are not taken for ground"
    reason, doubt = f"{why}, which is looked for", f"{why} and are labelled like the others"
    return GroundChoice("cloth", nothing, None, reason, doubt)


def find_ground(cloud: PointCloud) -> Ground:
    """Find ground points and the height of every point above them; see :func:`ground_source`.

    Args:
        cloud: n points in local metres; ``classification`` and ``withheld`` are used where present.

    Returns:
        The ground. Where no surface lies under the cloud, only points of a believed ground class are ground.
    """
    choice = ground_source(cloud)
    if choice.terrain is not None:
        return Ground(choice.classed, "file", choice.terrain.heights(cloud.xyz), choice)
    usable = ~(not_vegetation(cloud) | cloud.strays())
    terrain = terrain_of_cloth(cloud.xyz if usable.all() else cloud.xyz[usable])
    if terrain is None:
        return Ground(choice.classed, "none", np.full(len(cloud), np.nan, dtype=np.float32), choice)
    height = terrain.heights(cloud.xyz)
    mask = usable & (height <= THICK) & (height >= -_BELOW)
    return Ground(mask | choice.classed, "cloth", height, choice)


def _is_level(ground: Points) -> bool:
    """Whether points (m, 3) of a ground class lie as a surface by themselves, however little of the plan they cover."""
    if len(ground) < FEWEST:
        return bool(np.ptp(ground[:, 2]) < _LEVEL)
    terrain = Terrain.from_points(ground[lowest_points(ground, _NODES)], ground)
    return bool(np.mean(np.abs(terrain.heights(ground)) < 1.0) > 0.7)


def _terrain_of_classed(xyz: Points, ground: Points) -> Terrain | None:
    """The surface of the file's ground points, unless they are strays or no surface at all.

    Strays: they leave more than half of the plan without a ground point in reach. No surface: a file whose class 2
    means something else (leaf, in some research data) has points at all heights in it.
    """
    if len(ground) < FEWEST:
        return None
    low, high = plan_extent(xyz)
    cell = float(np.clip((high - low).max() / 20, 1.0, 5.0))
    if _share_in_reach(xyz, ground, cell) < 0.5:
        return None
    terrain = Terrain.from_points(ground[lowest_points(ground, _NODES)], xyz)
    return terrain if np.mean(np.abs(terrain.heights(ground)) < 1.0) > 0.7 else None


def _share_in_reach(xyz: Points, ground: Points, cell: float) -> float:
    """Share of the occupied plan cells that have ground within about one and a half cells."""
    from scipy.spatial import cKDTree

    occupied = plan_cells(xyz[lowest_points(xyz, cell)], cell)
    with_ground = plan_cells(ground[lowest_points(ground, cell)], cell)
    distance, _ = cKDTree(with_ground).query(occupied)
    return float(np.mean(distance < 1.5))
