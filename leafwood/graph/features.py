"""Local geometry of a cloud at several scales: what wood and leaf look like to a network or a classifier.

Eigen-features of the k nearest neighbours (Demantké et al. 2011; Weinmann et al. 2015), as pgeof computes them: they
are ratios of the neighbourhood's principal axes, so they do not change when the whole cloud is made denser or scaled.
The spacing that was divided out comes back on its own, as logarithms of neighbour distances.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EIGEN_NAMES",
    "HEIGHT_NAMES",
    "RETURN_NAMES",
    "eigen_features",
    "height_features",
    "return_features",
    "spacing_features",
]

EIGEN_NAMES = ("linearity", "planarity", "scattering", "verticality", "normal_z")
HEIGHT_NAMES = ("known", "height", "near_ground")
RETURN_NAMES = ("known", "single", "last", "number", "of")
_RETURNS = 4  # what comes after the fourth is as the fourth: instruments differ in how many they record
_PGEOF_COLUMNS = [0, 1, 2, 3, 6]


def eigen_features(
    xyz: NDArray[np.float32], neighbours: NDArray[np.int32], scales: tuple[int, ...]
) -> NDArray[np.float32]:
    """Eigen-features over the first k of each point's neighbours.

    Args:
        xyz: (n, 3) metres.
        neighbours: (n, K) positions, nearest first, K >= max(scales).
        scales: neighbour counts k.

    Returns:
        (n, 5 * len(scales)) float32 in 0..1, per scale: linearity, planarity, scattering, verticality of the
        principal axes, |z| of the normal.
    """
    import pgeof

    n, width = neighbours.shape
    pointers = np.arange(n + 1, dtype=np.uint32) * np.uint32(width)
    raw = pgeof.compute_features_multiscale(
        np.ascontiguousarray(xyz), neighbours.ravel().view(np.uint32), pointers, list(scales)
    )
    chosen = np.abs(np.nan_to_num(np.asarray(raw).reshape(n, len(scales), -1)[:, :, _PGEOF_COLUMNS]))
    return np.clip(chosen, 0.0, 1.0).reshape(n, -1).astype(np.float32)


def spacing_features(distance: NDArray[np.float32], ranks: tuple[int, ...]) -> NDArray[np.float32]:
    """Logarithm of the distance to the given neighbours, over 0.1 m.

    Args:
        distance: (n, K) metres, nearest first.
        ranks: columns of `distance`.

    Returns:
        (n, len(ranks)) float32, about -3..3.
    """
    return np.log(np.maximum(distance[:, list(ranks)], 1e-3) / 0.1).astype(np.float32)


def height_features(height: NDArray[np.float32]) -> NDArray[np.float32]:
    """Height above ground as a network sees it; all zero where it is not known (NaN).

    Args:
        height: (n,) metres, NaN where unknown.

    Returns:
        (n, 3) float32: 1 where known, height / 20 m, and exp(-height / 0.5 m), which only the lowest metre has.
    """
    known = np.isfinite(height)
    metres = np.where(known, np.clip(height, 0.0, 60.0), 0.0)
    return np.stack([known, metres / 20.0, np.exp(-metres / 0.5) * known], axis=1).astype(np.float32)


def return_features(returns: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns as a network sees them; all zero where they are not known.

    A pulse that meets a stem ends there, one that meets leaves goes on: single and last returns are commoner on wood.

    Args:
        returns: (n, 2) return number and number of returns, 0 where unknown.

    Returns:
        (n, 5) float32 in 0..1: 1 where known, 1 for the only return of a pulse, 1 for its last, the return number and
        the number of returns, up to the fourth.
    """
    number, of = returns.T
    known = (number > 0) & (number <= of)
    steps = (np.minimum(returns, _RETURNS) - 1.0) / (_RETURNS - 1)
    table = np.column_stack([known, of == 1, number == of, steps])
    return np.asarray(table * known[:, None], dtype=np.float32)
