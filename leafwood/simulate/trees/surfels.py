"""Real trees under a virtual drone: labelled dense clouds as small oriented squares, planted in a stand.

A terrestrial scan shows a tree's surfaces from all around; squares of the size of its point spacing, turned as the
points around them lie, make them opaque enough to cast shadows (Pfister et al. 2000 call them surfels). What the scan
did not see is not there, and the squares' area is no measure of leaf area.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import IGNORE, PRESETS, WOOD, Part
from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud, BadConfig
from leafwood.simulate.mesh import LabelledMesh
from leafwood.simulate.stands.config import StandConfig
from leafwood.simulate.stands.stand import Stand, grow_stand

__all__ = ["SurfelTree", "plant_surfels", "surfel_trees"]

Floats = NDArray[np.float64]
# Presets that cannot be mistaken for an ordinary delivered file; plain ASPRS vegetation classes can.
_LABELS = ("gt_wood", "soul", "pointstowood", "fsct", "asprs", "leafwood")
_NEIGHBOURS = 12
# A square's half-edge in units of the distance to the fourth neighbour: neighbouring squares then overlap a little.
_COVER = 0.7
_HALF_EDGE = {True: (0.002, 0.06), False: (0.004, 0.04)}  # m, wood and leaf
_SMALLEST_TREE = 1.5
_MOST_SURFELS = 400_000
_SIZES = (0.8, 1.15)
_TRIES = 300


@dataclass(frozen=True, eq=False)
class SurfelTree:
    """A real tree, its foot at the origin.

    Attributes:
        mesh: squares of two triangles; wood is :attr:`Part.BRANCH`, a scan does not tell stems from branches.
        name: name of the file.
        height: m.
        radius: mean radius of the crown's extent, m.
    """

    mesh: LabelledMesh
    name: str
    height: float
    radius: float


def surfel_trees(path: Path) -> list[SurfelTree]:
    """Read a labelled cloud: one tree, or several told apart by a `gt_tree` column.

    Raises:
        BadCloud: no leaf and wood labels, or no tree.
        BadFile: not readable.
    """
    from leafwood.io.loaders import read

    cloud = read(path)
    labels = _labels(cloud, path)
    trees = np.asarray(cloud.columns.get("gt_tree", np.ones(len(cloud))))
    found = []
    for number in np.unique(trees[labels != IGNORE]):
        chosen = (trees == number) & (labels != IGNORE)
        xyz = cloud.xyz[chosen].astype(np.float64)
        if chosen.sum() >= 10 * _NEIGHBOURS and np.ptp(xyz[:, 2]) >= _SMALLEST_TREE:
            found.append(_tree(xyz, labels[chosen] == WOOD, path.stem))
    if not found:
        raise BadCloud(f"{path}: no tree of at least {_SMALLEST_TREE} m among its labelled points")
    return found


def _labels(cloud: PointCloud, path: Path) -> NDArray[np.int8]:
    """(n,) internal labels by the first preset whose column is there and whose codes it holds."""
    for name in _LABELS:
        for column in PRESETS[name].columns:
            if column in cloud.columns:
                labels = PRESETS[name].decode(cloud.columns[column])
                if (labels != IGNORE).mean() > 0.5:
                    return labels
    looked = sorted({column for name in _LABELS for column in PRESETS[name].columns})
    raise BadCloud(f"{path}: has no leaf and wood labels (looked for {', '.join(looked)}): label it first")


def _tree(xyz: Floats, wood: NDArray[np.bool_], name: str) -> SurfelTree:
    if len(xyz) > _MOST_SURFELS:
        keep = np.random.default_rng(0).choice(len(xyz), _MOST_SURFELS, replace=False)
        xyz, wood = xyz[keep], wood[keep]
    low = xyz[:, 2].min()
    foot = xyz[wood & (xyz[:, 2] < low + 1.0)] if (wood & (xyz[:, 2] < low + 1.0)).any() else xyz
    xyz = xyz - np.array([*np.median(foot[:, :2], axis=0), low])
    return SurfelTree(
        mesh=_squares(xyz, wood),
        name=name,
        height=float(xyz[:, 2].max()),
        radius=float(np.percentile(np.linalg.norm(xyz[:, :2], axis=1), 95)),
    )


def _squares(xyz: Floats, wood: NDArray[np.bool_]) -> LabelledMesh:
    from leafwood.spatial.neighbours import nearest

    index, distance = nearest(xyz.astype(np.float32), _NEIGHBOURS)
    around = xyz[index] - xyz[index].mean(axis=1, keepdims=True)
    # columns of the result, by rising eigenvalue: the normal, then the two axes of the surface
    axes = np.linalg.eigh(np.einsum("nki,nkj->nij", around, around))[1]
    half = _COVER * distance[:, 4].astype(np.float64)
    half = np.where(wood, np.clip(half, *_HALF_EDGE[True]), np.clip(half, *_HALF_EDGE[False]))[:, None]
    u, v = half * axes[:, :, 1], half * axes[:, :, 2]
    corners = np.stack([xyz - u - v, xyz + u - v, xyz + u + v, xyz - u + v], axis=1)
    first = 4 * np.arange(len(xyz))
    triangles = np.stack(
        [np.stack([first, first + 1, first + 2], axis=1), np.stack([first, first + 2, first + 3], axis=1)], axis=1
    )
    part = np.where(wood, Part.BRANCH, Part.LEAF).astype(np.uint8)
    return LabelledMesh(
        vertices=corners.reshape(-1, 3).astype(np.float32),
        triangles=triangles.reshape(-1, 3).astype(np.int32),
        part=np.repeat(part, 2),
        tree=np.zeros(2 * len(xyz), dtype=np.uint32),
    )


def plant_surfels(config: StandConfig, paths: tuple[Path, ...], seed: int) -> Stand:
    """A stand of real trees: copies turned, mirrored and rescaled, on the configuration's terrain and undergrowth.

    Args:
        config: size, stems per hectare, minimum distance, terrain, deadwood and low vegetation; its species, heights
            and leaf area are not used.
        paths: labelled clouds.
        seed: seed of the stand; the same files and seed give the same stand.

    Raises:
        BadCloud: a file without labels, or without a tree.
        BadConfig: no stems.
    """
    models = [tree for path in paths for tree in surfel_trees(path)]
    rng = np.random.default_rng([seed, 3])
    bare = grow_stand(replace(config, stems_per_ha=0.0, understorey_per_ha=0.0), seed)
    places = _places(config, rng)
    meshes, rows = [bare.mesh], np.zeros(len(places), dtype=bare.trees.dtype)
    for number, place in enumerate(places, start=1):
        model = models[int(rng.integers(len(models)))]
        scale, yaw, mirror = rng.uniform(*_SIZES), rng.uniform(0, 2 * np.pi), rng.choice([-1.0, 1.0])
        turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
        matrix = scale * turn @ np.diag([mirror, 1.0, 1.0])
        foot = np.array([*place, bare.terrain(place[None])[0]])
        vertices = model.mesh.vertices @ matrix.T + foot
        tree = np.full(len(model.mesh.part), number, dtype=np.uint32)
        meshes.append(replace(model.mesh, vertices=vertices.astype(np.float32), tree=tree))
        size = (model.height * scale, np.nan, model.radius * scale, np.nan)
        rows[number - 1] = (number, model.name, "planted", place[0], place[1], *size)
    return Stand(LabelledMesh.merge(meshes), rows, bare.size, bare.terrain)


def _places(config: StandConfig, rng: np.random.Generator) -> Floats:
    """(n, 2) feet at the minimum distance from each other, as many as fit in a few hundred tries each."""
    wanted = round(config.stems_per_ha * config.size**2 / 1e4)
    if wanted < 1:
        raise BadConfig("stems_per_ha is too small for a single tree on the plot")
    places = np.zeros((0, 2))
    for _ in range(wanted):
        tries = rng.uniform(0, config.size, (_TRIES, 2))
        near = np.linalg.norm(tries[:, None] - places[None], axis=2) < config.min_distance
        free = np.flatnonzero(~near.any(axis=1))
        if len(free):
            places = np.concatenate([places, tries[free[:1]]])
    return places
