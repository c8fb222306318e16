"""Where a voxel lies on the shortest paths from the foot of its tree to the tips of its crown.

The shortest paths through the points of a tree run together in its branches and its stem, which lead to all leaves.
What lies beyond a voxel on them says how thick the branch there ought to be. A leaf near a stem and a piece of bark
have much the same neighbourhood, but no path goes on from the leaf; a thin branch among leaves feeds all of its crown.
Paths for telling wood from leaves: Vicari et al. 2019 (TLSeparation, path frequency); for skeletons of scanned trees:
Xu et al. 2007, Livny et al. 2010.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leafwood.graph.features.base import FeatureGroup, Nodes, Points
from leafwood.graph.features.neighbourhood import max_over, mean_over
from leafwood.kernels import compiled
from leafwood.spatial.voxels import runs

__all__ = ["PATH_NAMES", "PathFeatures", "tree_paths"]

_LENGTHS = (0.3, 0.7, 1.5, 3.0)  # metres of path that a twig, a branch, a limb and a stem have beyond them
PATH_NAMES = (
    *("reach", "crown_fed", "most_reach", "most_crown_fed", "mean_reach", "mean_crown_fed"),
    "way_from_foot",
    *(f"way_to_{length}" for length in _LENGTHS),
)
_LINKS = 12  # nearest voxels that a path can go on to; chosen with _POWER on the left-out trees of docs/scores.md
_POWER = 1.5  # of the metres of a step: paths take many short steps within a branch rather than a few across gaps
_LEAST_STEP = 1e-4  # metres
_LOW = 0.3  # metres above ground below which a place is the foot of a path
# Straight from the ground a place costs as much as a path of its height and 5 m more does in a scan of usual density. A
# crown whose stem no pulse has met hangs from its own lowest branches then, and not from a stem that is seen 20 m away,
# and paths do not depend on where a scan is cut.
_COST_PER_METRE, _MORE = 0.42, 5.0
_CELL = 6  # bits of a Morton code within a cell of four voxels' edge
# Where no height is known it is taken from the lowest place within some 8 m in plan, in squares from whose corners
# tiles begin as well, so that it does not depend on how a scan is cut.
_SQUARE, _SQUARES = 1.92, 4


class PathFeatures(FeatureGroup):
    """What lies beyond each voxel, its maximum and mean around it, and the ways back to the foot and to thicker wood.

    Lengths are metres of path in the cloud as the network sees it. The crown that is fed is counted in cells of four
    voxels' edge, of which a thinned cloud has as many.
    """

    name = "paths"
    finest_only = True
    described = False  # they are as long as the trees are tall: a tall tree is no reason to doubt

    def columns(self, scales: tuple[int, ...]) -> tuple[str, ...]:
        """Eleven columns, whatever the scales."""
        return PATH_NAMES

    def of_points(self, points: Points) -> NDArray[np.float32]:
        """Heights (n, 1) are added up."""
        return points.height[:, None]

    def of_nodes(self, nodes: Nodes) -> NDArray[np.float32]:
        """The columns (m, 11), logarithms."""
        height = nodes.sums[:, 0] / nodes.count
        if not np.isfinite(height).all():
            height = np.where(np.isfinite(height), height, _above_lowest(nodes.xyz))
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

    Paths begin on the ground, follow neighbours in both directions, and are those that cost least: a step costs its
    metres to the power of 1.5. Voxels lower than 0.3 m are reached from the ground for nothing, and others at a cost
    that rises with their height, so that what hangs together with nothing below has paths from its own lowest voxels.

    Args:
        xyz: (m, 3) metres.
        neighbours: (m, K) the nearest other voxels of each, nearest first; the first twelve are used.
        height: (m,) metres above ground.
        mass: (m,) what each voxel counts for.

    Returns:
        (m, 7) float32: metres of the longest path beyond each voxel, the mass there and its own, metres of the path
        behind it, and metres back to the first voxel that has 0.3, 0.7, 1.5 and 3 m of path beyond it, or else to where
        the path leaves the ground.
    """
    links = np.ascontiguousarray(neighbours[:, :_LINKS], dtype=np.int32)
    straight = np.where(height < _LOW, 0, _COST_PER_METRE * (height + _MORE)).astype(np.float32)
    if kernels := compiled():
        places, each = map(np.ascontiguousarray, (xyz, mass))
        return np.asarray(kernels.tree_paths(places, links, straight, each, list(_LENGTHS)))
    return _along(*_shortest_paths(xyz, links, straight), mass)


