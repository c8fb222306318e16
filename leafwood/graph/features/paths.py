"""Where a voxel lies on the shortest paths from the foot of its tree to the tips of its crown.

The shortest paths through the points of a tree run together in its branches and its stem, which lead to all leaves.
What lies beyond a voxel on them says how thick the branch there ought to be. A leaf near a stem and a piece of bark
have much the same neighbourhood, but no path goes on from the leaf; a thin branch among leaves feeds all of its crown.
Paths for telling wood from leaves: Vicari et al. 2019 (TLSeparation, path frequency); for skeletons of scanned trees:
Xu et al. 2007, Livny et al. 2010.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leafwood.graph.features.base import FeatureGroup, Nodes, Points
from leafwood.graph.features.neighbourhood import max_over, mean_over
from leafwood.kernels import compiled

__all__ = ["PATH_NAMES", "PathFeatures", "tree_paths"]

LENGTHS = (0.3, 0.7, 1.5, 3.0)  # metres of path that a twig, a branch, a limb and a stem have beyond them
PATH_NAMES = (
    *("reach", "crown_fed", "most_reach", "most_crown_fed", "mean_reach", "mean_crown_fed"),
    "way_from_foot",
    *(f"way_to_{length}" for length in LENGTHS),
)
_LINKS = 12  # nearest voxels that a path can go on to; chosen with _POWER on the left-out trees of docs/scores.md
_POWER = 1.5  # of the metres of a step: paths take many short steps within a branch rather than a few across gaps
_LEAST_STEP = 1e-4  # metres
_LOW = 0.3  # metres above ground below which paths begin
_CELL = 6  # bits of a Morton code within a cell of four voxels' edge


class PathFeatures(FeatureGroup):
    """What lies beyond each voxel, its maximum and mean over neighbours, and the ways back to the foot and to wood.

    Lengths are metres of path in the cloud as the network sees it. The crown that is fed is counted in cells of four
    voxels' edge, of which a thinned cloud has as many.
    """

    name = "paths"
    finest_only = True

    def columns(self, scales: tuple[int, ...]) -> tuple[str, ...]:
        """Eleven columns, whatever the scales."""
        return PATH_NAMES

    def of_points(self, points: Points) -> NDArray[np.float32]:
        """Heights (n, 1) are added up."""
        return points.height[:, None]

    def of_nodes(self, nodes: Nodes) -> NDArray[np.float32]:
        """The columns (m, 11), logarithms."""
        height = nodes.sums[:, 0] / nodes.count
        height = np.where(np.isfinite(height), height, nodes.xyz[:, 2] - nodes.xyz[:, 2].min())
        found = tree_paths(nodes.xyz, nodes.neighbours[:, 1:], height.astype(np.float32), _share_of_cell(nodes.codes))
        beyond = np.log(found[:, :2] / np.float32(0.3) + np.float32(0.1))
        around = nodes.neighbours[:, : nodes.k]
        most, mean = (over(around, beyond, nodes.threads) for over in (max_over, mean_over))
        back = np.log(found[:, 2:] / np.float32(0.3) + np.float32(0.1))
        return np.concatenate([beyond, most, mean, back], axis=1)


def tree_paths(
    xyz: NDArray[np.float32], neighbours: NDArray[np.int32], height: NDArray[np.float32], mass: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The shortest paths from the feet of trees to all voxels, and what lies beyond each voxel on them.

    Paths begin at the voxels lower than 0.3 m, and at the lowest voxel of what hangs together with none of them. They
    follow neighbours in both directions; a step costs its metres to the power of 1.5.

    Args:
        xyz: (m, 3) metres.
        neighbours: (m, K) the nearest other voxels of each, nearest first; the first twelve are used.
        height: (m,) metres above ground.
        mass: (m,) what each voxel counts for.

    Returns:
        (m, 7) float32: metres of the longest path beyond each voxel, the mass there and its own, metres from the root,
        and metres back to the first voxel that has 0.3, 0.7, 1.5 and 3 m of path beyond it, or else to the root.
    """
    links = np.ascontiguousarray(neighbours[:, :_LINKS], dtype=np.int32)
    if kernels := compiled():
        places, above, each = map(np.ascontiguousarray, (xyz, height, mass))
        return np.asarray(kernels.tree_paths(places, links, above, _LOW, each, list(LENGTHS)))
    before, step, order = _shortest_paths(xyz, links, height)
    return _along(before, step, order, mass)


def _share_of_cell(codes: NDArray[np.uint64]) -> NDArray[np.float32]:
    """What each of the voxels (m,) counts for, so that those of a cell count for 1 together."""
    _, count = np.unique(codes >> np.uint64(_CELL), return_counts=True)  # in order: codes ascend
    return np.repeat(1 / count, count).astype(np.float32)


def _shortest_paths(
    xyz: NDArray[np.float32], links: NDArray[np.int32], height: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int64]]:
    """The voxel before each on its path (negative at roots), the metres of that step, and the voxels root first."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components, dijkstra

    m = len(xyz)
    here, there = np.repeat(np.arange(m), links.shape[1]), links.ravel().astype(np.int64)
    one_way = np.unique(np.concatenate([here * m + there, there * m + here]))
    here, there = np.divmod(one_way, m)
    metres = np.maximum(np.linalg.norm(xyz[here] - xyz[there], axis=1), np.float32(_LEAST_STEP))
    graph = csr_array((metres.astype(np.float64) ** _POWER, (here, there)), shape=(m, m))
    _, piece = connected_components(graph, directed=False)
    upwards = np.argsort(height, kind="stable")
    lowest = upwards[np.unique(piece[upwards], return_index=True)[1]]
    roots = np.union1d(np.flatnonzero(height < _LOW), lowest)
    cost, before, _ = dijkstra(graph, indices=roots, min_only=True, return_predecessors=True)
    step = np.linalg.norm(xyz - xyz[np.maximum(before, 0)], axis=1)
    return before, np.maximum(step, np.float32(_LEAST_STEP)), np.argsort(cost, kind="stable")


def _along(
    before: NDArray[np.int32], step: NDArray[np.float32], order: NDArray[np.int64], mass: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The columns of :func:`tree_paths`: what lies beyond, summed from the tips inwards, and the ways back."""
    reach, fed = [0.0] * len(mass), mass.tolist()
    ways: Sequence[list[float]] = [[0.0] * len(mass) for _ in range(1 + len(LENGTHS))]
    last, metres, places = before.tolist(), step.tolist(), order.tolist()
    for place in reversed(places):
        if (inwards := last[place]) >= 0:
            reach[inwards] = max(reach[inwards], reach[place] + metres[place])
            fed[inwards] += fed[place]
    for place in places:
        if (inwards := last[place]) >= 0:
            for way, length in zip(ways, (np.inf, *LENGTHS), strict=True):
                way[place] = way[inwards] + metres[place] if reach[place] < length else 0.0
    return np.array([reach, fed, *ways], dtype=np.float32).T
