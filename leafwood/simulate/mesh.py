"""Labelled triangle meshes: what trees are made of and what the virtual lidar hits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LabelledMesh"]

_CHUNK = 500_000


@dataclass(frozen=True, eq=False)
class LabelledMesh:
    """Triangles with a part and a tree number each.

    Attributes:
        vertices: (v, 3) float32, metres.
        triangles: (t, 3) int32 vertex numbers.
        part: (t,) uint8, a :class:`~leafwood.classes.Part`.
        tree: (t,) uint32 tree number, 0 where it belongs to no tree.
    """

    vertices: NDArray[np.float32]
    triangles: NDArray[np.int32]
    part: NDArray[np.uint8]
    tree: NDArray[np.uint32]

    @classmethod
    def merge(cls, meshes: Iterable[LabelledMesh]) -> LabelledMesh:
        """One mesh of many, in order."""
        parts = list(meshes)
        offsets = np.cumsum([0, *(len(m.vertices) for m in parts)])
        return cls(
            vertices=np.concatenate([m.vertices for m in parts]),
            triangles=np.concatenate([m.triangles + o for m, o in zip(parts, offsets, strict=False)]).astype(np.int32),
            part=np.concatenate([m.part for m in parts]),
            tree=np.concatenate([m.tree for m in parts]),
        )

    def areas(self) -> NDArray[np.float64]:
        """One-sided triangle areas (t,), m²."""
        out = np.empty(len(self.triangles))
        # In pieces: ten million triangles in float64 would take a gigabyte for each corner.
        for start in range(0, len(out), _CHUNK):
            corners = self.vertices[self.triangles[start : start + _CHUNK]].astype(np.float64)
            u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
            out[start : start + _CHUNK] = 0.5 * np.linalg.norm(np.cross(u, v), axis=1)
        return out

    def sample_surface(
        self, side: tuple[float, float], count: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Points sampled evenly on the surfaces; scans from many tripods come near to such a sample.

        Args:
            side: least and greatest x and y of the triangles' centres, m.
            count: how many points.
            rng: what decides where the points lie.

        Returns:
            Points (count, 3), m, and the triangle each lies on (count,).
        """
        corner = self.vertices[self.triangles].astype(np.float64)
        centre = corner.mean(axis=1)[:, :2]
        area = self.areas() * np.all((centre >= side[0]) & (centre < side[1]), axis=1)
        chosen = rng.choice(len(area), count, p=area / area.sum())
        cut = np.sort(rng.random((count, 2)), axis=1)
        weight = np.stack([cut[:, 0], cut[:, 1] - cut[:, 0], 1 - cut[:, 1]], axis=1)
        return np.einsum("nk,nkd->nd", weight, corner[chosen]), chosen
