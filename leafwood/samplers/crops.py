"""Where training looks: vertical cylinders and single trees of labelled stands, thinned the way forests thin a scan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import IGNORE, WOOD, decode_labels
from leafwood.errors import BadConfig, about
from leafwood.ground import find_ground, not_vegetation
from leafwood.io.loaders import read
from leafwood.simulate.mesh import Part
from leafwood.spatial.order import morton_codes, voxel_cells

__all__ = ["CropConfig", "LabelledStand", "draw_crop", "load_stand"]

_FINEST = 0.025  # m
_LEAFY = 0.2  # share of a tree's returns that are leaves


@dataclass(frozen=True, kw_only=True)
class CropConfig:
    """What a crop looks like. Probabilities are per crop.

    Attributes:
        radius: least and greatest radius of a cylinder, metres.
        max_points: points a crop holds at most; the radius shrinks for denser stands.
        single_tree: probability of one whole tree cut out of its stand, without ground.
        on_wood: probability that a crop is centred on a wood point.
        min_points: points a crop is thinned to at most, where it has more.
        decay: greatest attenuation of the kept share, from the top down or from the ground up, per 10 m.
        patches: greatest strength of the waves of denser and sparser regions, as a logarithm.
        ground_left: probability that some ground stays in, as when a ground filter has missed it.
        height_unknown: probability that the height above ground is withheld.
        jitter: greatest standard deviation of the position noise, metres.
        line_offset: standard deviation of the shift of each flight line, metres.
        scale: greatest relative change of size.
    """

    radius: tuple[float, float] = (2.5, 5.0)
    max_points: int = 16_000
    single_tree: float = 0.3
    on_wood: float = 0.5
    min_points: int = 1_500
    decay: float = 1.2
    patches: float = 1.0
    ground_left: float = 0.3
    height_unknown: float = 0.15
    jitter: float = 0.015
    line_offset: float = 0.02
    scale: float = 0.3

    def __post_init__(self) -> None:
        if not 0 < self.min_points <= self.max_points:
            raise BadConfig(f"min_points must be between 1 and max_points ({self.max_points}), not {self.min_points}")


@dataclass(frozen=True, eq=False)
class LabelledStand:
    """A labelled cloud, ready to be cropped.

    Attributes:
        xyz: (n, 3) float32 local metres.
        height: (n,) float32 metres above ground, NaN where unknown.
        label: (n,) int8 LEAF, WOOD or IGNORE; ground counts as leaf here: it is not wood.
        ground: (n,) bool.
        tree: (n,) tree number, 0 for none.
        line: (n,) flight line.
        path: its file.
    """

    xyz: NDArray[np.float32]
    height: NDArray[np.float32]
    label: NDArray[np.int8]
    ground: NDArray[np.bool_]
    tree: NDArray[np.int64]
    line: NDArray[np.int64]
    path: Path

    def __len__(self) -> int:
        return len(self.xyz)

    @cached_property
    def centres(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions of all labelled plant points, and of those that are wood."""
        plants = np.flatnonzero(~self.ground & (self.label != IGNORE))
        return plants, plants[self.label[plants] == WOOD]

    @cached_property
    def trees(self) -> NDArray[np.int64]:
        """Numbers of the trees that have enough points to be looked at alone."""
        numbers, counts = np.unique(self.tree[self.tree > 0], return_counts=True)
        return numbers[counts >= 500]

    def take(self, index: NDArray[Any]) -> LabelledStand:
        """The points at `index`."""
        columns = ("xyz", "height", "label", "ground", "tree", "line")
        return replace(self, **{name: getattr(self, name)[index] for name in columns})


def load_stand(path: Path, preset: str = "gt_wood") -> LabelledStand:
    """Read a labelled cloud for training.

    Args:
        path: a file that :func:`leafwood.read` reads.
        preset: how its labels are written, a name of :data:`leafwood.classes.PRESETS`.

    Raises:
        BadConfig: no such preset.
        BadCloud: no label column of that preset.
    """
    cloud = read(path)
    with about(path):
        label = decode_labels(cloud.columns, preset)
    ground = find_ground(cloud)
    label[not_vegetation(cloud)] = IGNORE
    zeros = np.zeros(len(cloud), dtype=np.int64)
    if {"gt_part", "gt_tree"} <= cloud.columns.keys():
        label[_hidden_twigs(cloud.columns["gt_part"], cloud.columns["gt_tree"])] = IGNORE
    stand = LabelledStand(
        xyz=cloud.xyz,
        height=ground.height,
        label=label,
        ground=ground.mask,
        tree=cloud.columns.get("gt_tree", zeros).astype(np.int64),
        line=cloud.columns.get("point_source_id", zeros).astype(np.int64),
        path=path,
    )
    # A scanner on the ground sees the nearest stems a thousand times more densely than a crop can hold.
    _, one_of_each = np.unique(morton_codes(voxel_cells(stand.xyz, _FINEST)), return_index=True)
    return stand.take(np.sort(one_of_each))


