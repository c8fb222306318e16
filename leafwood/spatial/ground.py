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
from leafwood.spatial.terrain import Outline, Terrain, lowest_points, plan_cells

__all__ = [
    "Ground",
    "GroundChoice",
    "Surface",
    "choose_ground",
    "find_ground",
    "find_surface",
    "ground_source",
    "not_vegetation",
    "usable_points",
]

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
        believed: whether points of ground classes are ground.
        terrain: the surface of the file's ground, or None where one is looked for.
        reason: why, in words that go on after "the ground: ".
        doubt: what the user should know about ground classes that are not believed, or None.
    """

    source: Literal["file", "cloth"]
    believed: bool
    terrain: Terrain | None
    reason: str
    doubt: str | None = None


@dataclass(frozen=True, eq=False)
class Surface:
    """The ground of a cloud before any point of it is looked at.

    Attributes:
        choice: why this ground was taken.
        terrain: its surface; None where none lies under the cloud, and only points of a believed ground class are
            ground.
    """

    choice: GroundChoice
    terrain: Terrain | None

    @property
    def source(self) -> Literal["file", "cloth", "none"]:
        """``file`` (class 2), ``cloth`` (simulated) or ``none`` (a cut-out tree: no ground under it)."""
        return "none" if self.terrain is None else self.choice.source

    def under(self, xyz: Points, usable: Mask, classed: Mask) -> tuple[Mask, NDArray[np.float32]]:
        """Which points are ground (n,), and the heights of all above it (n,), NaN where there is none.

        Args:
            xyz: (n, 3) metres, any part of the cloud.
            usable: (n,) those that may be ground or vegetation.
            classed: (n,) usable points of ground classes.
        """
        mask = classed if self.choice.believed else np.zeros(len(xyz), dtype=bool)
        if self.terrain is None:
            return mask, np.full(len(xyz), np.nan, dtype=np.float32)
        height = self.terrain.heights(xyz)
        if self.choice.source == "cloth":
            mask = mask | (usable & (height <= THICK) & (height >= -_BELOW))
        return mask, height


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


def usable_points(cloud: PointCloud, strays: Mask) -> tuple[Mask, Mask]:
    """Points (n,) that may be ground or vegetation, and those of them that have a ground class."""
    usable = ~(not_vegetation(cloud) | strays)
    if "classification" not in cloud.columns:
        return usable, np.zeros(len(cloud), dtype=bool)
    return usable, usable & np.isin(cloud.columns["classification"], sorted(cloud.meaning.ground))


def ground_source(cloud: PointCloud) -> GroundChoice:
    """Decide which ground is used for a cloud, without simulating a cloth; see :func:`choose_ground`.

    Args:
        cloud: n points in local metres; ``classification`` and ``withheld`` are used where present.
    """
    usable, classed = usable_points(cloud, cloud.strays())
    if not classed.any():
        return choose_ground(None, None, cloud)
    return choose_ground(Outline.of(_chosen(cloud.xyz, usable)), Outline.of(cloud.xyz[classed]), cloud)


def choose_ground(usable: Outline | None, classed: Outline | None, cloud: PointCloud) -> GroundChoice:
    """Decide which ground is used.

    The file's ground classes are the surface where they lie under most of the plan as one. Where they cover a part of
    the plan only, they are ground, and the rest of the surface is looked for. Where they lie at all heights they mean
    something else (leaf, in some research data).

    Args:
        usable: points that may be ground or vegetation.
        classed: those of them that have a ground class; None for none.
        cloud: any cloud with the columns of the scan, whose codes mean what they mean there.
    """
    if "classification" not in cloud.columns:
        return GroundChoice("cloth", False, None, "it has no classes, so the ground is looked for")
    if classed is None or usable is None:
        return GroundChoice("cloth", False, None, "no point is classified as ground, so the ground is looked for")
    codes = " and ".join(str(code) for code in sorted(cloud.meaning.ground))
    points = f"the {classed.points:,} points of class {codes}"
    terrain = _terrain_of_classed(usable, classed)
    if terrain is not None:
        return GroundChoice("file", True, terrain, f"{points} are the ground")
    if _is_level(classed):
        why = f"{points} are ground, but lie under a part of the plan only, so the rest of the ground is looked for"
        return GroundChoice("cloth", True, None, why)
    why = f"{points} lie at all heights, so they are not taken for ground"
    reason, doubt = f"{why}, which is looked for", f"{why} and are labelled like the others"
    return GroundChoice("cloth", False, None, reason, doubt)


def find_surface(usable: Outline, choice: GroundChoice) -> Surface:
    """The surface that was chosen, or that a cloth finds under the points that may be ground or vegetation."""
    return Surface(choice, terrain_of_cloth(usable) if choice.terrain is None else choice.terrain)


def find_ground(cloud: PointCloud) -> Ground:
    """Find ground points and the height of every point above them; see :func:`choose_ground`.

    Args:
        cloud: n points in local metres; ``classification`` and ``withheld`` are used where present.

    Returns:
        The ground. Where no surface lies under the cloud, only points of a believed ground class are ground.
    """
    usable, classed = usable_points(cloud, cloud.strays())
    outline = Outline.of(_chosen(cloud.xyz, usable))
    choice = choose_ground(outline, Outline.of(cloud.xyz[classed]) if classed.any() else None, cloud)
    surface = find_surface(outline, choice)
    mask, height = surface.under(cloud.xyz, usable, classed)
    return Ground(mask, surface.source, height, choice)


def _chosen(xyz: Points, mask: Mask) -> Points:
    """Some of the points, without a copy where they are all."""
    return xyz if mask.all() else xyz[mask]


def _is_level(ground: Outline) -> bool:
    """Whether points of a ground class lie as a surface by themselves, however little of the plan they cover."""
    if ground.points < FEWEST:
        return bool(np.ptp(ground.spread[:, 2]) < _LEVEL)
    return _is_near(_surface(ground, ground), ground.spread)


def _terrain_of_classed(usable: Outline, ground: Outline) -> Terrain | None:
    """The surface of the file's ground points, unless they are strays or no surface at all.

    Strays: they leave more than half of the plan without a ground point in reach. No surface: a file whose class 2
    means something else (leaf, in some research data) has points at all heights in it.
    """
    if ground.points < FEWEST:
        return None
    low, high = usable.extent
    cell = float(np.clip((high - low).max() / 20, 1.0, 5.0))
    if _share_in_reach(usable.lows, ground.lows, cell) < 0.5:
        return None
    terrain = _surface(ground, usable)
    return terrain if _is_near(terrain, ground.spread) else None


def _surface(ground: Outline, cloud: Outline) -> Terrain:
    """The surface through the lowest ground points, as wide as a cloud."""
    lows = ground.lows[lowest_points(ground.lows, _NODES)]
    return Terrain.from_points(lows, cloud)


def _is_near(terrain: Terrain, ground: Points) -> bool:
    """Whether most of the ground points (m, 3) lie near a surface."""
    return bool(np.mean(np.abs(terrain.heights(ground)) < 1.0) > 0.7)


def _share_in_reach(xyz: Points, ground: Points, cell: float) -> float:
    """Share of the occupied plan cells that have ground within about one and a half cells."""
    occupied, with_ground = (_plan_numbers(plan_cells(points, cell)) for points in (xyz, ground))
    around = np.argwhere(np.ones((3, 3))) - 1  # a cell and its eight neighbours
    in_reach = np.unique(with_ground[:, None] + _plan_numbers(around))
    return float(np.isin(occupied, in_reach).mean())


def _plan_numbers(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number (k,) for each of some plan cells (k, 2); that of a sum of cells is the sum of theirs."""
    return (cells[:, 0] << 32) + cells[:, 1]
