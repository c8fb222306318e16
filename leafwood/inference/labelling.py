"""What is to be labelled in a cloud, and the columns that the labels make."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import OUT_LEAF, OUT_NONE, OUT_WOOD
from leafwood.cloud import PointCloud, bounds
from leafwood.errors import BadCloud, FileWarning
from leafwood.postprocess.rule import Decision, Rule, decide
from leafwood.samplers.voxel import VoxelSampler
from leafwood.spatial.ground import Ground, GroundChoice, find_ground, not_vegetation

__all__ = ["IN_VIEW", "Predict", "Progress", "check_metres", "in_view", "label_cloud", "remarks"]

IN_VIEW = 0.2  # m: of the ground that is seen, a point for every voxel of this edge
Progress = Callable[[int, int], None]
Predict = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]], NDArray[np.float32]]


def label_cloud(cloud: PointCloud, predict: Predict, rule: Rule) -> tuple[PointCloud, Decision]:
    """Label what is vegetation in a cloud.

    Ground (class 2, or found by cloth simulation), noise, buildings, water, withheld points, strays, and points of
    classes 64 to 67 that leafwood did not write are not labelled.

    Args:
        cloud: n points.
        predict: from coordinates (m, 3) in metres, heights above ground (m,) and returns (m, 2) (see
            :meth:`~leafwood.cloud.PointCloud.returns`) to P(wood) (m,) where leaf and wood are equally common.
        rule: how labels are made of probabilities, see :mod:`leafwood.postprocess.rule`.

    Returns:
        The cloud with columns ``leafwood``, ``wood_prob`` (at the shares of the scan), ``wood_prob_equal`` (where leaf
        and wood are equally common), ``height_ag`` and ``ground`` (bool); and what was decided of the points that are
        labelled.

    Raises:
        BadConfig: no such rule.
        BadCloud: coordinates in degrees, or spread over more than a scan can be.
    """
    check_metres(cloud)
    ground = find_ground(cloud)
    strays = cloud.strays()
    for line in _remarks(cloud, ground, strays):
        warnings.warn(f"{cloud.path or 'the cloud'}: {line}", FileWarning, stacklevel=2)
    todo = ~(ground.mask | not_vegetation(cloud) | strays)
    equal = np.zeros(len(cloud), dtype=np.float32)
    seen = todo | (in_view(cloud.xyz, ground.mask & (ground.source == "cloth")) & todo.any())
    equal[seen] = predict(cloud.xyz[seen], ground.height[seen], cloud.returns()[seen])
    equal[~todo] = 0.0
    decision = decide(equal[todo], ground.height[todo], cloud.xyz[todo, 2], rule)
    prob, label = np.zeros(len(cloud), dtype=np.float32), np.full(len(cloud), OUT_NONE, dtype=np.uint16)
    prob[todo] = decision.prob
    label[todo] = np.where(decision.wood, OUT_WOOD, OUT_LEAF)
    labelled = cloud.with_columns(
        leafwood=label, wood_prob=prob, wood_prob_equal=equal, height_ag=ground.height, ground=ground.mask
    )
    return labelled, decision


def _remarks(cloud: PointCloud, ground: Ground, strays: NDArray[np.bool_]) -> Iterator[str]:
    """What is odd about the points, one line each."""
    classes = cloud.columns.get("classification")
    foreign = np.zeros(256, dtype=np.int64)
    if classes is not None:
        foreign = np.bincount(classes[cloud.meaning.is_foreign(cloud.columns)].astype(np.int64), minlength=256)
    yield from remarks(len(cloud), int(strays.sum()), foreign, ground.choice)


def remarks(count: int, strays: int, foreign: NDArray[np.int64], choice: GroundChoice) -> Iterator[str]:
    """What is odd about the points of a scan, one line each.

    Args:
        count: how many there are.
        strays: how many of them belong to no place of it.
        foreign: points by class, of the classes that are the user's to define and were not written by leafwood.
        choice: which ground is used.
    """
    if strays:
        where = "kilometres away from the others, or nowhere, and are not labelled"
        yield f"{strays:,} of {count:,} points lie {where}"
    if choice.doubt:
        yield choice.doubt
    if foreign.any():
        codes = ", ".join(str(code) for code in np.flatnonzero(foreign))
        yield (
            f"{foreign.sum():,} points have class {codes}, which is the user's to define and was not written by "
            "leafwood; they are not labelled (give them class 1 to have them labelled)"
        )


def in_view(xyz: NDArray[np.float32], found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Ground points (n,) that are seen though they are not labelled: some of those that a cloth found.

    A cloth takes litter and low plants for ground as well. What it leaves of them hangs in the air, like a fallen
    trunk, unless what lies below is seen too. Ground that somebody has classified ends at the ground, and wood there is
    told better without it.

    Args:
        xyz: (n, 3) metres, non-negative.
        found: (n,) ground points that a cloth found.
    """
    seen = np.zeros(len(xyz), dtype=bool)
    index = np.flatnonzero(found)
    seen[index[VoxelSampler(IN_VIEW)(PointCloud(xyz[index])).index]] = True
    return seen


def check_metres(cloud: PointCloud) -> None:
    """Refuse coordinates that can only be degrees.

    Raises:
        BadCloud: a plan narrower than 0.2 units under at least 2 m of height, placed like longitude and latitude.
    """
    if len(cloud) < 2:
        return
    low, top = bounds(cloud.xyz)
    wide, deep, high = top - low
    x, y = np.abs(cloud.origin[:2])
    if max(wide, deep) < 0.2 and high > 2 and x <= 180 and y <= 90 and (x > 1 or y > 1):
        raise BadCloud("the coordinates look like degrees; project the file to metres first")