def _hidden_twigs(part: NDArray[Any], tree: NDArray[Any]) -> NDArray[np.bool_]:
    """Returns from twigs of trees in leaf (n,).

    A lidar footprint is wider than a twig, so such a return looks like the leaves around it, and nobody who labels real
    scans by hand calls it wood. Learnt as wood, it teaches a network to see wood in leaves. On bare trees twigs count.
    """
    n = int(tree.max(initial=0)) + 1
    leaves = np.bincount(tree[part == Part.LEAF], minlength=n)
    leafy = leaves > _LEAFY * np.bincount(tree, minlength=n)
    return (part == Part.TWIG) & leafy[tree]


def draw_crop(stand: LabelledStand, config: CropConfig, rng: np.random.Generator) -> LabelledStand:
    """Cut, thin and disturb one training example.

    Args:
        stand: where from.
        config: how.
        rng: the only source of chance.

    Returns:
        At least one labelled point, coordinates from 0 up.
    """
    crop = _single_tree(stand, rng) if rng.random() < config.single_tree else None
    crop = crop or _cylinder(stand, config, rng)
    crop = crop.take(_thinning(crop, config, rng))
    return _disturb(crop, config, rng)


def _single_tree(stand: LabelledStand, rng: np.random.Generator) -> LabelledStand | None:
    """One tree of enough points, its surroundings and the ground gone; None if there is none."""
    if not len(stand.trees):
        return None
    crop = stand.take(np.flatnonzero(stand.tree == rng.choice(stand.trees)))
    return replace(crop, height=np.full(len(crop), np.nan, dtype=np.float32))


def _cylinder(stand: LabelledStand, config: CropConfig, rng: np.random.Generator) -> LabelledStand:
    """A vertical cylinder with all, some or none of its ground."""
    plants, wood = stand.centres
    centres = wood if len(wood) and rng.random() < config.on_wood else plants
    centre = stand.xyz[rng.choice(centres), :2] + rng.normal(0, 1, 2)
    near = np.hypot(*(stand.xyz[:, :2] - centre).T)
    inside = np.flatnonzero(near < rng.uniform(*config.radius))
    if len(inside) < 50:  # a centre beyond the edge of the stand
        inside = np.argsort(near)[:50]
    if len(inside) > 4 * config.max_points:  # the rest is left to the thinning
        inside = inside[np.argsort(near[inside])[: 4 * config.max_points]]
    crop = stand.take(inside)
    keep = ~crop.ground
    height = crop.height
    if rng.random() < config.ground_left:
        keep |= rng.random(len(crop)) < rng.choice([0.05, 0.3, 1.0])
    if rng.random() < config.height_unknown:
        height = np.full(len(crop), np.nan, dtype=np.float32)
    if not keep.any():
        keep[:] = True
    return replace(crop, height=height).take(keep)


def _thinning(crop: LabelledStand, config: CropConfig, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which points stay (n,): a random share that varies with height, place and class."""
    height = crop.xyz[:, 2] - crop.xyz[:, 2].max()
    keep = np.exp(rng.uniform(-config.decay, config.decay) * height / 10.0)
    wave = rng.normal(0, 1, 3) * 2 * np.pi / rng.uniform(3, 15)
    keep *= np.exp(rng.uniform(0, config.patches) * np.sin(crop.xyz @ wave + rng.uniform(0, 2 * np.pi)))
    if rng.random() < 0.5:  # from the air stems are sparser than leaves, from the ground denser: neither may be learnt
        keep[(crop.label == WOOD) == (rng.random() < 0.5)] *= np.exp(rng.uniform(np.log(0.15), 0))
    keep /= max(float(keep.max()), 1e-9)
    wanted = np.exp(rng.uniform(np.log(config.min_points), np.log(config.max_points)))
    if rng.random() < 0.4:
        wanted = float(config.max_points)
    keep *= min(1.0, wanted / max(float(keep.sum()), 1.0))
    chosen = rng.random(len(crop)) < keep
    if not chosen.any():
        chosen[rng.integers(len(crop))] = True
    return chosen


def _disturb(crop: LabelledStand, config: CropConfig, rng: np.random.Generator) -> LabelledStand:
    """Turn, mirror, scale, shift the flight lines, add noise, and move off the voxel grid."""
    xyz = crop.xyz.astype(np.float64) - crop.xyz.mean(axis=0)
    lines, line = np.unique(crop.line, return_inverse=True)
    xyz += rng.normal(0, config.line_offset, (len(lines), 3))[line]
    xyz += rng.normal(0, rng.uniform(0, config.jitter) + 1e-6, xyz.shape)
    angle, scale = rng.uniform(0, 2 * np.pi), np.exp(rng.uniform(-config.scale, config.scale))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    xyz[:, :2] = xyz[:, :2] @ turn * (1.0, rng.choice([-1.0, 1.0]))
    xyz *= scale
    xyz += rng.uniform(0, 4, 3) - xyz.min(axis=0)
    return replace(crop, xyz=xyz.astype(np.float32), height=(crop.height * scale).astype(np.float32))
