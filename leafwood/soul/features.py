"""The twelve geometric features of SOUL: four descriptors of the points within three radii.

Bai et al. (NeurIPS 2023, arXiv 2305.16963). With l1 >= l2 >= l3 the eigenvalues of the neighbourhood's covariance and
e3 the direction of the least: l1 / (l1 + l2 + l3), (l1 - l2) / l1, l3 / l1, 1 - |e3 . z|.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.spatial.neighbours import nearest
from leafwood.spatial.order import morton_codes, voxel_cells

__all__ = ["DESCRIPTORS", "N_FEATURES", "RADII", "soul_features"]

RADII = (0.3, 0.6, 0.9)
DESCRIPTORS = ("pca1", "linearity", "sphericity", "verticality")
N_FEATURES = len(RADII) * len(DESCRIPTORS)

_FEWEST = 3  # points that span a plane, so that one direction has the least variance
_STEADIED = 1e-3  # pgeof adds this to the longest axis before it divides by it
_ORDER = 0.05  # m, voxels of the order in which neighbours are searched
_MOST = 100_000  # neighbours: no limit in practice, but pgeof wants one


def soul_features(
    xyz: NDArray[np.floating[Any]], radii: tuple[float, ...] = RADII, fewest: int = _FEWEST
) -> NDArray[np.float32]:
    """Describe the surroundings of every point.

    Args:
        xyz: (n, 3) metres.
        radii: radii of the neighbourhoods, metres.
        fewest: points (itself included) that a point needs within the smallest radius. Two points span a line and no
            plane, so that their verticality is any; the released code keeps them all the same.

    Returns:
        (n, 4 * len(radii)) float32: for each radius PCA1, linearity, sphericity, verticality, all in 0..1. A point with
        fewer points than `fewest` within the smallest radius is NaN throughout: it has no shape.
    """
    if len(xyz) < fewest:
        return np.full((len(xyz), len(radii) * len(DESCRIPTORS)), np.nan, dtype=np.float32)
    local = np.asarray(xyz, dtype=np.float64) - np.min(xyz, axis=0)
    order = np.argsort(morton_codes(voxel_cells(local, _ORDER)), kind="stable")
    points = np.ascontiguousarray(local[order])
    found = np.concatenate([_descriptors(points, radius) for radius in radii], axis=1)
    _, distance = nearest(points.astype(np.float32), fewest)
    lonely = (distance[:, fewest - 1] > min(radii)) | ~np.isfinite(found).all(axis=1)
    found[lonely] = np.nan
    out = np.empty(found.shape, dtype=np.float32)
    out[order] = found
    return out


def _descriptors(points: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """The four descriptors (n, 4) within one radius; NaN where all points are at one place."""
    import pgeof

    wanted = [getattr(pgeof.EFeatureID, name) for name in ("Length", "Linearity", "Scattering", "Verticality")]
    longest, linearity, scattering, verticality = pgeof.compute_features_selected(points, radius, _MOST, wanted).T
    # pgeof divides axis lengths, the roots of the eigenvalues, by the longest one plus a small number.
    middle = longest - linearity * (longest + _STEADIED)
    shortest = scattering * (longest + _STEADIED)
    l1, l2, l3 = longest**2, middle**2, shortest**2
    with np.errstate(invalid="ignore"):
        shape = np.stack([l1 / (l1 + l2 + l3), (l1 - l2) / l1, l3 / l1, verticality], axis=1)
    return np.clip(shape, 0.0, 1.0)
