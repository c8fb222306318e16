"""Forest stands: terrain, trees in layers at a minimum distance, deadwood and low vegetation, and their true areas.

Coordinates: x and y in [0, size] m hold every stem; crowns may overhang. Terrain reaches 12 m beyond, so that oblique
pulses at the border hit ground. Height 0 is the mean ground of the plot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.errors import BadConfig
from leafwood.simulate.areas import AreaProfile, AreaVoxels, area_profile, area_voxels
from leafwood.simulate.mesh import LabelledMesh, Part
from leafwood.simulate.planting import Planting, plant
from leafwood.simulate.species import load_preset, load_species, varied
from leafwood.simulate.terrain import Terrain, make_terrain
from leafwood.simulate.trees import Wood, clothe, grow_wood
from leafwood.simulate.undergrowth import deadwood, low_vegetation

__all__ = ["Stand", "StandConfig", "grow_stand", "load_stand"]

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


@dataclass(frozen=True, kw_only=True)
class StandConfig:
    """What to grow.

    Attributes:
        size: side of the square plot, m.
        species: species preset (or YAML file) and its share of the stems.
        stems_per_ha: trees, without the understorey.
        min_distance: between any two of these stems, m.
        regularity: how many places each tree chooses from, taking the roomiest; 1 leaves gaps as at random.
        height: shortest and tallest canopy tree, m (never above what the species reaches).
        emergent: share of stems that overtop the canopy, by 10-25 %.
        subcanopy: share of stems that reach 35-75 % of the canopy's height.
        lai: one-sided leaf area of all trees and shrubs per ground area when fully leaved.
        leaf_on: share of the leaves that are there, 0 winter to 1 summer.
        understorey: species and shares of saplings and shrubs.
        understorey_per_ha: their number.
        understorey_height: m.
        slope: degrees.
        relief: standard deviation of 10 m long undulations of the ground, m.
        roughness: standard deviation of the ground from one 0.3 m cell to the next, m.
        logs_per_ha: lying stems.
        branches_per_m2: lying branches.
        stumps_per_ha: stumps.
        low_cover: share of the ground under grass, herbs and ferns.
        low_height: m.
        ferns: share of ferns in it.
        vary: give each species other foliage and crowns than its preset has; breadth for training.
        distinct_trees: trees grown one by one; beyond that number they are turned, mirrored and rescaled copies.
        max_triangles: leaves grow larger and fewer, and twigs fewer, to keep the mesh near this size.
    """

    size: float = 30.0
    species: Mapping[str, float] = field(default_factory=lambda: {"beech": 1.0})
    stems_per_ha: float = 400.0
    min_distance: float = 1.5
    regularity: int = 6
    height: tuple[float, float] = (18.0, 28.0)
    emergent: float = 0.03
    subcanopy: float = 0.25
    lai: float = 4.0
    leaf_on: float = 1.0
    understorey: Mapping[str, float] = field(default_factory=dict)
    understorey_per_ha: float = 0.0
    understorey_height: tuple[float, float] = (1.0, 5.0)
    slope: float = 3.0
    relief: float = 0.15
    roughness: float = 0.015
    logs_per_ha: float = 40.0
    branches_per_m2: float = 0.3
    stumps_per_ha: float = 20.0
    low_cover: float = 0.2
    low_height: tuple[float, float] = (0.05, 0.3)
    ferns: float = 0.2
    vary: bool = False
    distinct_trees: int = 40
    max_triangles: int = 6_000_000

    def __post_init__(self) -> None:
        shares = (self.emergent, self.subcanopy, self.leaf_on, self.low_cover, self.ferns)
        if not 4 <= self.size <= 200:
            raise BadConfig(f"stand size must be 4-200 m, got {self.size}")
        if any(not 0 <= s <= 1 for s in shares):
            raise BadConfig("emergent, subcanopy, leaf_on, low_cover and ferns are shares between 0 and 1")
        if self.regularity < 1 or self.distinct_trees < 1 or self.max_triangles < 10_000:
            raise BadConfig("regularity and distinct_trees must be at least 1, max_triangles at least 10000")
        if not 0 <= self.slope <= 60 or not 0 <= self.lai <= 15:
            raise BadConfig(f"slope must be 0-60 degrees and lai 0-15, got {self.slope} and {self.lai}")
        if self.stems_per_ha > 0 and not self.species:
            raise BadConfig("a stand with stems needs at least one species")
        if self.understorey_per_ha > 0 and not self.understorey:
            raise BadConfig("a stand with understorey_per_ha needs species under `understorey`")


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
    terrain: Terrain

    def ground_height(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Height (n,) of the ground at `xy` (n, 2), m."""
        return self.terrain(xy)

    def leaf_area_profile(self, dz: float = 1.0) -> AreaProfile:
        """True leaf, wood and low-vegetation area in bins of height above ground, `dz` m thick."""
        return area_profile(self.mesh, self.terrain, dz)

    def leaf_area_voxels(self, voxel: float = 1.0) -> AreaVoxels:
        """True leaf, wood and low-vegetation area in cubes of `voxel` m."""
        return area_voxels(self.mesh, voxel)


def load_stand(name: str | Path) -> StandConfig:
    """A stand preset by name, or from a YAML file.

    Raises:
        BadConfig: no such preset, or a wrong key or value.
    """
    return load_preset("stands", name, StandConfig)


def grow_stand(config: StandConfig, seed: int) -> Stand:
    """Grow a stand.

    Args:
        config: what to grow.
        seed: same configuration and seed, same mesh, bit for bit, on the same machine.

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
    """Without triangles that float32 made into a line."""
    good = mesh.areas() > 1e-10
    if good.all():
        return mesh
    return LabelledMesh(mesh.vertices, mesh.triangles[good], mesh.part[good], mesh.tree[good])


def _grow_models(config: StandConfig, planting: Planting, rng: Rng) -> list[Wood]:
    """The distinct trees of a stand, without leaves."""
    presets = {name: load_species(name) for name in sorted(set(planting.species))}
    if config.vary:
        presets = {name: varied(species, rng) for name, species in presets.items()}
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
    i: int, planting: Planting, models: list[LabelledMesh], woods: list[Wood], terrain: Terrain, rng: Rng
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
        planting.species[i],
        planting.layer[i],
        foot[0],
        foot[1],
        wood.height * tall,
        wood.dbh * wide,
        wood.crown_radius * wide,
        leaf_area,
    )
    return mesh, row
