"""A laser pulse meets a mesh: its footprint is sampled by sub-rays, and what they hit becomes echoes.

A pulse is a Gaussian bundle. It is sampled by a few rays, each carrying its share of the energy and spent by the
first surface it meets; what lies closer together than the range resolution merges into one echo, whose range is the
energy-weighted mean: at the edge of a stem that is a point in the air, as in real scans.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import Part
from leafwood.simulate.mesh import LabelledMesh
from leafwood.simulate.scanners.instruments import Instrument

__all__ = ["Caster", "Echoes", "footprint"]

_IS_WOOD = np.array([part.is_wood for part in Part])
# Footprint sampled out to this many 1/e² radii: 96 % of the energy of a Gaussian beam.
_EXTENT = 1.25
# A data sheet's reach is for sure detection in sunshine; echoes this much weaker are detected all the same. Fitted:
# with it the virtual twin of a real conifer scan has the real one's share of single returns (docs/realism.md).
_FAINTEST = 0.32


@dataclass(frozen=True, eq=False)
class Echoes:
    """What came back, ordered by pulse, then range.

    Attributes:
        pulse: (n,) index of the pulse in the batch.
        distance: (n,) m along the axis of the beam, without noise.
        number: (n,) return number, from 1.
        total: (n,) number of returns of the pulse.
        share: (n,) part of the pulse's energy that was intercepted, 0..1.
        power: (n,) received power relative to a white surface that fills the beam at 1 m.
        wood_share: (n,) part of the received power that wood sent back, 0..1.
        part: (n,) the :class:`Part` that sent most of the winning class' power.
        tree: (n,) tree number of the strongest contribution from that part.
    """

    pulse: NDArray[np.int64]
    distance: NDArray[np.float64]
    number: NDArray[np.uint8]
    total: NDArray[np.uint8]
    share: NDArray[np.float64]
    power: NDArray[np.float64]
    wood_share: NDArray[np.float64]
    part: NDArray[np.uint8]
    tree: NDArray[np.uint32]


def footprint(rays: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sample points of a Gaussian beam: a sunflower spiral, equal areas, weighted by the Gaussian.

    Args:
        rays: how many, 1 or more.

    Returns:
        (rays, 2) offsets in units of the 1/e² radius, and (rays,) energies that sum to 1.
    """
    if rays == 1:
        return np.zeros((1, 2)), np.ones(1)
    number = np.arange(rays)
    radius = _EXTENT * np.sqrt((number + 0.5) / rays)
    angle = number * np.pi * (3 - np.sqrt(5))
    weight = np.exp(-2 * radius**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), weight / weight.sum()


