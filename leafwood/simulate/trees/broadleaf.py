"""Crowns grown by modular-tree: one stem, a forked one, or several from one root."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from leafwood.simulate.trees.axes import BranchLevel, grow_axes
from leafwood.simulate.trees.branching import add_stubs, set_radii
from leafwood.simulate.trees.skeleton import Skeleton
from leafwood.simulate.trees.species import Species

__all__ = ["grow_broadleaf"]

Rng = np.random.Generator
# Branches per metre in the presets are those of a tree of this size; small trees branch more densely.
_REFERENCE_HEIGHT = 22.0
_REFERENCE_REACH = 3.5


def grow_broadleaf(species: Species, height: float, crown_radius: float, dbh: float, rng: Rng) -> Skeleton:
    """Stems and branches of a broadleaved tree or shrub, with radii, without the last shoots.

    Args:
        species: a preset of the family "broadleaf".
        height: m.
        crown_radius: m.
        dbh: m.
        rng: the tree's random numbers.
    """
    base = rng.uniform(*species.crown_base)
    count = int(rng.integers(species.stem.count[0], species.stem.count[1] + 1))
    if count > 1:
        skeleton = _from_one_root(species, count, height, crown_radius, dbh, base, rng)
    elif rng.random() < species.stem.fork:
        skeleton = _forked(species, height, crown_radius, dbh, base, rng)
    else:
        skeleton = _one_stem(species, height, crown_radius, dbh, base, rng)
    skeleton = add_stubs(skeleton, species.stem, (0.3, base * height), rng, epicormic=False)
    return add_stubs(skeleton, species.stem, (0.3, 0.9 * height), rng, epicormic=True)


def _one_stem(species: Species, height: float, reach: float, dbh: float, base: float, rng: Rng) -> Skeleton:
    levels = _levels(species, height, reach)
    shape, crook = species.crown_shape, species.stem.crook
    axes = grow_axes(height, base, reach, levels, rng, crown_shape=shape, crook=crook)
    return set_radii(_fit(axes, height, reach), height, dbh, species.stem, rng)


def _levels(species: Species, height: float, reach: float) -> list[BranchLevel]:
    dense = [np.clip((_REFERENCE_HEIGHT / height) ** 0.6, 0.8, 8.0)]
    dense += [np.clip((_REFERENCE_REACH / reach) ** 0.8, 0.7, 6.0)] * len(species.levels)
    return [replace(level, per_m=level.per_m * float(d)) for level, d in zip(species.levels, dense, strict=False)]


def _from_one_root(
    species: Species, count: int, height: float, crown_radius: float, dbh: float, base: float, rng: Rng
) -> Skeleton:
    stems: list[Skeleton] = []
    for number in range(count):
        tall = height * (1.0 if number == 0 else rng.uniform(0.5, 0.95))
        axes = _one_stem(species, tall, 0.7 * crown_radius, dbh / np.sqrt(count), base, rng)
        angle = np.radians(rng.uniform(0, 8) if number == 0 else rng.uniform(8, 35))
        away = _heading(rng.uniform(0, 2 * np.pi))
        xyz = axes.xyz.copy()
        xyz[:, :2] += away * (np.sin(angle) * xyz[:, 2:] + rng.uniform(0, 0.04) * min(height, 4.0))
        xyz[:, 2] *= np.cos(angle)
        stems.append(axes.moved(xyz))
    return Skeleton.merge(stems, shared_parents=False)


def _forked(species: Species, height: float, reach: float, dbh: float, base: float, rng: Rng) -> Skeleton:
    """Two or three leaders that part between a quarter and two thirds of the height."""
    leaders = 2 + int(rng.random() < 0.25)
    at = rng.uniform(0.25, 0.65) * height
    spread, turn = np.tan(np.radians(rng.uniform(8, 20))), rng.uniform(0, 2 * np.pi)
    stems: list[Skeleton] = []
    for number in range(leaders):
        tall = height * (1.0 if number == 0 else rng.uniform(0.8, 1.0))
        axes = _one_stem(species, tall, 0.75 * reach, dbh, max(base, 0.8 * at / tall), rng)
        thin = 0.85 if number == 0 else rng.uniform(0.6, 0.8)
        above = np.clip(axes.xyz[:, 2] - at, 0, None)
        away = _heading(turn + 2 * np.pi * number / leaders + rng.normal(0, 0.2))
        xyz = axes.xyz.copy()
        xyz[:, :2] += away * (spread * above**0.9)[:, None]
        axes = replace(axes, xyz=xyz, radius=axes.radius * np.where(above > 0, thin, 1.0))
        stems.append(axes if number == 0 else _rooted_in(stems[0], axes.cut(at - 0.4, np.inf)))
    return Skeleton.merge(stems, shared_parents=False)


def _rooted_in(first: Skeleton, leader: Skeleton) -> Skeleton:
    """Move a leader sideways so that it begins inside the first stem."""
    stem = first.xyz[: first.start[1]]
    inside = stem[np.abs(stem[:, 2] - leader.xyz[0, 2]).argmin()]
    return leader.moved(leader.xyz + np.array([*(inside - leader.xyz[0])[:2], 0.0]))


def _heading(azimuth: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([np.cos(azimuth), np.sin(azimuth)])


def _fit(skeleton: Skeleton, height: float, crown_radius: float) -> Skeleton:
    """Scale to the height and, as far as it stays natural, to the crown radius wanted."""
    xyz = skeleton.xyz - skeleton.xyz[0]
    xyz[:, 2] *= height / xyz[:, 2].max()
    grown = skeleton.moved(xyz).crown_radius()
    xyz[:, :2] *= np.clip(crown_radius / max(grown, 0.05), 0.5, 1.6)
    return skeleton.moved(xyz)
