"""Leaves and needle shoots: where they sit, how they lie, and that their total area is exactly what was asked.

A leaf is one flat kite of two triangles; a needle shoot is a bunch of narrow kites along the shoot. Inclinations follow
the usual leaf angle distributions in the beta form of Goel and Strebel (1984); the spherical one is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import Part
from leafwood.simulate.mesh import LabelledMesh
from leafwood.simulate.trees.skeleton import Skeleton

__all__ = ["LeafAngles", "LeafForm", "Leaves", "bear_leaves", "inclinations", "leaf_mesh"]

LeafAngles = Literal["spherical", "planophile", "erectophile", "plagiophile", "uniform"]
Floats = NDArray[np.float64]
Rng = np.random.Generator

# (mu, nu) of Goel and Strebel's beta density over 2 * inclination / pi.
_BETA = {
    "planophile": (2.770, 1.172),
    "erectophile": (1.172, 2.770),
    "plagiophile": (3.326, 3.326),
    "uniform": (1.0, 1.0),
}


@dataclass(frozen=True, kw_only=True)
class LeafForm:
    """A species' foliage.

    Attributes:
        kind: broad leaves turn as the angle distribution says; needle bunches follow their shoot.
        length: shortest and longest blade (needle bunch), m.
        aspect: width over length.
        angles: leaf inclination distribution.
        clump: unevenness between shoots, the coefficient of variation of leaf area per shoot length; 0 even.
        spread: standard deviation of the distance from the modelled twig, m: the finest shoots are not modelled.
        bare: share of each shoot-bearing branch next to the stem without leaves.
        on_radius: leaves sit on wood thinner than this, m.
    """

    kind: Literal["leaf", "needle"] = "leaf"
    length: tuple[float, float] = (0.06, 0.10)
    aspect: float = 0.6
    angles: LeafAngles = "plagiophile"
    clump: float = 0.6
    spread: float = 0.06
    bare: float = 0.0
    on_radius: float = 0.012


@dataclass(frozen=True, eq=False)
class Leaves:
    """Flat kites.

    Attributes:
        base: (n, 3) where the blade begins, m.
        axis: (n, 3) unit vector to the tip.
        side: (n, 3) unit vector across, in the blade's plane.
        length: (n,) m.
        width: (n,) m.
    """

    base: Floats
    axis: Floats
    side: Floats
    length: Floats
    width: Floats

    def area(self) -> float:
        """Total one-sided area, m²."""
        return float(0.5 * (self.length * self.width).sum())

    def scaled_to(self, area: float) -> Leaves:
        """The same leaves, larger or smaller, with a total one-sided area of `area` m²."""
        factor = np.sqrt(area / self.area()) if len(self.length) else 1.0
        return Leaves(self.base, self.axis, self.side, self.length * factor, self.width * factor)


def inclinations(angles: LeafAngles, count: int, rng: Rng) -> Floats:
    """Leaf inclinations (count,) from the horizontal, radians in [0, pi/2]."""
    if angles == "spherical":
        return np.arccos(rng.random(count))
    mu, nu = _BETA[angles]
    return np.asarray(0.5 * np.pi * rng.beta(nu, mu, count))


def bear_leaves(skeleton: Skeleton, form: LeafForm, area: float, rng: Rng, *, enlarge: float = 1.0) -> Leaves:
    """Leaves on the thin living wood of a tree.

    Args:
        skeleton: with radii.
        form: the species' foliage.
        area: total one-sided leaf area wanted, m²; met exactly.
        rng: the tree's random numbers.
        enlarge: each leaf stands for this many: fewer and larger ones bound the memory of large stands.
    """
    from_, to, weight = _shoots(skeleton, form, rng)
    mean_area = 0.5 * form.aspect * (form.length[0] + form.length[1]) ** 2 / 4 * enlarge
    count = max(1, round(area / mean_area)) if area > 0 and len(weight) else 0
    if count == 0:
        empty = np.zeros((0, 3))
        return Leaves(empty, empty, empty, np.zeros(0), np.zeros(0))
    cumulative = np.cumsum(weight)
    pick = np.searchsorted(cumulative, rng.random(count) * cumulative[-1]).clip(0, len(weight) - 1)
    place = rng.random(count)[:, None]
    base = from_[pick] * (1 - place) + to[pick] * place
    shoot = _unit(to[pick] - from_[pick])
    length = rng.uniform(*form.length, count) * np.sqrt(enlarge)
    axis, side = _needle_pose(shoot, rng) if form.kind == "needle" else _leaf_pose(form.angles, count, rng)
    base = base + form.spread * np.clip(rng.standard_normal((count, 3)), -2.5, 2.5)
    return Leaves(base, axis, side, length, length * form.aspect).scaled_to(area)


def _shoots(skeleton: Skeleton, form: LeafForm, rng: Rng) -> tuple[Floats, Floats, Floats]:
    """Segments that bear leaves (from, to) and their weights: length times the clumping of their branch."""
    branch = skeleton.branch
    lower = np.flatnonzero(branch[1:] == branch[:-1])
    along = skeleton.along() / np.maximum(skeleton.lengths()[branch], 1e-9)
    bears = (
        skeleton.alive[branch[lower]]
        & (skeleton.radius[lower + 1] < form.on_radius)
        & (skeleton.order[branch[lower]] > 0)
        & ((along[lower + 1] > form.bare) | (skeleton.order[branch[lower]] > 2))
    )
    lower = lower[bears]
    from_, to = skeleton.xyz[lower], skeleton.xyz[lower + 1]
    weight = np.linalg.norm(to - from_, axis=1)
    if form.clump > 0:
        shape = 1 / form.clump**2
        weight = weight * rng.gamma(shape, 1 / shape, len(skeleton.order))[branch[lower]]
    return from_, to, weight


def _unit(v: Floats) -> Floats:
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12))


def _leaf_pose(angles: LeafAngles, count: int, rng: Rng) -> tuple[Floats, Floats]:
    theta = inclinations(angles, count, rng)
    azimuth, spin = rng.uniform(0, 2 * np.pi, (2, count))
    slope = np.stack([np.cos(azimuth) * np.cos(theta), np.sin(azimuth) * np.cos(theta), -np.sin(theta)], axis=1)
    level = np.stack([-np.sin(azimuth), np.cos(azimuth), np.zeros(count)], axis=1)
    cos, sin = np.cos(spin)[:, None], np.sin(spin)[:, None]
    return cos * slope + sin * level, cos * level - sin * slope


def _needle_pose(shoot: Floats, rng: Rng) -> tuple[Floats, Floats]:
    """Bunches point forward along the shoot, 20 to 60 degrees off it, on all sides."""
    random = _unit(rng.standard_normal(shoot.shape))
    across = _unit(np.cross(shoot, random))
    tilt = np.radians(rng.uniform(20, 60, len(shoot)))[:, None]
    axis = np.cos(tilt) * shoot + np.sin(tilt) * across
    return axis, _unit(np.cross(axis, _unit(rng.standard_normal(shoot.shape))))


def leaf_mesh(leaves: Leaves, part: Part = Part.LEAF) -> LabelledMesh:
    """Two triangles for every leaf."""
    n = len(leaves.length)
    tip = leaves.base + leaves.axis * leaves.length[:, None]
    middle = leaves.base + leaves.axis * (0.45 * leaves.length[:, None])
    half = leaves.side * (0.5 * leaves.width[:, None])
    vertices = np.stack([leaves.base, middle + half, tip, middle - half], axis=1).reshape(-1, 3)
    corner = 4 * np.arange(n)[:, None]
    triangles = np.stack([corner + np.array([0, 1, 2]), corner + np.array([0, 2, 3])], axis=1).reshape(-1, 3)
    return LabelledMesh(
        vertices=vertices.astype(np.float32),
        triangles=triangles.astype(np.int32),
        part=np.full(2 * n, part, dtype=np.uint8),
        tree=np.zeros(2 * n, dtype=np.uint32),
    )
