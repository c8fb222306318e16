"""Forest stands: terrain, trees in layers at a minimum distance, deadwood and low vegetation, and their true areas.

Coordinates: x and y in [0, size] m hold every stem; crowns may overhang. Terrain reaches 12 m beyond, so that oblique
pulses at the border hit ground. Height 0 is the mean ground of the plot.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import Part
from leafwood.errors import BadConfig
from leafwood.simulate.areas import AreaProfile, AreaVoxels, area_profile, area_voxels
from leafwood.simulate.mesh import LabelledMesh
from leafwood.simulate.stands.config import StandConfig
from leafwood.simulate.stands.planting import Planting, plant
from leafwood.simulate.stands.terrain import HeightField, make_terrain
from leafwood.simulate.stands.undergrowth import deadwood, low_vegetation
from leafwood.simulate.trees.grow import Wood, clothe, grow_wood
from leafwood.simulate.trees.species import load_species
from leafwood.simulate.trees.variety import random_branching, varied

__all__ = ["Stand", "grow_stand"]

Rng = np.random.Generator
_MAX_CROWN_LAI = 20.0
_TREE_COLUMNS = np.dtype(
    [
        ("tree", "u4"),
        ("species", "U24"),
        ("layer", "U12"),
        ("x", "f8"),
        ("y", "f8"),
        ("height", "f8"),
        ("dbh", "f8"),
        ("crown_radius", "f8"),
        ("leaf_area", "f8"),
    ]
)


@dataclass(frozen=True, eq=False)
class Stand:
    """A grown stand.

    Attributes:
        mesh: ground, trees, deadwood and low vegetation; `tree` numbers match `trees`.
        trees: one row per tree: tree (1, 2, ...), species, layer, x, y, height, dbh, crown_radius (m), leaf_area (m²,
            one-sided, of its final mesh).
        size: side of the plot, m.
        terrain: the ground.
    """

    mesh: LabelledMesh
    trees: NDArray[Any]
    size: float
    terrain: HeightField

    def ground_height(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Height (n,) of the ground at `xy` (n, 2), m."""
        return self.terrain(xy)

    def leaf_area_profile(self, dz: float = 1.0) -> AreaProfile:
        """True leaf, wood and low-vegetation area in bins of height above ground, `dz` m thick."""
        return area_profile(self.mesh, self.terrain, dz)

    def leaf_area_voxels(self, voxel: float = 1.0) -> AreaVoxels:
        """True leaf, wood and low-vegetation area in cubes of `voxel` m."""
        return area_voxels(self.mesh, voxel)


def grow_stand(config: StandConfig, seed: int) -> Stand:
    """Grow a stand.

    Args:
        config: what to grow.
        seed: seed of the stand; the same configuration and seed give the same mesh on the same machine, bit for bit.

    Raises:
        BadConfig: too many stems for the minimum distance, or more leaf area than the crowns can hold.
    """
    rng = np.random.default_rng(seed)
    terrain = make_terrain(config.size, rng, slope=config.slope, relief=config.relief, roughness=config.roughness)
    planting = plant(config, rng)
    woods = _grow_models(config, planting, rng)
    areas, enlarge = _share_leaves(config, planting, woods)
    models = [clothe(w, a, rng, enlarge=enlarge) for w, a in zip(woods, areas, strict=True)]
    meshes, rows = [terrain.mesh()], []
    for i in range(len(planting.x)):
        mesh, row = _place(i, planting, models, woods, terrain, rng)
        meshes.append(mesh)
        rows.append(row)
    meshes += deadwood(
        terrain,
        config.size,
        rng,
        logs=config.logs_per_ha,
        branches=config.branches_per_m2,
        stumps=config.stumps_per_ha,
    )
    meshes += low_vegetation(
        terrain, config.size, rng, cover=config.low_cover, height=config.low_height, ferns=config.ferns
    )
    trees = np.array(rows, dtype=_TREE_COLUMNS)
    return Stand(_solid(LabelledMesh.merge(meshes)), trees, config.size, terrain)


