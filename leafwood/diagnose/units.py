"""How many independent samples labelled stands hold: points of a tree repeat each other, and so do crops that overlap.

The units are trees where a file tells of enough of them, and otherwise cubes of a fixed grid. They are counted in the
stands and not in the crops that are looked at, so that more crops of the same stands are not more samples. How much
the samples of one unit repeat each other is their intraclass correlation (ICC): m samples of a unit are worth
m / (1 + (m - 1) ICC) independent ones (Kish 1965), at most 1 / ICC however many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import IGNORE, WOOD
from leafwood.datasets.stands import LabelledStand
from leafwood.evaluate.evaluation import height_slices
from leafwood.spatial.order import voxel_cells

__all__ = ["THIRDS", "count_units", "effective_samples", "intraclass", "resampled", "with_units"]

THIRDS = ("lowest third", "middle third", "highest third")
BLOCK = 2.0  # m
_TREES = 6  # with fewer, cubes are the units
_POINTS = 50  # labelled points of a tree that counts
_FEW = 5  # points of a class by which a unit has that class
_LEAST = 0.02  # ICC, below which an estimate from few units is chance


def with_units(stands: Sequence[LabelledStand]) -> tuple[list[LabelledStand], str]:
    """Stands whose `tree` is the unit of each point, numbered through all of them, and what a unit is.

    Args:
        stands: labelled ones.

    Returns:
        The stands, and ``trees`` or ``2 m blocks``.
    """
    trees = sum(_trees(stand) for stand in stands)
    found, first = [], 0
    for stand in stands:
        if trees >= _TREES:
            _, unit = np.unique(stand.tree, return_inverse=True)
        else:
            local = stand.xyz.astype(np.float64) - stand.xyz.min(axis=0)
            _, unit = np.unique(voxel_cells(local, BLOCK), axis=0, return_inverse=True)
        found.append(replace(stand, tree=unit.ravel() + first))
        first += int(unit.max()) + 1
    return found, "trees" if trees >= _TREES else f"{BLOCK:g} m blocks"


def _trees(stand: LabelledStand) -> int:
    """Trees with enough labelled points."""
    _, counts = np.unique(stand.tree[(stand.tree > 0) & (stand.label != IGNORE)], return_counts=True)
    return int((counts >= _POINTS).sum())


def count_units(stands: Sequence[LabelledStand]) -> NDArray[np.int64]:
    """How many units have leaves, and wood, at all heights and in each third of their stand's height.

    Args:
        stands: from :func:`with_units`.

    Returns:
        (4, 2): all heights and the thirds, lowest first; leaf and wood.
    """
    found = np.zeros((1 + len(THIRDS), 2), dtype=np.int64)
    for stand in stands:
        known = ~stand.ground & (stand.label != IGNORE)
        third, unit, wood = (
            height_slices(stand.xyz[known, 2], len(THIRDS)),
            stand.tree[known],
            stand.label[known] == WOOD,
        )
        for column, those in enumerate((~wood, wood)):
            for row in range(len(found)):
                chosen = those & (third == row - 1) if row else those
                found[row, column] += (np.unique(unit[chosen], return_counts=True)[1] >= _FEW).sum()
    return found


def intraclass(values: NDArray[np.float64], unit: NDArray[np.int64]) -> float:
    """Intraclass correlation of values (n,) within units (n,), by one-way analysis of variance, 0.02 to 1."""
    _, index, sizes = np.unique(unit, return_inverse=True, return_counts=True)
    k, n = len(sizes), len(values)
    if k < 2 or n <= k:
        return 1.0
    means = np.bincount(index, values) / sizes
    within = float(np.square(values - means[index]).sum()) / (n - k)
    between = float((sizes * np.square(means - values.mean())).sum()) / (k - 1)
    typical = (n - float(np.square(sizes).sum()) / n) / (k - 1)
    spread = between + (typical - 1) * within
    return float(np.clip((between - within) / spread if spread > 0 else 1.0, _LEAST, 1.0))


def effective_samples(
    margin: NDArray[np.float64], wood: NDArray[np.bool_], unit: NDArray[np.int64], units: NDArray[np.int64]
) -> tuple[float, float]:
    """Independent samples of leaf and of wood: units with the class, each worth 1 / ICC of the class's margins.

    Args:
        margin: (n,) margins of some samples, from :func:`leafwood.diagnose.taxonomy.margins`.
        wood: (n,) class.
        unit: (n,) unit of each.
        units: (2,) how many units have leaves, and wood, in all the stands.
    """
    leaf, rare = (intraclass(margin[those], unit[those]) for those in (~wood, wood))
    return float(units[0]) / leaf, float(units[1]) / rare


def resampled(
    margin: NDArray[np.float64], wood: NDArray[np.bool_], unit: NDArray[np.int64], draws: int, seed: int
) -> NDArray[np.float64]:
    """Share of wood and AUROC of the margins (draws, 2), with units drawn anew with replacement (cluster bootstrap)."""
    rng = np.random.default_rng(seed)
    _, index = np.unique(unit, return_inverse=True)
    k = int(index.max()) + 1
    order = np.argsort(margin, kind="stable")
    index, is_wood = index[order], wood[order]
    found = []
    for _ in range(draws):
        weight = np.bincount(rng.integers(0, k, k), minlength=k)[index].astype(np.float64)
        rare, common = weight * is_wood, weight * ~is_wood
        total = rare.sum() * common.sum()
        if total > 0:
            below = np.cumsum(common) - common / 2
            found.append((rare.sum() / weight.sum(), float(rare @ below) / total))
    return np.array(found).reshape(-1, 2)
