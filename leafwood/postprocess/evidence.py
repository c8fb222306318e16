"""Scan-wise evidence: what the returns of one scan say of leaf and wood, learnt from the scan itself.

A pulse that meets a stem ends there, and one that meets leaves goes on. How far single and last returns are commoner on
wood depends on beam width, pulse length and the number of returns an instrument records, which no training covers. Each
scan shows it, however: its own confident labels say how often they occur around wood and around leaves. A small
logistic regression on the shares of single and of last returns around each point, at several scales, is fitted to
them, and a part of its log odds is added to those of the network.

The scan is cut into blocks of four kinds, like a chessboard of four colours, and the blocks of one kind are scored by
the fit to the other three: no point confirms itself or its neighbours (cross-fitting). Where a scan cannot teach it
there is no effect: no returns known, or too few confident points of either class, as in bare or in leaf all over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import bounds
from leafwood.graph.build import Graph
from leafwood.graph.config import GraphConfig
from leafwood.graph.features import RETURN_NAMES
from leafwood.postprocess.logistic import fit_logistic

__all__ = [
    "Confident",
    "ScanEvidence",
    "confident_points",
    "draw_lots",
    "fit_evidence",
    "return_shares",
    "spatial_folds",
]

Floats = NDArray[np.float64]
Lots = NDArray[np.uint32]
Ints = NDArray[np.integer[Any]]

WEIGHT = 0.2  # of the log odds; chosen by pipelines/choose_evidence.py on stands under other instruments
_SURE = 0.9  # probability of its label from which a point is confident
_FEWEST, _RAREST = 200, 0.005  # confident points of a class in every three kinds of blocks, and their share
_SAMPLE = 1_000  # confident points of a class and kind of block that are looked at
_KINDS = 4
_GROUPS = [(kind, wood) for kind in range(_KINDS) for wood in (0, 1)]
_BLOCKS, _SMALLEST = 8, 1.0  # blocks along the longer side of a scan, metres that a block measures at least
_MOST = 4.0  # log odds beyond which evidence does not go
_PENALTY = 1.0
_GRID = 1000.0  # per metre: places that are the same in millimetres are drawn alike


def return_shares(graph: Graph, config: GraphConfig) -> NDArray[np.float16] | None:
    """Shares of single and of last returns around each finest voxel.

    They are the means over the neighbouring voxels that the network reads too, at every level but the finest, so that
    they cost nothing: with voxels of 6 cm, neighbourhoods of about 0.3 m to some metres.

    Args:
        graph: from :func:`~leafwood.graph.build.build_graph`.
        config: of the graph.

    Returns:
        (m, 2 * (levels - 1)) for the m finest voxels, or None where the network does not read returns.
    """
    if "returns" not in config.features:
        return None
    single, last = (RETURN_NAMES.index(name) for name in ("single_return", "last_return"))
    if config.n_levels == 1:
        return None
    found = np.zeros((len(graph[f"x{config.n_levels - 1}"]), 0), dtype=np.float16)
    for level in reversed(range(1, config.n_levels)):
        returns = graph[f"x{level}"][:, config.columns("returns", level)]
        found = np.concatenate([returns[:, [single, last]].astype(np.float16), found], axis=1)
        found = found[graph[f"parent{level - 1}"]]  # rows of few voxels first, then of ever more
    return found


def spatial_folds(xyz: NDArray[np.floating[Any]], extent: tuple[Floats, Floats] | None = None) -> NDArray[np.uint8]:
    """Kind of block (n,), 0 to 3, that each point (n, 3) lies in; neighbouring blocks are of different kinds.

    Args:
        xyz: (n, 3) metres.
        extent: lower and upper plan corner (2,) of the scan whose part the points are; their own when None.
    """
    if not len(xyz):
        return np.zeros(0, dtype=np.uint8)
    low, high = extent or bounds(xyz)
    size = max(float((high - low)[:2].max()) / _BLOCKS, _SMALLEST)
    x, y = (np.floor((xyz[:, i] - low[i]) / np.float32(size)).astype(np.int32) & 1 for i in range(2))
    return np.asarray(2 * x + y, dtype=np.uint8)


class Confident(NamedTuple):
    """A sample of a scan's confident points; samples of the parts of a scan can be joined.

    Attributes:
        shares: (s, c) of single and last returns around each.
        wood: (s,) what the network is sure of.
        fold: (s,) kind of the block that each lies in.
        lots: (s,) numbers by which they were drawn, the lowest first.
        of: (4, 2) confident leaf and wood points in each kind of block, sampled or not.
    """

    shares: Floats
    wood: NDArray[np.bool_]
    fold: Ints
    lots: Lots
    of: Ints

    def joined(self, other: Confident) -> Confident:
        """The sample of both parts: that which would be drawn from all their points."""
        shares = np.concatenate([self.shares, other.shares])
        wood = np.concatenate([self.wood, other.wood])
        fold = np.concatenate([self.fold, other.fold])
        lots = np.concatenate([self.lots, other.lots])
        kept = np.sort(np.concatenate([_drawn(lots, (fold == k) & (wood == w)) for k, w in _GROUPS]))
        return Confident(shares[kept], wood[kept], fold[kept], lots[kept], self.of + other.of)


def confident_points(prob: NDArray[np.float32], shares: NDArray[np.float16], fold: Ints, lots: Lots) -> Confident:
    """Draw from a scan's confident points, as many of each class from each kind of block.

    Args:
        prob: (n,) P(wood) where leaf and wood are equally common.
        shares: (n, c) from :func:`return_shares`.
        fold: (n,) from :func:`spatial_folds`.
        lots: (n,) from :func:`draw_lots`.
    """
    sure = (prob < 1 - _SURE, prob > _SURE)
    groups = [(fold == kind) & sure[wood] for kind, wood in _GROUPS]
    of = np.array([np.count_nonzero(group) for group in groups]).reshape(_KINDS, 2)
    chosen = np.sort(np.concatenate([_drawn(lots, group) for group in groups]))
    return Confident(shares[chosen].astype(np.float64), prob[chosen] > 0.5, fold[chosen], lots[chosen], of)


def _drawn(lots: Lots, group: NDArray[np.bool_]) -> Ints:
    """Positions of those of a group (n,) with the lowest lots."""
    found = np.flatnonzero(group)
    if len(found) > _SAMPLE:
        found = found[np.argpartition(lots[found], _SAMPLE)[:_SAMPLE]]
    return found


def draw_lots(xyz: NDArray[np.floating[Any]]) -> Lots:
    """Numbers (n,) that look random and depend on places (n, 3) in whole millimetres, and on no order of the points."""
    x, y, z = np.rint(xyz.astype(np.float64).T * _GRID).astype(np.int64).astype(np.uint64)
    mixed = x * np.uint64(0x9E3779B97F4A7C15) ^ y * np.uint64(0xC2B2AE3D27D4EB4F) ^ z * np.uint64(0x165667B19E3779F9)
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    return np.asarray((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(32), dtype=np.uint32)


@dataclass(frozen=True, eq=False)
class ScanEvidence:
    """What the returns of a scan say of it.

    Attributes:
        coefficients: (4, 1 + c) of the logistic regression that scores each kind of block, the constant first.
    """

    coefficients: Floats

    def log_odds(self, shares: NDArray[np.float16], fold: Ints) -> NDArray[np.float32]:
        """Log odds of wood (n,) by the shares (n, c) of single and last returns and the kind of block (n,)."""
        constant, slopes = self.coefficients[:, 0].astype(np.float32), self.coefficients[:, 1:].astype(np.float32)
        by_kind = shares.astype(np.float32) @ slopes.T  # three too many for each point take less time than picking rows
        found = np.take_along_axis(by_kind, fold[:, None], axis=1)[:, 0] + constant[fold]
        return np.clip(found, -_MOST, _MOST)


def fit_evidence(sample: Confident) -> ScanEvidence | None:
    """Fit the regression for each kind of block to the other three, leaf and wood weighing the same.

    Returns:
        What was learnt, or None where either class has too few confident points in any three kinds of blocks.
    """
    without = sample.of.sum(axis=0) - sample.of
    if (without.min(axis=1) < np.maximum(_FEWEST, _RAREST * without.sum(axis=1))).any():
        return None
    columns = np.column_stack([np.ones(len(sample.wood)), sample.shares])
    found = []
    for kind in range(_KINDS):
        other = sample.fold != kind
        wood = sample.wood[other]
        weight = np.where(wood, 0.5 / wood.sum(), 0.5 / (~wood).sum())
        found.append(fit_logistic(columns[other], wood, weight, penalty=_PENALTY))
    return ScanEvidence(np.array(found))
