"""SOUL's partition as the released code cuts it, with its faults, for weights that were learnt from such pieces.

Bai et al. (NeurIPS 2023, arXiv 2305.16963). Three things differ from :mod:`leafwood.samplers.gvd`:

* the straight distance of a voxel from the first one of its piece is sqrt(dx^2 + dy^2 + z - z_first^2), which squares a
  coordinate and not a difference: where that is negative nothing is compared, so tortuous places hardly ever end a
  piece;
* a piece that begins beside an earlier one goes on counting its steps from there;
* the points of a piece that is too small are put into the next large piece, wherever that is.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.samplers.gvd import Components, GVDConfig
from leafwood.spatial.order import voxel_cells

__all__ = ["decompose_as_released"]

Cell = tuple[int, int, int]
_FACES = ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))


def decompose_as_released(xyz: NDArray[np.floating[Any]], config: GVDConfig) -> Components:
    """Cut a cloud as the release does.

    Args:
        xyz: (n, 3) metres; the grid starts at their lower corner.
        config: how pieces grow; `ier_limit` None leaves the comparison with the straight distance out.

    Returns:
        The pieces. `gd` of a point is what the release sorts by; `ier` is the released ratio, infinite or NaN in
        places. Of first voxels at the same height the release takes any; here it is the one of least x, then y.
    """
    if not len(xyz):
        return Components(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), 0)
    local = np.asarray(xyz, dtype=np.float64) - np.min(xyz, axis=0)
    cells, voxel, sizes = np.unique(voxel_cells(local, config.voxel), axis=0, return_inverse=True, return_counts=True)
    grown = _Growth([(int(x), int(y), int(z)) for x, y, z in cells], sizes.tolist(), config)
    for number in np.lexsort((cells[:, 1], cells[:, 0], cells[:, 2])).tolist():
        grown.piece(number)
    names, piece = np.unique(grown.component, return_inverse=True)
    voxel = voxel.ravel()
    return Components(piece[voxel], np.array(grown.steps)[voxel], np.array(grown.ratio)[voxel], len(names))


class _Growth:
    """Pieces grown over voxels, one after the other.

    Args:
        cells: cells of the voxels.
        sizes: points of each.
        config: how pieces grow.

    Attributes:
        component: piece of each voxel.
        steps: steps of path from the first voxel, as counted by the release.
        ratio: those over the released straight distance.
    """

    def __init__(self, cells: list[Cell], sizes: list[int], config: GVDConfig) -> None:
        self.cells, self.sizes, self.config = cells, sizes, config
        self.at = {cell: number for number, cell in enumerate(cells)}  # voxels that pieces still see
        self.free = set(range(len(cells)))
        self.steps, self.component = [-1] * len(cells), [0] * len(cells)
        self.ratio = [0.0] * len(cells)
        self.count = 0

    def piece(self, first: int) -> None:
        """Grow a piece from a voxel, unless that is in one already."""
        if first not in self.free:
            return
        self.free.remove(first)
        members, queue = [first], deque([first])
        while queue:
            voxel = queue.popleft()
            around = [self.at[cell] for cell in _beside(self.cells[voxel]) if cell in self.at]
            before = [self.steps[other] for other in around if self.steps[other] >= 0]
            if before:
                self.steps[voxel] = min(before) + 1
                self.ratio[voxel] = _released_ratio(self.steps[voxel], self.cells[voxel], self.cells[first])
                if self._ends(voxel):
                    continue
            else:
                self.steps[voxel] = 0
            ahead = [other for other in around if self.steps[other] < 0 and other in self.free]
            self.free.difference_update(ahead)
            members += ahead
            queue.extend(ahead)
        self._finish(members)

    def _ends(self, voxel: int) -> bool:
        """Whether the piece does not grow on from a voxel."""
        limit = self.config.ier_limit
        return self.steps[voxel] >= self.config.max_steps or (limit is not None and self.ratio[voxel] >= limit)

    def _finish(self, members: list[int]) -> None:
        """Number a piece; what is too small gets the number of the next one, and no later piece sees it."""
        points = sum(self.sizes[voxel] for voxel in members)
        small = len(members) < self.config.min_voxels or points < self.config.min_points
        for voxel in members:
            self.component[voxel] = self.count
            if small:
                del self.at[self.cells[voxel]]
        self.count += not small


def _beside(cell: Cell) -> list[Cell]:
    """The cells across the six faces."""
    x, y, z = cell
    return [(x + dx, y + dy, z + dz) for dx, dy, dz in _FACES]


def _released_ratio(steps: int, cell: Cell, first: Cell) -> float:
    """Steps over the released straight distance; NaN, which is at no limit, where its square is negative."""
    squared = (cell[0] - first[0]) ** 2 + (cell[1] - first[1]) ** 2 + (cell[2] - first[2] ** 2)
    if squared < 0:
        return math.nan
    return steps / math.sqrt(squared) if squared > 0 else math.inf
