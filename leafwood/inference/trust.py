"""When an answer is not to be trusted: one list of reasons, for every command that gives an answer.

The bounds come from three places. Densities are those of the sparsity tables in ``docs/scores.md`` and
``docs/trust.md``: below :data:`VALIDATED` points per m² there are no scores of the held-out stands, and below
:data:`FLOOR` half of the wood is missed. Scanning from below is recognised by the number of points that each
height has in the space it occupies (:func:`points_low_over_high`), single trees by how narrow they stand
(:func:`foot_over_plan`); both are measured on virtual and real scans by ``pipelines/trust.py``, as is how unlike the
model's calibration scans a scan is (:mod:`leafwood.postprocess.likeness`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud, bounds
from leafwood.spatial.ground import find_ground, ground_source, not_vegetation
from leafwood.spatial.terrain import CELLS_A_POINT, plan_cells

__all__ = [
    "FLOOR",
    "LIKE",
    "VALIDATED",
    "Answer",
    "Doubt",
    "doubts",
    "foot_over_plan",
    "is_table",
    "of_likeness",
    "plan_density",
    "points_low_over_high",
    "spoils",
    "too_sparse",
]

Answer = Literal["labels", "profile"]
Points = NDArray[np.floating[Any]]

VALIDATED = 64.0  # points per m²: the lowest density of the tables in docs/scores.md
FLOOR = 20.0  # points per m²: between 30 and 15, wood recall on virtual stands falls below a half
FEWEST = 1000  # points: of fewer nobody knows how dense the scan is that they come from
TERRESTRIAL = 1.4  # points per voxel, low over high; see points_low_over_high
_ROWS = 50  # fewer points are a table
_ROWS_APART, _APART = 5000, 1.5  # fewer points than that are one, too, if hardly two share a square metre
LIKE = 1.0  # distance that 95 % of the calibration pieces do not exceed; see leafwood.postprocess.likeness
FOOT = 0.6  # width of the lowest eighth over that of the plan; see foot_over_plan
_VOXEL = 0.5  # m
_LOW = 1.0  # m above ground: what is lower is no part of the canopy
_SHORTEST = 5.0  # m: vegetation that is lower says nothing of where the scanner was
_TALLEST = 120.0  # m: the tallest living tree has 116 m


@dataclass(frozen=True)
class Doubt:
    """A reason not to trust an answer.

    Attributes:
        name: short and stable, for programs: ``sparse``, ``terrestrial``, ``single_tree`` ...
        title: for a table, a few words.
        detail: what was found, with its numbers, in a sentence.
        advice: what to do about it, in a sentence.
        severe: whether the answers that it spoils should not be used at all.
        spoils: which answers are concerned.
    """

    name: str
    title: str
    detail: str
    advice: str
    severe: bool
    spoils: tuple[Answer, ...] = ("labels", "profile")

    def __str__(self) -> str:
        return f"{self.title}: {self.detail}; {self.advice}"


def doubts(cloud: PointCloud, remarks: Collection[str] = (), unlike: float = np.nan) -> list[Doubt]:
    """Every reason not to trust what leafwood says of a cloud.

    Args:
        cloud: n points, labelled or not. Heights are those of a column ``height_ag``, as labelling leaves it; without
            it, ground is looked for.
        remarks: what was odd when the file was read, the messages of its :class:`~leafwood.errors.FileWarning`.
        unlike: how unlike the scans that its model was calibrated on it is, as
            :func:`leafwood.postprocess.likeness.unlike` gives it; NaN where nobody knows.

    Returns:
        The doubts, the severe ones first. A cloud without points raises none.
    """
    if not len(cloud):
        return []
    strays = cloud.strays()
    kept = cloud.select(~strays) if strays.any() else cloud
    height = cloud.columns.get("height_ag")
    height = np.asarray(find_ground(cloud).height if height is None else height)[~strays]
    found = [
        *_of_density(kept),
        *_of_geometry(kept, height),
        *_of_ground(kept, height),
        *_of_extent(kept, height),
        *of_likeness(unlike),
        *_of_columns(cloud, remarks),
        *_of_strays(len(cloud), int(strays.sum())),
    ]
    return sorted(found, key=lambda doubt: not doubt.severe)


def spoils(found: Collection[Doubt], answer: Answer) -> list[Doubt]:
    """The severe doubts that make an answer unusable."""
    return [doubt for doubt in found if doubt.severe and answer in doubt.spoils]


def too_sparse(cloud: PointCloud) -> Doubt | None:
    """The doubt about a cloud that is too sparse to be labelled at all, which ``segment`` refuses; None for others.

    It looks at the plan alone, and takes no time beside reading the file.
    """
    return next((doubt for doubt in _of_density(cloud) if doubt.name == "too_sparse"), None)


def is_table(cloud: PointCloud) -> bool:
    """Whether rows of coordinates are trees, corners or control points and no scan: few, and each on its own."""
    if not 0 < len(cloud) < _ROWS_APART:
        return False
    return len(cloud) < _ROWS or plan_density(cloud) < _APART


def plan_density(cloud: PointCloud) -> float:
    """Points per m² of the 1 m cells of the plan that have any; strays left out; 0 without points."""
    strays = cloud.strays()
    plan = cloud.xyz[~strays, :2] if strays.any() else cloud.xyz[:, :2]
    if not len(plan):
        return 0.0
    place = cloud.origin[:2] * cloud.unit[0] % 1.0  # cells begin at whole metres, as those of `info`
    return len(plan) / len(plan_cells(plan + place, 1.0))


def points_low_over_high(xyz: Points, height: Points) -> float:
    """How much better the lower canopy is seen than the upper one: above 1.4, the scanner stood on the ground.

    Points per occupied voxel of 0.5 m, in the lowest third of the canopy over the highest third. What stands between
    the scanner and a voxel takes pulses away from it, so voxels that are far from the scanner have few points. The
    count is over occupied voxels alone: it does not depend on how much grows at a height. Scans from above have 0.1 to
    1.1, scans from the ground 1.5 and more, and very sparse ones 1, as every voxel then has one point.

    Args:
        xyz: (n, 3) metres.
        height: (n,) metres above ground.

    Returns:
        The ratio, NaN where nothing is taller than 5 m.
    """
    plants = height > _LOW
    if plants.sum() < FEWEST:
        return float("nan")
    height = height[plants]
    top = float(np.percentile(height, 99))
    if top < _SHORTEST:
        return float("nan")
    voxel = _voxels(xyz[plants])
    count, total = np.bincount(voxel), np.bincount(voxel, weights=height)
    level, count = total[count > 0] / count[count > 0], count[count > 0]
    low, high = count[level < top / 3], count[level > top * 2 / 3]
    return float(low.mean() / high.mean()) if len(low) and len(high) else float("nan")


def foot_over_plan(xyz: Points) -> float:
    """How wide a cloud is at its foot: the lowest eighth of its height over the whole of it, in plan.

    A tree that was cut out of its plot stands on its stem: 0.03 to 0.5. A plot is wide below, too: 0.75 and more.

    Args:
        xyz: (n, 3) metres, n >= 1.
    """
    z = xyz[:, 2] - np.percentile(xyz[:, 2], 0.1)
    foot = xyz[z < np.percentile(z, 99.9) / 8, :2]
    if not len(foot):
        return 1.0
    low, high = np.percentile(foot, (5, 95), axis=0)
    least, greatest = bounds(xyz)
    return float((high - low).max() / max(float((greatest - least)[:2].max()), 1e-6))


def _of_density(cloud: PointCloud) -> Iterator[Doubt]:
    """Too few points, or too few on a square metre."""
    density = plan_density(cloud)
    if len(cloud) < FEWEST:
        detail = f"{len(cloud):,} points are too few to tell leaf from wood by their surroundings"
        advice = "give a larger piece of the scan"
        yield Doubt("few_points", "few points", detail, advice, severe=True, spoils=("labels",))
    elif density < FLOOR:
        detail = (
            f"{density:.1f} points/m²; below {FLOOR:g} half of the wood is missed and every eighth leaf called wood"
        )
        yield Doubt("too_sparse", "far too sparse", detail, "leafwood is made for scans from drones", severe=True)
    elif density < VALIDATED:
        detail = f"{density:.1f} points/m², and the model was scored on {VALIDATED:g} points/m² and more"
        advice = "expect wood to be missed and leaves to be called wood"
        yield Doubt("sparse", "too sparse", detail, advice, severe=True, spoils=("labels",))


def _of_geometry(cloud: PointCloud, height: Points) -> Iterator[Doubt]:
    """Scanned from below, or a tree cut out of its plot."""
    grounded = not np.isnan(height).all()
    plants = ~not_vegetation(cloud)
    above = np.nan_to_num(height) if grounded else cloud.xyz[:, 2] - cloud.xyz[plants, 2].min(initial=np.inf)
    ratio = points_low_over_high(cloud.xyz, np.where(plants, above, 0.0))
    if ratio > TERRESTRIAL:
        detail = f"the lower canopy has {ratio:.1f} times the points of the upper one in the space that each fills"
        advice = "do not use a leaf area profile of it: pulses that start below are not those that arrive from above"
        yield Doubt("terrestrial", "scanned from below", detail, advice, severe=True, spoils=("profile",))
    if not grounded and plants.any() and foot_over_plan(cloud.xyz[plants]) < FOOT:
        detail = "there is no ground under it, and it stands on a narrow foot"
        advice = "give the plot and not the tree for a leaf area profile: the pulses that missed the tree are gone"
        yield Doubt("single_tree", "a single tree", detail, advice, severe=True, spoils=("profile",))


def _of_ground(cloud: PointCloud, height: Points) -> Iterator[Doubt]:
    """No ground, or another one than the file says."""
    if np.isnan(height).all():
        detail = "no surface lies under the cloud, so heights are unknown and ground points, if any, are labelled"
        yield Doubt("no_ground", "no ground found", detail, "classify ground (class 2) if there is some", severe=False)
    if doubt := _unused_ground(cloud):
        advice = "check what the ground class means in this file"
        yield Doubt("ground_not_used", "classified ground not used", doubt, advice, severe=False)


def _unused_ground(cloud: PointCloud) -> str | None:
    """Why the file's ground class is not believed, or None; a column ``ground`` of labelling spares the search."""
    if not {"ground", "classification"} <= cloud.columns.keys():
        return ground_source(cloud).doubt
    codes = sorted(cloud.meaning.ground)
    classed = np.isin(cloud.columns["classification"], codes)
    if not classed.any() or cloud.columns["ground"][classed].any():
        return None
    return f"the {classed.sum():,} points of class {' and '.join(map(str, codes))} are not where the ground is"


