"""A ground surface made from scattered ground points, and heights above it on millions of points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import bounds

__all__ = ["Outline", "Terrain", "bilinear", "fit_plane", "lowest_points", "node_spacing", "plan_cells", "plan_extent"]

Points = NDArray[np.floating[Any]]
Extent = tuple[NDArray[np.float64], NDArray[np.float64]]
_CHUNK = 4_000_000
_AT_ONCE = 250_000  # what is worked on stays in the cache
_SAMPLE = 1_000_000
_MIN_NODES, _MAX_NODES = 1_000, 1_000_000
_STRAY = 1e-3
LOWS = 0.25  # m
CELLS_A_POINT = 4  # empty ones counted in: up to so many it takes less time to mark cells than to sort their numbers


@dataclass(frozen=True, eq=False)
class Outline:
    """What the search for the ground looks at of many points: all of them, or what was kept of a survey on disk.

    Attributes:
        points: how many there are.
        lows: (m, 3) the lowest of each plan cell of :data:`LOWS` metres, or of half of :func:`node_spacing`.
        spread: (k, 3) evenly thinned, for their extent and for shares of them.
        dense: (j, 3) all that lie in some places, for how they lie above each other.
    """

    points: int
    lows: Points
    spread: Points
    dense: Points

    @classmethod
    def of(cls, xyz: Points) -> Outline:
        """Of a cloud (n, 3) in memory, which is looked at as it is."""
        return cls(len(xyz), xyz, xyz, xyz)

    @cached_property
    def extent(self) -> Extent:
        """Lower and upper plan corners (2,); see :func:`plan_extent`."""
        return plan_extent(self.spread)


def plan_extent(xyz: Points) -> Extent:
    """Lower and upper plan corners (2,) each, metres, without a few stray points far away.

    A GPS glitch kilometres off would stretch every grid; where leaving out 0.1 % of the points on a side halves
    an axis, the shorter extent is taken.

    Args:
        xyz: (n, 3) metres, n > 0.
    """
    low, high = (corner[:2].astype(np.float64) for corner in bounds(xyz))
    sample = xyz[:: max(1, len(xyz) // _SAMPLE), :2]
    inner_low, inner_high = np.quantile(sample, [_STRAY, 1 - _STRAY], axis=0)
    pad = 0.05 * (inner_high - inner_low) + 1.0
    stretched = (high - low) > 2 * (inner_high - inner_low) + 2 * pad
    return np.where(stretched, inner_low - pad, low), np.where(stretched, inner_high + pad, high)


def node_spacing(points: int, low: NDArray[np.float64], high: NDArray[np.float64], wished: float) -> float:
    """Node spacing of a grid over a plan, metres, widened so that nodes stay in proportion to the points.

    Ten points for each node of a large cloud: a few points spread over kilometres must not allocate a city.

    Args:
        points: number of points.
        low: (2,) lower plan corner, metres.
        high: (2,) upper plan corner, metres.
        wished: spacing where the points suffice, metres.
    """
    nodes = np.clip(max(points // 10, min(points, 50_000)), _MIN_NODES, _MAX_NODES)
    return max(wished, float(np.sqrt(np.prod(np.maximum(high - low, wished)) / nodes)))


def lowest_points(xyz: Points, cell: float, corner: NDArray[np.float64] | None = None) -> NDArray[np.intp]:
    """Positions of the lowest point of every occupied plan cell, in cell order.

    Works through the cloud in chunks, so memory stays near one chunk.

    Args:
        xyz: (n, 3) metres.
        cell: cell edge, metres.
        corner: (2,) plan corner that cells begin at, metres, so that the lowest points of parts of a cloud can be put
            together; that of these points when None.
    """
    if not len(xyz):
        return np.zeros(0, dtype=np.intp)
    plan = xyz[:, :2] if corner is None else np.round(xyz[:, :2] - corner, 5)
    low, high = bounds(plan)
    origin = low if corner is None else np.floor(low / cell) * cell
    stride = int((float(high[1]) - float(origin[1])) / cell) + 1

    def lowest(index: NDArray[np.intp]) -> NDArray[np.intp]:
        ij = np.floor((plan[index] - origin) / cell).astype(np.int64)
        key = ij[:, 0] * stride + ij[:, 1]
        order = np.argsort(key, kind="stable")
        key, z = key[order], xyz[index[order], 2]
        new = np.diff(key, prepend=-1) != 0
        least = np.minimum.reduceat(z, np.flatnonzero(new))
        cell_of = np.cumsum(new) - 1
        lows = np.flatnonzero(z == least[cell_of])
        return index[order[lows[np.diff(cell_of[lows], prepend=-1) != 0]]]

    kept = [lowest(np.arange(i, min(i + _CHUNK, len(xyz)))) for i in range(0, len(xyz), _CHUNK)]
    return kept[0] if len(kept) == 1 else lowest(np.concatenate(kept))


def plan_cells(xyz: Points, cell: float) -> NDArray[np.int64]:
    """Occupied plan cells (k, 2) of points (n, 2) or (n, 3), sorted."""
    if not len(xyz):
        return np.zeros((0, 2), dtype=np.int64)
    low, high = (np.floor(corner[:2] / cell).astype(np.int64) for corner in bounds(xyz))
    width, depth = (high - low + 1).tolist()

    def numbers(part: Points) -> NDArray[np.int64]:
        x, y = (np.floor(part[:, axis] / cell).astype(np.int64) - low[axis] for axis in range(2))
        return x * depth + y

    parts = (numbers(xyz[start : start + _AT_ONCE]) for start in range(0, len(xyz), _AT_ONCE))
    if width * depth <= CELLS_A_POINT * len(xyz):
        there = np.zeros(width * depth, dtype=bool)
        for part in parts:
            there[part] = True
        found = np.flatnonzero(there)
    else:
        found = np.unique(np.concatenate([np.unique(part) for part in parts]))
    return np.column_stack(np.divmod(found, depth)) + low


def fit_plane(xyz: Points, quantile: float = 0.5, rounds: int = 30) -> NDArray[np.float64]:
    """Coefficients (a, b, c) of z = a x + b y + c with a share `quantile` of the points below it.

    Quantile regression by iteratively reweighted least squares; a low quantile follows the ground under a canopy.

    Args:
        xyz: (n, 3) metres, n > 0.
        quantile: share of points below the plane, in (0, 1).
        rounds: reweightings.
    """
    centre = xyz[:, :2].mean(axis=0, dtype=np.float64)
    design = np.column_stack([xyz[:, :2] - centre, np.ones(len(xyz))]).astype(np.float64)
    z = xyz[:, 2].astype(np.float64)
    weight: NDArray[np.float64] = np.ones(len(z))
    fit: NDArray[np.float64] = np.zeros(3)
    for _ in range(rounds):
        root = np.sqrt(weight)
        fit = np.asarray(np.linalg.lstsq(design * root[:, None], z * root, rcond=None)[0], dtype=np.float64)
        residual = z - design @ fit
        weight = np.where(residual > 0, quantile, 1 - quantile) / np.maximum(np.abs(residual), 0.05)
    return np.array([fit[0], fit[1], fit[2] - fit[:2] @ centre])


@dataclass(frozen=True, eq=False)
class Terrain:
    """A plane plus a regular grid of departures from it.

    Steep slopes cost the grid nothing, and beyond its edge the plane goes on.

    Attributes:
        plane: (3,) a, b, c of z = a x + b y + c.
        corner: (2,) plan position of the first node, metres.
        cell: node spacing, metres.
        departure: (nx, ny) float32 metres above the plane.
    """

    plane: NDArray[np.float64]
    corner: NDArray[np.float64]
    cell: float
    departure: NDArray[np.float32]

    @classmethod
    def from_points(cls, ground: Points, cloud: Outline, cell: float = 0.5) -> Terrain:
        """Interpolate ground points: linear on their Delaunay triangles, nearest outside.

        Args:
            ground: (m, 3) ground points, metres, m >= 3.
            cloud: whose plan the grid shall cover.
            cell: wished node spacing, see :func:`node_spacing`.
        """
        from scipy.spatial import cKDTree

        low, high = cloud.extent
        cell = node_spacing(cloud.points, low, high, cell)
        plane = fit_plane(ground[:: max(1, len(ground) // 20_000)])
        known = _cell_means(ground, cell)
        rest = known[:, 2] - known[:, :2] @ plane[:2] - plane[2]
        axes = [np.arange(int(np.ceil((high[i] - low[i]) / cell)) + 1) * cell + low[i] for i in range(2)]
        at = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
        departure = _linear(known[:, :2], rest, at)
        outside = ~np.isfinite(departure)
        departure[outside] = rest[cKDTree(known[:, :2]).query(at[outside])[1]]
        grid = departure.reshape(len(axes[0]), len(axes[1])).astype(np.float32)
        return cls(plane=plane, corner=low, cell=cell, departure=grid)

    def heights(self, xyz: Points) -> NDArray[np.float32]:
        """Metres above the surface (n,) float32, negative below it."""
        out = np.empty(len(xyz), dtype=np.float32)
        last = np.array(self.departure.shape)[:, None] - 1
        for start in range(0, len(xyz), _AT_ONCE):
            part = xyz[start : start + _AT_ONCE].astype(np.float64, order="F")
            at = np.clip((part.T[:2] - self.corner[:, None]) / self.cell, 0, last)
            rest = bilinear(self.departure, at)
            out[start : start + len(part)] = part[:, 2] - part[:, :2] @ self.plane[:2] - self.plane[2] - rest
        return out


def bilinear(grid: Points, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values (n,) of a grid (nx, ny) at places (2, n), in nodes; beyond the edge the outermost cells go on."""
    low = [np.clip(np.floor(place).astype(np.int64), 0, max(n - 2, 0)) for place, n in zip(at, grid.shape, strict=True)]
    x, y = (place - node for place, node in zip(at, low, strict=True))
    width, depth = grid.shape
    nodes, corner = grid.ravel(), low[0] * depth + low[1]
    across, along = (depth if width > 1 else 0), (1 if depth > 1 else 0)  # to the next node, where there is one
    before = nodes[corner] * (1 - y) + nodes[corner + along] * y
    after = nodes[corner + across] * (1 - y) + nodes[corner + (across + along)] * y
    return np.asarray(before * (1 - x) + after * x, dtype=np.float64)


