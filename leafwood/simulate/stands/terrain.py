"""Ground: a tilted plane with undulations and centimetres of roughness, as a triangulated height field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import Part
from leafwood.simulate.mesh import LabelledMesh

__all__ = ["HeightField", "make_terrain"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HeightField:
    """A height field on a square grid, each cell split along one diagonal.

    Attributes:
        corner: lower x and y of the grid, m.
        cell: m.
        z: (rows, columns) heights at the grid nodes, m; rows go north.
    """

    corner: float
    cell: float
    z: Floats

    def __call__(self, xy: Floats) -> Floats:
        """Height (n,) of the meshed ground at `xy` (n, 2), m; beyond the grid that of its edge."""
        grid = (np.asarray(xy, dtype=np.float64) - self.corner) / self.cell
        limit = np.array(self.z.shape[::-1]) - 1
        grid = np.clip(grid, 0, limit - 1e-9)
        low = np.minimum(grid.astype(np.int64), limit - 1)
        u, v = (grid - low).T
        c, r = low.T
        z00, z10, z01, z11 = self.z[r, c], self.z[r, c + 1], self.z[r + 1, c], self.z[r + 1, c + 1]
        lower = z00 + u * (z10 - z00) + v * (z11 - z10)
        upper = z00 + v * (z01 - z00) + u * (z11 - z01)
        return np.asarray(np.where(u >= v, lower, upper))

    def mesh(self) -> LabelledMesh:
        """The ground as triangles."""
        rows, columns = self.z.shape
        x = self.corner + self.cell * np.arange(columns)
        y = self.corner + self.cell * np.arange(rows)
        vertices = np.stack([*np.meshgrid(x, y), self.z], axis=-1).reshape(-1, 3)
        a = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1)
        lower = np.stack([a, a + 1, a + columns + 1], axis=1)
        upper = np.stack([a, a + columns + 1, a + columns], axis=1)
        triangles = np.concatenate([lower, upper])
        return LabelledMesh(
            vertices=vertices.astype(np.float32),
            triangles=triangles.astype(np.int32),
            part=np.full(len(triangles), Part.GROUND, dtype=np.uint8),
            tree=np.zeros(len(triangles), dtype=np.uint32),
        )


def make_terrain(
    size: float, rng: np.random.Generator, *, slope: float, relief: float, roughness: float, margin: float = 12.0
) -> HeightField:
    """A terrain whose best-fitting plane over the plot has exactly the slope asked for.

    Args:
        size: side of the plot, m; the terrain reaches `margin` m further on every side.
        rng: the stand's random numbers.
        slope: degrees; the direction is drawn.
        relief: standard deviation of undulations some 10 m long, m.
        roughness: standard deviation from node to node, m.
        margin: m.
    """
    from scipy.ndimage import gaussian_filter

    cell = 0.3 if size <= 40 else 0.45
    n = int(np.ceil((size + 2 * margin) / cell)) + 1
    bumps = sum(
        weight * _normalised(gaussian_filter(rng.standard_normal((n, n)), length / cell, mode="wrap"))
        for weight, length in ((0.9, 5.0), (0.4, 1.5))
    )
    height = relief * bumps + roughness * rng.standard_normal((n, n))
    place = -margin + cell * np.arange(n)
    x, y = np.meshgrid(place, place)
    inside = (x >= 0) & (x <= size) & (y >= 0) & (y <= size)
    design = np.stack([x[inside], y[inside], np.ones(int(inside.sum()))], axis=1)
    plane, *_ = np.linalg.lstsq(design, height[inside], rcond=None)
    height -= plane[0] * x + plane[1] * y + plane[2]
    direction = rng.uniform(0, 2 * np.pi)
    rise = np.tan(np.radians(slope))
    height += rise * (np.cos(direction) * (x - size / 2) + np.sin(direction) * (y - size / 2))
    return HeightField(corner=-margin, cell=cell, z=height)


def _normalised(field: Floats) -> Floats:
    return np.asarray((field - field.mean()) / field.std())