def _of_extent(cloud: PointCloud, height: Points) -> Iterator[Doubt]:
    """Taller than any tree."""
    known = height[np.isfinite(height)]
    tall = float(np.percentile(known, 99) if len(known) else np.ptp(cloud.xyz[:, 2]))
    if tall > _TALLEST:
        detail = f"it is {tall:,.0f} m tall, and no tree is taller than {_TALLEST:g} m"
        advice = "check the unit of the coordinates (feet, millimetres?) and name the coordinate system"
        yield Doubt("too_tall", "taller than any tree", detail, advice, severe=True)


def of_likeness(unlike: float) -> Iterator[Doubt]:
    """The doubt about another forest, scanner or density than the model's calibration scans had; see :func:`doubts`."""
    if unlike > LIKE:
        detail = (
            f"what the network sees in it lies {unlike:.1f} times as far from the mean of the scans that the model was "
            "calibrated on as nearly all of these do"
        )
        advice = "look at the labels before you use them, and score a part that you have labelled yourself"
        yield Doubt("unlike", "unlike any scan in calibration", detail, advice, severe=False, spoils=("labels",))


def _of_columns(cloud: PointCloud, remarks: Collection[str]) -> Iterator[Doubt]:
    """What the file does not say."""
    guessed = next((remark for remark in remarks if "taken for" in remark and "column" in remark), None)
    if guessed is not None:
        advice = "name the columns in a first line: x,y,z"
        yield Doubt("guessed_columns", "columns guessed", guessed, advice, severe=False)
    if not cloud.returns().any():
        detail = "the file does not say which return of its pulse a point is"
        advice = "deliver return numbers: leafless wood is recognised by them, and a profile counts pulses"
        yield Doubt("no_returns", "no return numbers", detail, advice, severe=False)
    if cloud.crs is None:
        detail = "the file has no coordinate system, so its units are taken for metres"
        yield Doubt("no_crs", "no coordinate system", detail, "name it if the unit is another one", severe=False)


def _of_strays(count: int, strays: int) -> Iterator[Doubt]:
    """Points far from all others."""
    if strays:
        detail = f"{strays:,} of {count:,} points lie far from the others and are left out"
        yield Doubt("strays", "stray points", detail, "remove them before other tools meet them", severe=False)


def _voxels(xyz: Points) -> NDArray[np.int64]:
    """A small number (n,) for the voxel of each point (n, 3); points lie within 50 km of each other."""
    key, spans = np.zeros(len(xyz), dtype=np.int64), 1
    for axis in range(3):
        cell = np.floor(xyz[:, axis] / _VOXEL).astype(np.int64)
        low, span = int(cell.min()), int(np.ptp(cell)) + 1
        key, spans = key * span + (cell - low), spans * span
    if spans <= CELLS_A_POINT * len(key):
        return key
    return np.asarray(np.unique(key, return_inverse=True)[1])  # few points in a wide box, whose cells are not counted
