"""True leaf and wood area of a mesh, by height above ground and by voxel.

Leaves are flat: their triangles' area is their one-sided area. For wood, "one-sided" is half of the bark's area, the
convention that makes wood area index comparable to leaf area index (Chen and Black 1992).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import Part
from leafwood.simulate.mesh import LabelledMesh

__all__ = ["AreaProfile", "AreaVoxels", "area_profile", "area_voxels"]

Floats = NDArray[np.float64]
_CHUNK = 1_000_000
_WOOD = np.array([Part(p).is_wood for p in Part])


@dataclass(frozen=True, eq=False)
class AreaProfile:
    """Area by height above ground.

    Attributes:
        z: (k,) bin midpoints, m; the first bin begins at 0, and holds what lies lower too.
        leaf: (k,) one-sided leaf area of trees and shrubs, m².
        wood: (k,) half the bark area, m², deadwood included.
        low: (k,) one-sided area of low vegetation, m².
    """

    z: Floats
    leaf: Floats
    wood: Floats
    low: Floats


@dataclass(frozen=True, eq=False)
class AreaVoxels:
    """Area by occupied voxel.

    Attributes:
        index: (k, 3) voxel numbers along x, y, z, sorted; a voxel reaches from index * voxel to (index + 1) * voxel.
        voxel: edge, m.
        leaf: (k,) one-sided leaf area of trees and shrubs, m².
        wood: (k,) half the bark area, m², deadwood included.
        low: (k,) one-sided area of low vegetation, m².
    """

    index: NDArray[np.int64]
    voxel: float
    leaf: Floats
    wood: Floats
    low: Floats


def area_profile(mesh: LabelledMesh, ground: Callable[[Floats], Floats], dz: float) -> AreaProfile:
    """Area in bins of height above ground `dz` m thick."""
    sums = np.zeros((1, 3))
    for centre, area, kind in _pieces(mesh, dz / 2):
        level = np.maximum((centre[:, 2] - ground(centre[:, :2])) / dz, 0).astype(np.int64)
        bins = max(len(sums), int(level.max()) + 1)
        sums = np.pad(sums, ((0, bins - len(sums)), (0, 0)))
        sums += np.bincount(3 * level + kind, weights=area, minlength=3 * bins).reshape(bins, 3)
    leaf, wood, low = sums.T
    middle = np.asarray(dz * (np.arange(len(sums)) + 0.5), dtype=np.float64)
    return AreaProfile(middle, leaf, wood, low)


def area_voxels(mesh: LabelledMesh, voxel: float) -> AreaVoxels:
    """Area in cubes with an edge of `voxel` m."""
    first = np.floor(mesh.vertices.min(axis=0) / voxel).astype(np.int64)
    shape = np.floor(mesh.vertices.max(axis=0) / voxel).astype(np.int64) - first + 1
    keys, values = [], []
    for centre, area, kind in _pieces(mesh, voxel / 2):
        place = np.clip(np.floor(centre / voxel).astype(np.int64) - first, 0, shape - 1)
        key, where = np.unique(np.ravel_multi_index(tuple(place.T), tuple(shape)), return_inverse=True)
        keys.append(key)
        values.append(np.bincount(3 * where + kind, weights=area, minlength=3 * len(key)).reshape(-1, 3))
    key, where = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *keys]), return_inverse=True)
    total = np.zeros((len(key), 3))
    np.add.at(total, where, np.concatenate([np.zeros((0, 3)), *values]))
    index = np.stack(np.unravel_index(key, tuple(shape)), axis=1) + first
    leaf, wood, low = total.T
    return AreaVoxels(index, voxel, leaf, wood, low)


def _pieces(mesh: LabelledMesh, longest: float) -> Iterator[tuple[Floats, Floats, NDArray[np.int64]]]:
    """Centres (k, 3), areas (k,), kinds (0 leaf, 1 wood, 2 low) of triangles cut until no edge passes `longest` m."""
    kind = np.full(len(mesh.part), -1)
    kind[mesh.part == Part.LEAF] = 0
    kind[_WOOD[mesh.part]] = 1
    kind[mesh.part == Part.LOW_VEGETATION] = 2
    chosen = np.flatnonzero(kind >= 0)
    for begin in range(0, len(chosen), _CHUNK):
        some = chosen[begin : begin + _CHUNK]
        corners, sort = mesh.vertices[mesh.triangles[some]].astype(np.float64), kind[some]
        while len(corners):
            u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
            square = [np.einsum("ij,ij->i", e, e) for e in (u, v, v - u)]
            done = np.maximum(np.maximum(square[0], square[1]), square[2]) <= longest**2
            if done.any():
                u, v = u[done], v[done]
                centre = corners[done, 0] + (u + v) / 3
                # Lagrange's identity: cheaper than a cross product of a million rows.
                uv = np.einsum("ij,ij->i", u, v)
                area = 0.5 * np.sqrt(np.maximum(square[0][done] * square[1][done] - uv**2, 0))
                yield centre, area * np.where(sort[done] == 1, 0.5, 1.0), sort[done]
            corners, sort = _quartered(corners[~done]), np.tile(sort[~done], 4)


def _quartered(corners: Floats) -> Floats:
    """Four triangles (4 k, 3, 3) of each (k, 3, 3), by its edges' midpoints."""
    a, b, c = corners.transpose(1, 0, 2)
    ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
    return np.concatenate([np.stack(t, axis=1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
