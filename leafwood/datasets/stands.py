"""Labelled stands: what training reads before samplers say where to look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import IGNORE, LEAF, WOOD, Part, decode_labels, preset_of
from leafwood.cloud import PointCloud
from leafwood.density.returns import inverse_weight
from leafwood.errors import BadCloud, about
from leafwood.io.loaders import read
from leafwood.samplers.decay import sampling_intensity
from leafwood.samplers.voxel import VoxelSampler
from leafwood.spatial.ground import find_ground, not_vegetation

__all__ = ["FINEST", "LabelledStand", "hidden_twigs", "load_scan", "load_stand"]

FINEST = 0.025  # m: edge of the voxels that a stand is thinned to
_LEAFY = 0.2  # share of a tree's returns that are leaves


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
        return_number: (n,) return number in its pulse, 1 where the file does not say.
        number_of_returns: (n,) number of returns of its pulse, likewise.
        path: its file.
        part: (n,) of :class:`leafwood.classes.Part`, in virtual surveys; None where the file does not say.
    """

    xyz: NDArray[np.float32]
    height: NDArray[np.float32]
    label: NDArray[np.int8]
    ground: NDArray[np.bool_]
    tree: NDArray[np.int64]
    line: NDArray[np.int64]
    return_number: NDArray[np.uint8]
    number_of_returns: NDArray[np.uint8]
    path: Path
    part: NDArray[np.uint8] | None = None

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
        return numbers[(counts >= 500) & np.isin(numbers, self.tree[self.label != IGNORE])]

    @cached_property
    def rarity(self) -> NDArray[np.float32]:
        """One over the density of sampling at each point (n,), mean 1; see :mod:`leafwood.density.returns`."""
        return inverse_weight(sampling_intensity(self.cloud()))

    def cloud(self) -> PointCloud:
        """The points as samplers take them."""
        columns = {"height_ag": self.height}
        returns = {"return_number": self.return_number, "number_of_returns": self.number_of_returns}
        return PointCloud(self.xyz, columns={**columns, **returns})

    def take(self, index: NDArray[Any]) -> LabelledStand:
        """The points at `index`."""
        columns = ("xyz", "height", "label", "ground", "tree", "line", "return_number", "number_of_returns")
        part = None if self.part is None else self.part[index]
        return replace(self, part=part, **{name: getattr(self, name)[index] for name in columns})

    def without_returns(self) -> LabelledStand:
        """The same points of which no returns are known: 1 of 1 everywhere, as in many files."""
        ones = np.ones(len(self), dtype=np.uint8)
        return replace(self, return_number=ones, number_of_returns=ones)


def load_stand(path: Path, preset: str = "gt_wood", *, lone_tree: bool = False) -> LabelledStand:
    """Read a labelled cloud for training.

    Args:
        path: a file that :func:`leafwood.read` reads.
        preset: how its labels are written, as :func:`leafwood.classes.preset_of` takes it.
        lone_tree: the file holds one tree and nothing else: it gets the tree number 1, no ground is looked for, and
            heights are above its lowest point.

    Raises:
        BadConfig: no such preset.
        BadCloud: no label column of that preset, or no labelled vegetation.
    """
    cloud = read(path, extra=preset_of(preset).columns)
    with about(path):
        label = decode_labels(cloud.columns, preset)
    cloud = cloud.under_preset(preset)
    if {"gt_part", "gt_tree"} <= cloud.columns.keys():
        label[hidden_twigs(cloud.columns["gt_part"], cloud.columns["gt_tree"])] = IGNORE
    return _stand(cloud, label, path, lone_tree=lone_tree)


def load_scan(path: Path) -> LabelledStand:
    """Read a cloud to learn from without labels: every point counts as leaf, and labels in the file are not looked at.

    Args:
        path: a file that :func:`leafwood.read` reads.

    Raises:
        BadCloud: no vegetation.
    """
    cloud = read(path)
    return _stand(cloud, np.full(len(cloud), LEAF, dtype=np.int8), path)


def _stand(cloud: PointCloud, label: NDArray[np.int8], path: Path, *, lone_tree: bool = False) -> LabelledStand:
    """A stand with its ground found, what is no vegetation ignored, and its densest parts thinned."""
    if lone_tree:
        on_ground, height = np.zeros(len(cloud), dtype=bool), cloud.xyz[:, 2] - cloud.xyz[:, 2].min(initial=np.inf)
        cloud = cloud.with_columns(gt_tree=np.ones(len(cloud), dtype=np.uint16))
    else:
        ground = find_ground(cloud)
        on_ground, height = ground.mask, ground.height
    label[not_vegetation(cloud)] = IGNORE
    zeros, ones = np.zeros(len(cloud), dtype=np.int64), np.ones(len(cloud), dtype=np.uint8)
    stand = LabelledStand(
        xyz=cloud.xyz,
        height=height,
        label=label,
        ground=on_ground,
        tree=cloud.columns.get("gt_tree", zeros).astype(np.int64),
        line=cloud.columns.get("point_source_id", zeros).astype(np.int64),
        return_number=cloud.columns.get("return_number", ones).astype(np.uint8),
        number_of_returns=cloud.columns.get("number_of_returns", ones).astype(np.uint8),
        path=path,
        part=cloud.columns["gt_part"].astype(np.uint8) if "gt_part" in cloud.columns else None,
    )
    if not len(stand.centres[0]):
        raise BadCloud(f"{path}: no labelled vegetation to learn from")
    # A scanner on the ground sees the nearest stems a thousand times more densely than a crop can hold.
    return stand.take(VoxelSampler(FINEST, keep="first")(stand.cloud()).index)


def hidden_twigs(part: NDArray[Any], tree: NDArray[Any]) -> NDArray[np.bool_]:
    """Returns from twigs of trees in leaf (n,).

    A lidar footprint is wider than a twig, so such a return looks like the leaves around it, and nobody who labels real
    scans by hand calls it wood. Learnt as wood, it teaches a network to see wood in leaves. On bare trees twigs count.
    """
    n = int(tree.max(initial=0)) + 1
    leaves = np.bincount(tree[part == Part.LEAF], minlength=n)
    leafy = leaves > _LEAFY * np.bincount(tree, minlength=n)
    return (part == Part.TWIG) & leafy[tree]
