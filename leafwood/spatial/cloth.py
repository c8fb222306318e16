"""The ground under a cloud that has no ground classes, by cloth simulation.

A cloth is simulated over the inverted lowest points (Zhang et al. 2016, "An easy-to-use airborne LiDAR data filtering
method based on cloth simulation", Remote Sensing 8, 501; library csf-3dfin). A plane takes the slope off first, and
the cloth is laid again on the heights above where it came to rest, so hills and 40 degree slopes need no other settings
than flat land.

A cloth always comes to rest on something. A tree cut out of its plot has branches and a stem foot under it, no ground,
so what the cloth found must also be a sheet: it lies under most of the plan, is locally flat, and has far fewer points
a metre above it than in it, where the underside of a crown goes on upwards.
"""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.errors import ModelWarning
from leafwood.spatial.terrain import (
    Outline,
    Terrain,
    bilinear,
    fit_plane,
    lowest_points,
    node_spacing,
    plan_cells,
)

__all__ = ["FEWEST", "THICK", "terrain_of_cloth"]

Points = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

_CLOTH = 0.5  # m, node spacing
_CLOTH_ROUNDS = 60  # more move no node that matters: the cloth swings about its rest for ever
_LAYINGS = 8  # at most; flat land needs two, a sharp valley nearly all, and any more climb into houses
_NEAR = 0.3  # m, from the cloth to a ground candidate
THICK = 0.2  # m that ground reaches above its surface (litter, moss)
FEWEST = 30  # points; fewer are no surface
_NOISE_CELL, _NOISE_DEPTH = 2.0, 1.0  # m
_SHEET = 0.35  # real plots score 0.44-0.92, cut-out trees below 0, crops of plots cut at an even height up to 0.27
_NO_CLOTH = (
    "ground that no class tells is not looked for, since csf-3dfin is not installed: classify ground, or "
    "pip install csf-3dfin"
)
_NARROW = 0.35  # m, standard deviation across: a log or a branch is no ground


def terrain_of_cloth(cloud: Outline) -> Terrain | None:
    """The surface under a cloud by cloth simulation, or None where it is no ground.

    Without csf-3dfin, of which not every Python has a wheel, there is none either, and a warning says so.
    """
    if cloud.points < FEWEST:
        return None
    if find_spec("CSF_3DFin") is None:
        warnings.warn(_NO_CLOTH, ModelWarning, stacklevel=2)
        return None
    low, high = cloud.extent
    cell = node_spacing(cloud.points, low, high, _CLOTH)
    inside = np.all((cloud.lows[:, :2] >= low) & (cloud.lows[:, :2] <= high), axis=1)
    lows = cloud.lows if inside.all() else cloud.lows[inside]
    lows = lows[lowest_points(lows, cell / 2, low)].astype(np.float64)
    lows = lows[~_low_noise(lows)]
    if len(lows) < FEWEST:
        return None
    candidates = lows[_near_cloth(lows, cell)]
    if len(candidates) < FEWEST or not _is_sheet(lows, candidates, max(1.0, 2 * cell)):
        return None
    terrain = Terrain.from_points(candidates, cloud, cell)
    return terrain if _stands_clear(cloud.dense, terrain, cell / 2) else None


def _stands_clear(xyz: Points, terrain: Terrain, column: float) -> bool:
    """Whether the sheet has twice as many plan columns with points in it as the layer a metre above it.

    On six real plots and their crops the sheet had four times as many or more; inside a crown, equally many.
    """
    height = terrain.heights(xyz)
    sheet = plan_cells(xyz[np.abs(height) <= THICK], column)
    above = plan_cells(xyz[np.abs(height - 1.0) <= THICK], column)
    return len(sheet) >= 2 * len(above)


def _low_noise(lows: Points) -> Mask:
    """Points far below their surroundings (n,): multipath ghosts, not ground.

    Each 2 m cell's lowest points against the fifth-lowest of the 24 cells around it, the plane under the cloud taken
    off. Ground seen in fewer cells than that would not pass for a sheet later.
    """
    from scipy.spatial import cKDTree

    plane = _under(lows)
    level = lows[:, 2] - lows[:, :2] @ plane[:2] - plane[2]
    lowest = lowest_points(np.column_stack([lows[:, :2], level]), _NOISE_CELL)
    base = lows[lowest]
    around = min(25, len(base))
    if around < 6:
        return np.zeros(len(lows), dtype=bool)
    tree = cKDTree(base[:, :2])
    near = np.atleast_2d(tree.query(base[:, :2], k=around)[1])
    floor = np.sort(level[lowest][near[:, 1:]], axis=1)[:, 4] - _NOISE_DEPTH
    _, cell = tree.query(lows[:, :2])
    return np.asarray(level < floor[cell])