def _cell_means(xyz: Points, cell: float) -> NDArray[np.float64]:
    """Mean point of every occupied plan cell (k, 3)."""
    ij = np.floor((xyz[:, :2] - xyz[:, :2].min(axis=0)) / cell).astype(np.int64)
    _, inverse, count = np.unique(ij[:, 0] * (ij[:, 1].max() + 1) + ij[:, 1], return_inverse=True, return_counts=True)
    return np.column_stack([np.bincount(inverse, weights=xyz[:, i]) / count for i in range(3)])


def _linear(known: NDArray[np.float64], value: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear interpolation at (m, 2), NaN outside the hull or where the known points span no triangle."""
    # scipy.interpolate has the same ready, and takes a tenth of a second to import
    from scipy.spatial import Delaunay, QhullError
    from threadpoolctl import threadpool_limits

    try:
        # It solves a 2 x 2 system per triangle through LAPACK, whose threads wait for each other each time: on a busy
        # machine two of them took forty times longer than one.
        with threadpool_limits(1, user_api="blas"):
            triangles = Delaunay(known)
            inside = triangles.find_simplex(at)
            of = triangles.transform[inside]
    except QhullError:
        return np.full(len(at), np.nan)
    first, second = np.einsum("nij,nj->in", of[:, :2], at - of[:, 2])
    corner = value[triangles.simplices[inside]].T
    found = first * corner[0] + second * corner[1] + (1 - first - second) * corner[2]
    return np.where(inside >= 0, found, np.nan)