def _above_lowest(xyz: NDArray[np.float32]) -> NDArray[np.float32]:
    """Metres (m,) above the lowest voxel nearby."""
    square = np.floor(xyz[:, :2] / _SQUARE).astype(np.int64) + _SQUARES
    width = int(square[:, 1].max()) + _SQUARES + 1
    number, own = np.unique(square[:, 0] * width + square[:, 1], return_inverse=True)
    lowest = np.full(len(number), np.inf, dtype=np.float32)
    np.minimum.at(lowest, own, xyz[:, 2])
    around = lowest.copy()
    for x in range(-_SQUARES, _SQUARES + 1):
        for y in range(-_SQUARES, _SQUARES + 1):
            place = np.minimum(np.searchsorted(number, number + x * width + y), len(number) - 1)
            there = number[place] == number + x * width + y
            around = np.where(there, np.minimum(around, lowest[place]), around)
    return xyz[:, 2] - around[own]


def _share_of_cell(codes: NDArray[np.uint64]) -> NDArray[np.float32]:
    """What each of the voxels (m,) counts for, so that those of a cell count for 1 together."""
    starts, cell = runs(codes >> np.uint64(_CELL))
    return (1 / np.diff(starts, append=len(codes))).astype(np.float32)[cell]


def _shortest_paths(
    xyz: NDArray[np.float32], links: NDArray[np.int32], straight: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The voxel before each on its path (-1: the ground), and the metres of that step."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    m = len(xyz)
    here, there = np.repeat(np.arange(m), links.shape[1]), links.ravel().astype(np.int64)
    one_way = np.unique(np.concatenate([here * m + there, there * m + here]))
    here, there = np.divmod(one_way, m)
    metres = np.maximum(np.linalg.norm(xyz[here] - xyz[there], axis=1), np.float32(_LEAST_STEP))
    # the ground is node m; scipy takes a cost of 0 for no way at all
    costs = np.append(metres.astype(np.float64) ** _POWER, np.maximum(straight, 1e-12))
    ways = np.append(here, np.full(m, m)), np.append(there, np.arange(m))
    graph = csr_array((costs, ways), shape=(m + 1, m + 1))
    _, before = dijkstra(graph, indices=np.array(m), return_predecessors=True)
    before = np.where(before[:m] < m, before[:m], -1)
    step = np.linalg.norm(xyz - xyz[np.maximum(before, 0)], axis=1)
    return before, np.maximum(step, np.float32(_LEAST_STEP))


def _along(before: NDArray[np.int32], step: NDArray[np.float32], mass: NDArray[np.float32]) -> NDArray[np.float32]:
    """The columns of :func:`tree_paths`: what lies beyond, summed from the tips inwards, and the ways back."""
    depth, ancestor = (before >= 0).astype(np.int64), np.where(before >= 0, before, np.arange(len(before)))
    while (more := depth[ancestor]).any():
        depth, ancestor = depth + more, ancestor[ancestor]
    generations = np.split(np.argsort(depth, kind="stable"), np.cumsum(np.bincount(depth))[:-1])[1:]
    reach, fed = np.zeros(len(mass)), mass.astype(np.float64)
    for places in reversed(generations):
        np.maximum.at(reach, before[places], reach[places] + step[places])
        np.add.at(fed, before[places], fed[places])
    ways = np.zeros((1 + len(_LENGTHS), len(mass)))
    thin = reach < np.array([np.inf, *_LENGTHS])[:, None]
    for places in generations:
        ways[:, places] = (ways[:, before[places]] + step[places]) * thin[:, places]
    return np.vstack([reach, fed, ways]).T.astype(np.float32)