class Caster:
    """Casts the pulses of an instrument onto a mesh.

    Args:
        mesh: what the pulses meet.
        instrument: divergence, range resolution, echoes per pulse, reach.
        rays: sub-rays per pulse.
        threads: for the ray casting; 0 uses all cores.
    """

    def __init__(self, mesh: LabelledMesh, instrument: Instrument, *, rays: int = 7, threads: int = 0) -> None:
        import open3d as o3d

        self._instrument = instrument
        self._threads = threads
        self._part = mesh.part
        self._tree = mesh.tree
        self._reflectance = instrument.reflectance()
        self._offsets, self._weights = footprint(rays)
        self._scene = o3d.t.geometry.RaycastingScene(nthreads=threads)
        self._scene.add_triangles(
            o3d.core.Tensor.from_numpy(np.ascontiguousarray(mesh.vertices, dtype=np.float32)),
            o3d.core.Tensor.from_numpy(np.ascontiguousarray(mesh.triangles, dtype=np.uint32)),
        )

    def cast(
        self,
        origin: NDArray[np.float64],
        direction: NDArray[np.float64],
        forward: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> Echoes:
        """Fire pulses.

        Args:
            origin: (n, 3) m, in the mesh's coordinates.
            direction: (n, 3) unit vectors.
            forward: (3,) the direction of flight, along which the second divergence is measured.
            rng: turns the samples of each footprint, so that they form no lattice.

        Returns:
            The detected echoes.
        """
        rays = self._bundle(origin, direction, forward, rng)
        return self._echoes(*self._shoot(rays))

    def _bundle(
        self,
        origin: NDArray[np.float64],
        direction: NDArray[np.float64],
        forward: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> NDArray[np.float32]:
        """(n, rays, 6) origins and unit directions."""
        across = np.cross(direction, forward)
        length = np.linalg.norm(across, axis=1, keepdims=True)
        across = np.where(length > 1e-6, across / np.maximum(length, 1e-6), np.array([1.0, 0.0, 0.0]))
        along = np.cross(across, direction)
        turn = rng.uniform(0, 2 * np.pi, len(origin))
        cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
        half = np.array(self._instrument.divergence) * 1e-3 / 2
        u = (self._offsets[:, 0] * cos - self._offsets[:, 1] * sin) * half[0]
        v = (self._offsets[:, 0] * sin + self._offsets[:, 1] * cos) * half[1]
        rays = np.empty((len(origin), len(self._weights), 6), dtype=np.float32)
        rays[:, :, :3] = origin[:, None]
        spread = direction[:, None] + u[:, :, None] * across[:, None] + v[:, :, None] * along[:, None]
        rays[:, :, 3:] = spread / np.linalg.norm(spread, axis=2, keepdims=True)
        return rays

    def _shoot(self, rays: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """Distance (inf for a miss), triangle and |cos| of incidence, each (n, rays)."""
        import open3d as o3d

        answer = self._scene.cast_rays(o3d.core.Tensor.from_numpy(rays), nthreads=self._threads)
        distance = answer["t_hit"].numpy().astype(np.float64)
        hit = np.where(np.isfinite(distance), answer["primitive_ids"].numpy(), 0).astype(np.int64)
        normal = answer["primitive_normals"].numpy()
        cosine = np.abs(np.einsum("prk,prk->pr", normal, rays[:, :, 3:])).astype(np.float64)
        return distance, hit, cosine

    def _echoes(self, distance: NDArray[np.float64], hit: NDArray[np.int64], cosine: NDArray[np.float64]) -> Echoes:
        pulses, rays = distance.shape
        order = np.argsort(distance, axis=1, kind="stable")
        distance = np.take_along_axis(distance, order, axis=1)
        hit = np.take_along_axis(hit, order, axis=1)
        cosine = np.take_along_axis(cosine, order, axis=1)
        weight = self._weights[order]
        met = np.isfinite(distance)
        gap = np.zeros(distance.shape, dtype=bool)
        gap[:, 1:] = np.diff(np.where(met, distance, 1e9), axis=1) > self._instrument.range_resolution
        group = (np.cumsum(gap, axis=1) + np.arange(pulses)[:, None] * rays)[met]
        distance, hit, cosine, weight = distance[met], hit[met], cosine[met], weight[met]
        part = self._part[hit]
        power = weight * self._reflectance[part] * cosine / distance**2

        slots = pulses * rays
        total = _sum(group, power, slots)
        detected = total > _FAINTEST * 0.2 / self._instrument.reach**2
        first = np.cumsum(detected.reshape(pulses, rays), axis=1)
        detected &= (first <= self._instrument.max_returns).ravel()
        kept = np.flatnonzero(detected)
        wood_share = _sum(group, power * _IS_WOOD[part], slots)[kept] / total[kept]
        winner_part, winner_tree = self._winners(group, power, part, hit, kept, wood_share, slots)
        pulse = kept // rays
        return Echoes(
            pulse=pulse,
            distance=_sum(group, power * distance, slots)[kept] / total[kept],
            number=first.ravel()[kept].astype(np.uint8),
            total=np.bincount(pulse, minlength=pulses)[pulse].astype(np.uint8),
            share=_sum(group, weight, slots)[kept],
            power=total[kept],
            wood_share=wood_share,
            part=winner_part,
            tree=winner_tree,
        )

    def _winners(
        self,
        group: NDArray[np.int64],
        power: NDArray[np.float64],
        part: NDArray[np.uint8],
        hit: NDArray[np.int64],
        kept: NDArray[np.int64],
        wood_share: NDArray[np.float64],
        slots: int,
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
        """Part and tree of each kept echo: the strongest part of the class (wood or not) that sent more power."""
        parts = len(Part)
        by_part = _sum(group * parts + part, power, slots * parts).reshape(slots, parts)[kept]
        by_part[_IS_WOOD[None, :] != (wood_share > 0.5)[:, None]] = -1.0
        winner = by_part.argmax(axis=1).astype(np.uint8)
        row = np.full(slots, -1, dtype=np.int64)
        row[kept] = np.arange(len(kept))
        at = row[group]
        belongs = at >= 0
        belongs[belongs] = part[belongs] == winner[at[belongs]]
        at, power, hit = at[belongs], power[belongs], hit[belongs]
        # Parts are written in rising order of power, so that the strongest stays.
        order = np.argsort(power, kind="stable")
        tree = np.zeros(len(kept), dtype=np.uint32)
        tree[at[order]] = self._tree[hit[order]]
        return winner, tree


def _sum(group: NDArray[np.int64], value: NDArray[Any], slots: int) -> NDArray[np.float64]:
    return np.asarray(np.bincount(group, weights=value, minlength=slots), dtype=np.float64)
