"""Trees: one species preset, one height, one seed, one labelled mesh.

A tree is grown in two steps, because a stand must know every crown's size before it can share out its leaf area:
:func:`grow_wood` gives the woody skeleton, :func:`clothe` the mesh with bark and leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leafwood.simulate.mesh import LabelledMesh
from leafwood.simulate.trees.branching import (
    add_buttresses,
    add_lianas,
    add_stubs,
    add_twigs,
    stem_radius,
    whorled,
)
from leafwood.simulate.trees.broadleaf import grow_broadleaf
from leafwood.simulate.trees.foliage import bear_leaves, leaf_mesh
from leafwood.simulate.trees.palm import clothe_palm, palm_stem
from leafwood.simulate.trees.skeleton import Skeleton, sweep
from leafwood.simulate.trees.species import Species, stem_diameter

__all__ = ["Wood", "clothe", "grow_tree", "grow_wood"]

Floats = NDArray[np.float64]
Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Wood:
    """A tree without its leaves.

    Attributes:
        species: what it is.
        skeleton: branches with radii; the stem's foot is at the origin.
        height: m.
        dbh: stem diameter at breast height, m.
        crown_radius: mean radius of the crown's projection, m.
    """

    species: Species
    skeleton: Skeleton
    height: float
    dbh: float
    crown_radius: float

    @property
    def crown_area(self) -> float:
        """Crown projection, m²."""
        return float(np.pi * self.crown_radius**2)


def grow_tree(species: Species, seed: int, *, height: float | None = None, lai: float = 4.0) -> LabelledMesh:
    """One tree with its foot at the origin.

    Args:
        species: what to grow.
        seed: seed of the tree; the same seed gives the same tree.
        height: m; drawn from the species' range if None.
        lai: leaf area over crown projection (0 leafless).
    """
    rng = np.random.default_rng(seed)
    wood = grow_wood(species, rng.uniform(*species.height) if height is None else height, rng)
    return clothe(wood, lai * species.leafiness * wood.crown_area, rng)


def grow_wood(species: Species, height: float, rng: Rng, *, max_shoots: int = 12_000) -> Wood:
    """Grow a tree's wood.

    Args:
        species: what to grow.
        height: m.
        rng: the tree's random numbers.
        max_shoots: most twigs (and side shoots of a conifer): they make up nearly all triangles of the wood.

    Returns:
        Its skeleton, exactly `height` tall unless the top is broken.
    """
    crown_diameter = height * rng.uniform(*species.crown_ratio)
    dbh = stem_diameter(height, crown_diameter, rng) * species.dbh_factor
    if species.family == "palm":
        stem = palm_stem(height, dbh, species.stem, rng)
        return Wood(species, stem, height, dbh, 0.5 * crown_diameter)
    if species.family == "broadleaf":
        skeleton = grow_broadleaf(species, height, 0.5 * crown_diameter, dbh, rng)
    else:
        skeleton = _conifer(species, height, 0.5 * crown_diameter, dbh, rng, max_shoots)
    skeleton = _with_dead_branches(skeleton, species.dead, height, rng)
    skeleton = _bend(skeleton, height, species, rng)
    if rng.random() < species.stem.broken:
        skeleton = skeleton.cut(-np.inf, height * rng.uniform(0.35, 0.85))
    skeleton = _ramify(skeleton, species, rng, max_shoots)
    if not species.alive:
        skeleton = _without_fine_branches(skeleton, rng)
    skeleton = add_buttresses(skeleton, rng.uniform(*species.stem.buttress), dbh, rng)
    skeleton = add_lianas(skeleton, species.stem, height, 0.5 * crown_diameter, rng)
    return Wood(species, skeleton, float(skeleton.xyz[:, 2].max()), dbh, skeleton.crown_radius())


def clothe(wood: Wood, leaf_area: float, rng: Rng, *, enlarge: float = 1.0) -> LabelledMesh:
    """The mesh of a tree: its bark and its leaves.

    Args:
        wood: from :func:`grow_wood`.
        leaf_area: one-sided, m²; met exactly (snags stay bare).
        rng: the tree's random numbers.
        enlarge: each leaf stands for this many.
    """
    bark = sweep(wood.skeleton, rng, bark=wood.species.stem.bark)
    if not wood.species.alive or leaf_area <= 0:
        return bark
    if wood.species.family == "palm":
        leaves = clothe_palm(wood.skeleton, wood.crown_radius, wood.species.leaf, rng).scaled_to(leaf_area)
    else:
        leaves = bear_leaves(wood.skeleton, wood.species.leaf, leaf_area, rng, enlarge=enlarge)
    return LabelledMesh.merge([bark, leaf_mesh(leaves)])


def _conifer(species: Species, height: float, crown_radius: float, dbh: float, rng: Rng, limit: int) -> Skeleton:
    z = np.unique(np.concatenate([[0, 0.08, 0.2, 0.4, 0.7], np.arange(1.0, height, 0.5), [height]]).clip(0, height))
    z = z[np.append(np.diff(z) > 0.03, True)]
    axis = np.stack([np.zeros_like(z), np.zeros_like(z), z], axis=1)
    stem = Skeleton.from_grid(axis[None], stem_radius(z, height, dbh, species.stem)[None], order=0)
    base = rng.uniform(*species.crown_base) * height
    skeleton = whorled(stem, height, base, crown_radius, species.whorls, rng, limit=limit * 2 // 3)
    return add_stubs(skeleton, species.stem, (0.5, base), rng, epicormic=False)


def _ramify(skeleton: Skeleton, species: Species, rng: Rng, limit: int) -> Skeleton:
    """Two generations of twigs, as far as the limit goes: half as long the second time."""
    form = species.twigs
    used = int((skeleton.order == 2).sum()) if species.family == "conifer" else 0
    before = len(skeleton.order)
    skeleton = add_twigs(skeleton, form, rng, limit=max(limit - used, limit // 4))
    left = limit - used - (len(skeleton.order) - before)
    if left < 0.2 * limit or species.family == "conifer":
        return skeleton
    low, high = form.length
    finer = replace(form, per_m=0.6 * form.per_m, length=(0.4 * low, 0.4 * high), on_radius=form.radius[1])
    return add_twigs(skeleton, finer, rng, limit=left)


def _bend(skeleton: Skeleton, height: float, species: Species, rng: Rng) -> Skeleton:
    """Make the crown lopsided, then lean and curve the whole tree."""
    xyz = skeleton.xyz.copy()
    azimuth = np.arctan2(xyz[:, 1], xyz[:, 0])
    strength = species.asymmetry * np.clip(rng.standard_normal(2), -2, 2) * np.array([1.0, 0.6])
    phase = rng.uniform(0, 2 * np.pi, 2)
    factor = np.exp(strength[0] * np.cos(azimuth - phase[0]) + strength[1] * np.cos(2 * azimuth - phase[1]))
    stem = (skeleton.order == 0)[skeleton.branch]
    xyz[:, :2] *= np.where(stem, 1.0, factor)[:, None]
    t = np.clip(xyz[:, 2:] / height, 0, None)
    lean = np.tan(np.radians(rng.uniform(*species.stem.lean)))
    direction, bow, wave = rng.uniform(0, 2 * np.pi, 3)
    size = rng.uniform(*species.stem.curve) * height
    towards = np.array([[np.cos(direction), np.sin(direction)]])
    sideways = np.array([[np.cos(bow), np.sin(bow)]])
    xyz[:, :2] += towards * lean * xyz[:, 2:] + sideways * size * (
        np.sin(np.pi * t) + 0.4 * np.sin(3 * np.pi * t + wave) * t
    )
    # Stems reach below the ground, so that no gap shows on the lower side of a slope.
    xyz[skeleton.start[:-1][skeleton.order == 0], 2] -= min(0.3, 0.1 * height)
    return skeleton.moved(xyz)


def _with_dead_branches(skeleton: Skeleton, share: float, height: float, rng: Rng) -> Skeleton:
    """Dead branches inside the crown, more of them low down; they lose part of their side branches."""
    foot = skeleton.xyz[skeleton.start[:-1], 2] / height
    dead = (skeleton.order == 1) & (rng.random(len(foot)) < 2 * share * (1 - foot))
    for order in range(2, int(skeleton.order.max()) + 1):
        dead |= (skeleton.order == order) & (dead[skeleton.parent] | (rng.random(len(foot)) < 0.3 * share))
    lost = dead & (skeleton.order > 1) & (rng.random(len(foot)) < 0.4)
    return replace(skeleton, alive=skeleton.alive & ~dead).keep(~lost)


def _without_fine_branches(skeleton: Skeleton, rng: Rng) -> Skeleton:
    """The skeleton of standing dead wood, which loses its fine branches first."""
    lose = np.clip(rng.uniform(0.25, 0.7) * (skeleton.order - 1.0), 0, 0.97)
    kept = skeleton.keep(rng.random(len(lose)) >= lose)
    return replace(kept, alive=np.zeros(len(kept.order), dtype=bool))
