"""Shape of a voxel's neighbourhood: eigen-features at several scales.

Eigen-features of the k nearest neighbours (Demantké et al. 2011; Weinmann et al. 2015), as pgeof computes them, are
ratios of the neighbourhood's principal axes, so they do not change when the whole cloud is made denser or scaled. The
spacing that is divided out comes back in a group of its own (:mod:`leafwood.graph.features.spacing`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leafwood.graph.features.base import FeatureGroup, Nodes
from leafwood.kernels import compiled

__all__ = ["EIGEN_NAMES", "EigenFeatures", "eigen_features"]

EIGEN_NAMES = ("linearity", "planarity", "scattering", "verticality", "normal_z")
_PGEOF_COLUMNS = [0, 1, 2, 3, 6]


class EigenFeatures(FeatureGroup):
    """Five eigen-features of each scale."""

    name = "eigen"

    def columns(self, scales: tuple[int, ...]) -> tuple[str, ...]:
        """Names such as ``linearity@10``."""
        return tuple(f"{name}@{scale}" for scale in scales for name in EIGEN_NAMES)

    def of_nodes(self, nodes: Nodes) -> NDArray[np.float32]:
        """See :func:`eigen_features`."""
        return eigen_features(nodes.xyz, nodes.neighbours, nodes.scales, nodes.threads)


def eigen_features(
    xyz: NDArray[np.float32], neighbours: NDArray[np.int32], scales: tuple[int, ...], threads: int = 1
) -> NDArray[np.float32]:
    """Eigen-features over the first k of each point's neighbours.

    Args:
        xyz: (n, 3) metres.
        neighbours: (m, K) positions of the neighbours of m places, nearest first, K >= max(scales).
        scales: neighbour counts k, ascending.
        threads: that work on it; pgeof, without the compiled kernel, takes all that there are.

    Returns:
        (m, 5 * len(scales)) float32 in 0..1, per scale: linearity, planarity, scattering, verticality of the
        principal axes, |z| of the normal.
    """
    if kernels := compiled():
        places, links = np.ascontiguousarray(xyz), np.ascontiguousarray(neighbours)
        return np.asarray(kernels.eigen_features(places, links, list(scales), threads))
    import pgeof

    n, width = neighbours.shape
    pointers = np.arange(n + 1, dtype=np.uint32) * np.uint32(width)
    raw = pgeof.compute_features_multiscale(
        np.ascontiguousarray(xyz), neighbours.ravel().view(np.uint32), pointers, list(scales)
    )
    chosen = np.abs(np.nan_to_num(np.asarray(raw).reshape(n, len(scales), -1)[:, :, _PGEOF_COLUMNS]))
    return np.clip(chosen, 0.0, 1.0).reshape(n, -1).astype(np.float32)
