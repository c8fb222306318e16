"""Labelled scans made sparser, to see how labels hold up: downwards, by whole pulses, or to a spacing of points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig
from leafwood.graph.scale import spacing

__all__ = ["thin_downward", "thin_pulses", "thin_to_spacing"]

_FEWEST = 500  # points that a thinned cloud must have for its scores to mean something


def thin_downward(cloud: PointCloud, share: float, seed: int = 0) -> PointCloud:
    """Thin a cloud to a share of its points, more at the bottom than at the top, as a canopy thins a UAV scan.

    The kept share falls linearly to a quarter of its top value at the lowest point.

    Args:
        cloud: n points.
        share: expected share of points kept, 0..1.
        seed: seed of the draw.

    Raises:
        BadConfig: a share outside 0..1.
    """
    if not 0 < share <= 1:
        raise BadConfig(f"the share to thin to must lie between 0 and 1, not {share}")
    z = cloud.xyz[:, 2]
    keep = 0.25 + 0.75 * (z - z.min()) / max(float(np.ptp(z)), 1e-6)
    if share == 1:
        return cloud
    from scipy.optimize import brentq

    # the factor that gives the share although no point is kept more than once; at 1e3 every one is kept
    factor = brentq(lambda f: np.minimum(f * keep, 1).mean() - share, 0.0, 1e3, xtol=1e-12)
    return cloud.select(np.random.default_rng(seed).random(len(z)) < factor * keep)


def thin_pulses(cloud: PointCloud, share: float, seed: int = 0) -> PointCloud:
    """Thin a cloud to a share of its pulses: the returns of a pulse, which have the same GPS time, stay or go together.

    Args:
        cloud: n points with ``gps_time``.
        share: expected share of pulses kept, 0..1.
        seed: seed of the draw.
    """
    pulses, pulse = np.unique(cloud.columns["gps_time"], return_inverse=True)
    return cloud.select((np.random.default_rng(seed).random(len(pulses)) < share)[pulse])


def thin_to_spacing(xyz: NDArray[np.float32], wanted: float, seed: int = 0) -> NDArray[np.int64] | None:
    """Points (m,) to keep, drawn at random, so that a cloud has a spacing as of :func:`leafwood.graph.scale.spacing`.

    Args:
        xyz: (n, 3) m.
        wanted: spacing, m; met within about a hundredth of the points.
        seed: seed of the draw.

    Returns:
        Sorted positions, or None where the cloud is sparser than that, or hardly 500 points would be left.
    """
    if spacing(xyz) > wanted:
        return None
    order = np.random.default_rng(seed).permutation(len(xyz))
    low, high = _FEWEST, len(xyz)
    while high - low > max(1, high // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if spacing(xyz[order[:middle]]) <= wanted else (middle, high)
    return None if high <= _FEWEST * 1.01 else np.sort(order[:high])
