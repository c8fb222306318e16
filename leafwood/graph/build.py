"""From points to the multi-resolution neighbour graph that the network reads.

Each level of the voxel pyramid is a graph of fixed degree (k nearest voxels); levels are joined by parent and child
links. Fixed degree means that an edge list is an (m, k) table: gathers are cache-friendly and a maximum over neighbours
is a maximum over an axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.graph.config import GraphConfig
from leafwood.graph.features import FEATURE_GROUPS, Nodes, Points
from leafwood.spatial.neighbours import nearest_in_voxels
from leafwood.spatial.voxels import Pyramid, build_pyramid, sums_of_groups

__all__ = ["Graph", "build_graph"]

# By name: x0 pos0 neighbours0 parent0, x1 pos1 neighbours1 parent1 children1, and so on. x (m, f) features, pos (m, 3)
# metres, neighbours (m, k), children (m, 8) into the finer level, parent (m,) into the coarser one.
Graph = dict[str, NDArray[Any]]
Sums = dict[str, NDArray[np.float64]]


def build_graph(
    xyz: NDArray[np.float32],
    height: NDArray[np.float32],
    config: GraphConfig,
    returns: NDArray[np.uint8] | None = None,
    threads: int = 1,
) -> tuple[Graph, NDArray[np.int64]]:
    """Build the graph of a cloud.

    Args:
        xyz: (n, 3) local metres, non-negative, n >= 1.
        height: (n,) height above ground in metres, NaN where it is not known.
        config: what to build.
        returns: (n, 2) return number and number of returns, 0 where unknown; None where nothing is known of them.
        threads: that the compiled kernels use, where they are there.

    Returns:
        The graph, and the finest voxel of each point (n,).
    """
    if returns is None:
        returns = np.zeros((len(xyz), 2), dtype=np.uint8)
    pyramid = build_pyramid(xyz, config.size, config.n_levels)
    graph: Graph = {}
    count, sums = pyramid.count, _sums(pyramid, Points(height, returns), config)
    for number, level in enumerate(pyramid.levels):
        scales = config.level_scales(number)
        neighbours, distance = nearest_in_voxels(level.xyz, level.codes, level.size, max(*scales, config.k), threads)
        if number:
            count = np.add.reduceat(count, level.children[:, 0])
            parent = pyramid.levels[number - 1].parent
            sums = {name: sums_of_groups(sums[name], parent, len(level)) for name in config.groups(number)}
        columns = [
            FEATURE_GROUPS[name].of_nodes(
                Nodes(level.xyz, level.codes, neighbours, distance, scales, config.k, count, sums[name], threads),
            )
            for name in config.groups(number)
        ]
        graph[f"x{number}"] = np.concatenate(columns, axis=1, dtype=np.float32)
        graph[f"pos{number}"] = level.xyz
        graph[f"neighbours{number}"] = np.ascontiguousarray(neighbours[:, : config.k])
        if number:
            graph[f"children{number}"] = level.children
        if number + 1 < config.n_levels:
            graph[f"parent{number}"] = level.parent
    return graph, pyramid.node


def _sums(pyramid: Pyramid, points: Points, config: GraphConfig) -> Sums:
    """Sums (m, c) over the points of each finest voxel, of what each feature group asks to be added up."""
    m = len(pyramid.count)
    return {name: sums_of_groups(FEATURE_GROUPS[name].of_points(points), pyramid.node, m) for name in config.groups(0)}