def _under(lows: Points) -> NDArray[np.float64]:
    """Coefficients (3,) of a plane under most of the points."""
    base = lows[lowest_points(lows, 1.0)]
    return fit_plane(base[:: max(1, len(base) // 20_000)], quantile=0.1)


def _near_cloth(lows: Points, cell: float) -> Mask:
    """Points (n,) that lie on the cloth, which is laid again on what it left over until little more touches it."""
    plane = _under(lows)
    level = lows.copy()
    level[:, 2] -= lows[:, :2] @ plane[:2] + plane[2]
    level = np.concatenate([level, _in_voids(level, cell)])
    touching = np.zeros(len(level), dtype=bool)
    for _ in range(_LAYINGS):
        level[:, 2] -= _cloth(level, cell)
        before, touching = touching, np.abs(level[:, 2]) <= _NEAR
        if touching.sum() < 1.02 * before.sum():
            break
    return touching[: len(lows)]


def _in_voids(level: Points, cell: float) -> NDArray[np.float64]:
    """A point (k, 3) for each plan cell without one, as high as its nearest point.

    The cloth does the same for itself, in a time that grows with the square of the void: minutes between two plots.
    """
    from scipy.spatial import cKDTree

    origin = level[:, :2].min(axis=0)
    ij = np.floor((level[:, :2] - origin) / cell).astype(np.int64)
    occupied = np.zeros(ij.max(axis=0) + 1, dtype=bool)
    occupied[ij[:, 0], ij[:, 1]] = True
    centres = (np.argwhere(~occupied) + 0.5) * cell + origin
    _, near = cKDTree(level[:, :2]).query(centres)
    return np.column_stack([centres, level[near, 2]])


def _cloth(xyz: Points, cell: float) -> NDArray[np.float64]:
    """Height (n,) of a cloth with nodes every `cell` metres, pressed against `xyz` from below."""
    from CSF_3DFin import CSF
    from threadpoolctl import threadpool_limits

    csf = CSF()
    csf.params.verbose = False
    csf.params.cloth_resolution = cell
    csf.params.iterations = _CLOTH_ROUNDS
    csf.params.rigidness = 1
    csf.params.time_step = 1.0
    csf.params.smooth_slope = True
    csf.set_point_cloud(np.ascontiguousarray(xyz, dtype=np.float64))
    with threadpool_limits(1, user_api="openmp"):  # its steps are so short that threads only wait for each other
        nodes = np.asarray(csf.run_cloth_simulation())
    ij = np.rint((nodes[:, :2] - nodes[:, :2].min(axis=0)) / cell).astype(np.int64)
    grid = np.empty(tuple(ij.max(axis=0) + 1))
    grid[ij[:, 0], ij[:, 1]] = nodes[:, 2]
    return bilinear(grid, ((xyz[:, :2] - nodes[:, :2].min(axis=0)) / cell).T)


def _is_sheet(lows: Points, candidates: Points, cell: float) -> bool:
    """Whether ground candidates (m, 3) out of the lowest points (n, 3) are a ground sheet.

    Coverage: the share of the occupied plan cells with a candidate in them, less two standard errors. Roughness:
    departure of the lowest candidate of a cell from the plane through its twelve neighbours, as a share of the cell.
    The underside of a crown meets the cloth here and there, at all heights; ground meets it nearly everywhere.
    """
    return _sheet_score(lows, candidates, cell) >= _SHEET


def _sheet_score(lows: Points, candidates: Points, cell: float) -> float:
    """Coverage less four times the relative roughness; minus one where the candidates are a line (see above)."""
    from scipy.spatial import cKDTree

    across = np.linalg.eigvalsh(np.cov(candidates[:, :2].T))[0]
    if across < _NARROW**2:
        return -1.0
    base = candidates[lowest_points(candidates, cell)]
    cells = len(plan_cells(lows, cell))
    cover = len(base) / cells - 1 / np.sqrt(cells)
    near = np.atleast_2d(cKDTree(base[:, :2]).query(base[:, :2], k=min(13, len(base)))[1])
    around = base[near] - base[near].mean(axis=1, keepdims=True)
    thickness = np.linalg.svd(around, compute_uv=False)[:, 2] / np.sqrt(near.shape[1])
    return float(cover - 4 * np.median(thickness) / cell)
