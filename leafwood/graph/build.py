"""From points to the multi-resolution neighbour graph that the network reads.

Each level of the voxel pyramid is a graph of fixed degree (k nearest voxels); levels are joined by parent and child
links. Fixed degree means that an edge list is an (m, k) table: gathers are cache-friendly and a maximum over neighbours
is a maximum over an axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.graph.features import (
    EIGEN_NAMES,
    HEIGHT_NAMES,
    RETURN_NAMES,
    eigen_features,
    height_features,
    return_features,
    spacing_features,
)
from leafwood.spatial.neighbours import nearest
from leafwood.spatial.voxels import Pyramid, build_pyramid

__all__ = ["SPACING_COLUMN", "Graph", "GraphConfig", "build_graph", "height_columns", "scale_normalisation", "spacing"]

_NEIGHBOURS = 24  # far enough for the typical distance of a cloud
# By name: x0 pos0 neighbours0 parent0, x1 pos1 neighbours1 parent1 children1, and so on. x (m, f) features, pos (m, 3)
# metres, neighbours (m, k), children (m, 8) into the finer level, parent (m,) into the coarser one.
Graph = Mapping[str, NDArray[Any]]
SPACING_COLUMN = 2 * len(EIGEN_NAMES) + 1  # of x0: log distance to the last neighbour of the second scale


@dataclass(frozen=True, kw_only=True)
class GraphConfig:
    """What the graph looks like; stored with the weights, for a network only reads the graphs it was trained on.

    Attributes:
        size: finest voxel edge, metres.
        n_levels: pyramid levels, each twice as coarse as the one before.
        k: neighbours of a voxel, itself included.
        scales: neighbourhood sizes (numbers of voxels) of the eigen-features at the finest level.
        spacing: metres to the 24th neighbour beyond which a cloud is sparse and is scaled down; see
            :func:`scale_normalisation`.
        least: the smallest factor by which it is scaled.
        returns: whether voxels also have the mean of their neighbourhood's returns; see
            :func:`~leafwood.graph.features.return_features`.
    """

    size: float = 0.06
    n_levels: int = 6
    k: int = 16
    scales: tuple[int, ...] = (10, 24)
    spacing: float = 0.3
    least: float = 0.3
    returns: bool = False

    def n_features(self, level: int) -> int:
        """Input columns of one level."""
        returns = len(RETURN_NAMES) if self.returns else 0
        if level:
            return len(EIGEN_NAMES) + 1 + returns
        return (len(EIGEN_NAMES) + 1) * len(self.scales) + 1 + len(HEIGHT_NAMES) + returns


def build_graph(
    xyz: NDArray[np.float32],
    height: NDArray[np.float32],
    config: GraphConfig,
    returns: NDArray[np.uint8] | None = None,
) -> tuple[Graph, NDArray[np.int64]]:
    """Build the graph of a cloud.

    Args:
        xyz: (n, 3) local metres, non-negative, n >= 1.
        height: (n,) height above ground in metres, NaN where it is not known.
        config: what to build.
        returns: (n, 2) return number and number of returns, 0 where unknown; None where nothing is known of them.

    Returns:
        The graph, and the finest voxel of each point (n,).
    """
    pyramid = build_pyramid(xyz, config.size, config.n_levels)
    graph: dict[str, NDArray[Any]] = {}
    pulses = _sums_of_returns(pyramid, returns) if config.returns else None
    for number, level in enumerate(pyramid.levels):
        scales = (config.k,) if number else config.scales
        neighbours, distance = nearest(level.xyz, max(*scales, config.k))
        features = [
            eigen_features(level.xyz, neighbours, scales),
            spacing_features(distance, tuple(s - 1 for s in scales)),
        ]
        if number == 0:
            features += [np.log1p(pyramid.count)[:, None], _node_heights(pyramid, height)]
        if pulses is not None:
            if number:
                pulses = np.add.reduceat(pulses, level.children[:, 0])
            features.append(_mean_over(neighbours[:, : config.k], pulses))
        graph[f"x{number}"] = np.concatenate(features, axis=1, dtype=np.float32)
        graph[f"pos{number}"] = level.xyz
        graph[f"neighbours{number}"] = np.ascontiguousarray(neighbours[:, : config.k])
        if number:
            graph[f"children{number}"] = level.children
        if number + 1 < config.n_levels:
            graph[f"parent{number}"] = level.parent
    return graph, pyramid.node


def _node_heights(pyramid: Pyramid, height: NDArray[np.float32]) -> NDArray[np.float32]:
    """Height features of the finest voxels from their points' mean height (NaN if any is unknown)."""
    total = np.bincount(pyramid.node, weights=height, minlength=len(pyramid.count))
    return height_features((total / pyramid.count).astype(np.float32))


def height_columns(x0: NDArray[np.float32], config: GraphConfig) -> NDArray[np.float32]:
    """The height features (m, 3) among the features (m, f) of the finest level."""
    end = replace(config, returns=False).n_features(0)
    return x0[:, end - len(HEIGHT_NAMES) : end]


def _sums_of_returns(pyramid: Pyramid, returns: NDArray[np.uint8] | None) -> NDArray[np.float64]:
    """Points of each finest voxel, and the sums of their return features (m, 1 + 5)."""
    m = len(pyramid.count)
    if returns is None:
        returns = np.zeros((len(pyramid.node), 2), dtype=np.uint8)
    sums = [np.bincount(pyramid.node, weights=column, minlength=m) for column in return_features(returns).T]
    return np.column_stack([pyramid.count, *sums])


def _mean_over(neighbours: NDArray[np.integer[Any]], sums: NDArray[np.float64]) -> NDArray[np.float32]:
    """Means (m, 5) over the voxels of each neighbourhood, each voxel the mean of its points."""
    means = (sums[:, 1:] / sums[:, :1]).astype(np.float32)
    total = np.zeros_like(means)
    for column in np.ascontiguousarray(neighbours.T, dtype=np.intp):
        total += means.take(column, axis=0)
    return total / np.float32(neighbours.shape[1])


def spacing(xyz: NDArray[np.float32]) -> float:
    """How far apart a cloud's points are: the median distance to the 24th nearest, the point itself counted.

    Args:
        xyz: (n, 3) metres, n >= 24; of more than 40,000 points some 20,000 are looked at.

    Returns:
        Metres.
    """
    _, distance = nearest(xyz, _NEIGHBOURS, xyz[:: max(1, len(xyz) // 20_000)])
    return float(np.median(distance[:, -1]))


def scale_normalisation(xyz: NDArray[np.float32], config: GraphConfig) -> float:
    """Factor by which a sparse cloud is shrunk before its graph is built, so that its spacing is one the network knows.

    Voxels, and with them the reach of the coarser levels, are metres; neighbourhoods are counts. In sparse clouds the
    two drift apart: several levels hold the same points and none reaches beyond them. Training crops are shrunk alike.

    Args:
        xyz: (n, 3) metres.
        config: `spacing` and `least`.

    Returns:
        `config.least` to 1, in steps of a tenth: a few points more or less must not move every voxel.
    """
    if len(xyz) <= _NEIGHBOURS:
        return 1.0
    return float(np.clip(np.round(config.spacing / max(spacing(xyz), 1e-6), 1), config.least, 1.0))