def _solid(mesh: LabelledMesh) -> LabelledMesh:
    """The mesh without triangles that rounding to float32 made into a line."""
    good = mesh.areas() > 1e-10
    if good.all():
        return mesh
    return LabelledMesh(mesh.vertices, mesh.triangles[good], mesh.part[good], mesh.tree[good])


def _grow_models(config: StandConfig, planting: Planting, rng: Rng) -> list[Wood]:
    """The distinct trees of a stand, without leaves."""
    presets = {name: load_species(name) for name in sorted(set(planting.species))}
    if config.vary:
        presets = {name: varied(species, rng) for name, species in presets.items()}
    if config.random_branching:
        presets = {name: random_branching(species, rng) for name, species in presets.items()}
    # Twelve triangles a shoot; big trees get most of them.
    shoots = (0.75 if config.leaf_on < 0.3 else 0.35) * config.max_triangles / 12
    size = planting.model_height[planting.model] ** 2
    limit = np.clip(shoots * planting.model_height**2 / max(size.sum(), 1.0), 150, 30_000).astype(int)
    first = [int(np.flatnonzero(planting.model == m)[0]) for m in range(planting.model_height.size)]
    return [
        grow_wood(presets[planting.species[i]], float(planting.model_height[m]), rng, max_shoots=int(limit[m]))
        for m, i in enumerate(first)
    ]


def _share_leaves(config: StandConfig, planting: Planting, woods: list[Wood]) -> tuple[list[float], float]:
    """Leaf area of each distinct tree, and how much larger leaves must be to keep the mesh small."""
    total = config.lai * config.leaf_on * config.size**2
    per_crown = np.array([w.species.leafiness * w.species.alive * w.crown_area for w in woods])
    shares = (per_crown[planting.model] * planting.area_scale).sum()
    if total <= 0 or shares <= 0:
        return [0.0] * len(woods), 1.0
    crown_lai = total / shares
    if crown_lai > _MAX_CROWN_LAI:
        raise BadConfig(
            f"a stand LAI of {config.lai} needs {crown_lai:.0f} m² of leaves per m² of crown;"
            " lower lai or plant more trees"
        )
    leaf = np.array([0.125 * w.species.leaf.aspect * sum(w.species.leaf.length) ** 2 for w in woods])
    count = ((crown_lai * per_crown / leaf)[planting.model] * planting.area_scale).sum()
    return list(crown_lai * per_crown), max(1.0, float(count) / (0.25 * config.max_triangles))


def _place(
    i: int, planting: Planting, models: list[LabelledMesh], woods: list[Wood], terrain: HeightField, rng: Rng
) -> tuple[LabelledMesh, tuple[Any, ...]]:
    """Tree `i` where it stands: turned, perhaps mirrored, rescaled, its foot on the ground."""
    model, wood = models[planting.model[i]], woods[planting.model[i]]
    yaw, flip = rng.uniform(0, 2 * np.pi), rng.choice([-1.0, 1.0])
    wide, tall = planting.wide[i], planting.tall[i]
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    matrix = turn @ np.diag([wide * flip, wide, tall])
    foot = np.array([planting.x[i], planting.y[i], 0.0])
    foot[2] = terrain(foot[None, :2])[0]
    mesh = LabelledMesh(
        vertices=(model.vertices @ matrix.T.astype(np.float32) + foot.astype(np.float32)).astype(np.float32),
        triangles=model.triangles,
        part=model.part,
        tree=np.full(len(model.part), i + 1, dtype=np.uint32),
    )
    leaf_area = float(mesh.areas()[mesh.part == Part.LEAF].sum())
    row = (
        i + 1,
        Path(planting.species[i]).stem,  # those of a file go by its name
        planting.layer[i],
        foot[0],
        foot[1],
        wood.height * tall,
        wood.dbh * wide,
        wood.crown_radius * wide,
        leaf_area,
    )
    return mesh, row
