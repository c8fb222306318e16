"""What lies and grows on the ground: logs, branches, stumps, grass and ferns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import Part
from leafwood.simulate.mesh import LabelledMesh
from leafwood.simulate.stands.terrain import HeightField
from leafwood.simulate.trees.foliage import Leaves, leaf_mesh
from leafwood.simulate.trees.skeleton import Skeleton, sweep

__all__ = ["deadwood", "low_vegetation"]

Floats = NDArray[np.float64]
Rng = np.random.Generator


def deadwood(
    terrain: HeightField, size: float, rng: Rng, *, logs: float, branches: float, stumps: float
) -> list[LabelledMesh]:
    """Lying logs and branches, and stumps.

    Args:
        terrain: the ground.
        size: side of the plot, m.
        rng: the stand's random numbers.
        logs: per hectare, 10-50 cm thick, 2-14 m long.
        branches: per square metre, 0.5-5 cm thick, 0.3-3 m long.
        stumps: per hectare.
    """
    area = size**2
    meshes = []
    count = rng.poisson(logs * area / 1e4)
    if count:
        length, radius = rng.uniform(2, 14, count), rng.uniform(0.05, 0.22, count)
        meshes.append(sweep(_lying(terrain, size, length, radius, 0.006, rng), rng, bark=0.05, part=Part.DEADWOOD))
    count = rng.poisson(branches * area)
    if count:
        length = rng.uniform(0.3, 1.0, count) * rng.choice([1.0, 1.0, 3.0], count)
        radius = (0.004 + 0.009 * length) * rng.uniform(0.6, 1.2, count)
        meshes.append(sweep(_lying(terrain, size, length, radius, 0.05, rng), rng, part=Part.DEADWOOD))
    count = rng.poisson(stumps * area / 1e4)
    if count:
        foot = rng.uniform(0, size, (count, 2))
        z = np.array([-0.2, 0.0, 0.1, 0.25, 1.0])
        tall = rng.uniform(0.2, 0.6, (count, 1))
        level = terrain(foot)[:, None] + np.where(z < 0.05, z, z * tall)
        xyz = np.concatenate([np.repeat(foot[:, None], 5, axis=1), level[..., None]], axis=2)
        radius = rng.uniform(0.08, 0.3, (count, 1)) * np.array([1.5, 1.35, 1.15, 1.0, 0.95])
        meshes.append(sweep(Skeleton.from_grid(xyz, radius, order=0), rng, bark=0.05, part=Part.DEADWOOD))
    return meshes


def _lying(terrain: HeightField, size: float, length: Floats, radius: Floats, crook: float, rng: Rng) -> Skeleton:
    """Stems on the ground: they follow it, half sunk to lying free, and taper."""
    n, m = len(length), 8
    s = np.linspace(0, 1, m)
    azimuth = rng.uniform(0, 2 * np.pi, n)
    direction = np.stack([np.cos(azimuth), np.sin(azimuth)], axis=1)
    xy = rng.uniform(0, size, (n, 2))[:, None] + ((s - 0.5) * length[:, None])[..., None] * direction[:, None]
    xy += crook * length[:, None, None] * np.cumsum(rng.standard_normal((n, m, 2)), axis=1)
    ground = terrain(xy.reshape(-1, 2)).reshape(n, m)
    # A stiff log bridges hollows: its axis is the straight line through the ground below it, lifted onto it.
    line = ground[:, :1] * (1 - s) + ground[:, -1:] * s
    line += np.maximum((ground - line).max(axis=1, keepdims=True), 0) * rng.uniform(0.3, 1.0, (n, 1))
    lift = radius[:, None] * rng.uniform(-0.2, 1.0, (n, 1)) + rng.exponential(0.04, (n, 1)) * length[:, None] * s * 0.3
    thick = radius[:, None] * (1 - 0.55 * s)
    return Skeleton.from_grid(np.concatenate([xy, (line + lift)[..., None]], axis=2), thick, order=0)


def low_vegetation(
    terrain: HeightField, size: float, rng: Rng, *, cover: float, height: tuple[float, float], ferns: float
) -> list[LabelledMesh]:
    """Grass tufts and ferns in patches.

    Args:
        terrain: the ground.
        size: side of the plot, m.
        rng: the stand's random numbers.
        cover: share of the ground that bears them.
        height: lowest and highest, m.
        ferns: share of them that are ferns (the rest is grass and herbs).
    """
    if cover <= 0:
        return []
    from scipy.ndimage import gaussian_filter

    cells = max(int(size), 4)
    field = gaussian_filter(rng.standard_normal((cells, cells)), 1.6, mode="wrap")
    patch = field >= np.quantile(field, 1 - cover)
    place = rng.uniform(0, size, (rng.poisson(16 * size**2), 2))
    row, column = (np.minimum((place / size * cells).astype(int), cells - 1)).T
    place = place[patch[row, column]]
    if len(place) == 0:
        return []
    fern = rng.random(len(place)) < 0.15 * ferns
    grass = rng.random(len(place)) >= ferns
    meshes = [_grass(terrain, place[grass & ~fern], height, rng), _ferns(terrain, place[fern], height, rng)]
    return [m for m in meshes if len(m.triangles)]


def _rooted(terrain: HeightField, xy: Floats) -> Floats:
    return np.concatenate([xy, terrain(xy)[:, None]], axis=1)


def _grass(terrain: HeightField, place: Floats, height: tuple[float, float], rng: Rng) -> LabelledMesh:
    blades = 13
    n = len(place) * blades
    tall = np.repeat(rng.uniform(*height, len(place)), blades) * rng.uniform(0.4, 1.0, n)
    xy = np.repeat(place, blades, axis=0) + rng.normal(0, 0.05, (n, 2))
    azimuth, lean = rng.uniform(0, 2 * np.pi, n), np.abs(rng.normal(0.0, 0.6, n)).clip(0, 1.5)
    axis = np.stack([np.sin(lean) * np.cos(azimuth), np.sin(lean) * np.sin(azimuth), np.cos(lean)], axis=1)
    turn = rng.uniform(0, 2 * np.pi, n)
    across = np.cross(axis, np.stack([np.cos(turn), np.sin(turn), np.full(n, 0.3)], axis=1))
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    width = rng.uniform(0.008, 0.024, n) + 0.03 * (rng.random(n) < 0.15)
    return leaf_mesh(Leaves(_rooted(terrain, xy), axis, across, tall, width), Part.LOW_VEGETATION)


def _ferns(terrain: HeightField, place: Floats, height: tuple[float, float], rng: Rng) -> LabelledMesh:
    """Ferns: each is a funnel of fronds, and each frond a row of pairs of pinnae."""
    fronds, pairs = 7, 9
    n = len(place)
    azimuth = rng.uniform(0, 2 * np.pi, (n, 1)) + 2 * np.pi * np.arange(fronds) / fronds
    azimuth = azimuth + rng.normal(0, 0.2, (n, fronds))
    size = rng.uniform(0.6, 1.0, (n, fronds)) * max(height[1], 0.3)
    s = (np.arange(pairs) + 1) / (pairs + 1)
    out = (size[..., None] * 0.95 * s).reshape(-1)
    up = (size[..., None] * (1.5 * s - 1.05 * s**2)).reshape(-1)
    turn = np.repeat(azimuth.reshape(-1), pairs)
    root = np.repeat(_rooted(terrain, place), fronds * pairs, axis=0)
    base = root + np.stack([out * np.cos(turn), out * np.sin(turn), up], axis=1)
    side = np.stack([-np.sin(turn), np.cos(turn), np.zeros(len(turn))], axis=1)
    forward = np.stack([np.cos(turn), np.sin(turn), np.zeros(len(turn))], axis=1)
    length = np.repeat(size.reshape(-1), pairs) * np.tile(0.38 * (1 - s) ** 0.8 + 0.03, n * fronds)
    both = []
    for sign in (-1.0, 1.0):
        axis = sign * side + 0.3 * forward + np.array([0, 0, -0.15])
        axis /= np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), 1e-9)
        across = forward - (forward * axis).sum(axis=1, keepdims=True) * axis
        across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
        both.append(leaf_mesh(Leaves(base, axis, across, length, 0.32 * length + 0.01), Part.LOW_VEGETATION))
    return LabelledMesh.merge(both)
