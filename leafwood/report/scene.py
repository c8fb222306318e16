"""A cloud packed for the 3D view of a page: coordinates in 16 bits, everything else in a byte per point."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import OUT_WOOD
from leafwood.cloud import PointCloud
from leafwood.report.colouring import Colouring
from leafwood.report.thin import thin_for_view
from leafwood.spatial.neighbours import nearest

__all__ = ["MOST", "Scene", "pack_scene"]

MOST = 800_000  # points that a view shows
_STEPS = 65_535
_PROBES = 2_000  # points at which the spacing is measured


@dataclass(frozen=True)
class Scene:
    """What a page carries of a cloud.

    Attributes:
        header: what the viewer has to know, ready for JSON.
        points: base64 of the packed columns.
        shown: points in it.
        total: points of the cloud.
    """

    header: dict[str, Any]
    points: str
    shown: int
    total: int


def pack_scene(
    cloud: PointCloud,
    height: NDArray[np.floating[Any]],
    kinds: NDArray[np.integer[Any]],
    names: Sequence[tuple[int, str]],
    colourings: Iterable[Colouring],
    *,
    first: int = OUT_WOOD,
    most: int = MOST,
) -> Scene:
    """Pack a cloud.

    Points more than 50 km from the others are left out.

    Args:
        cloud: n points, n > 0.
        height: (n,) m, finite.
        kinds: (n,) codes 0 to 3 that a reader can switch off.
        names: code and name of each kind.
        colourings: what to colour by, the first one at the start.
        first: the kind that is kept where not all points fit.
        most: points to show; see :func:`~leafwood.report.thin.thin_for_view`.
    """
    near = np.flatnonzero(~cloud.strays())
    chosen = near[thin_for_view(cloud.xyz[near], kinds[near], most, first=first)]
    xyz = cloud.xyz[chosen].astype(np.float64)
    corner = xyz.min(axis=0)
    cell = np.maximum(np.ptp(xyz, axis=0), 0.01) / _STEPS
    low, high = float(height[chosen].min()), float(height[chosen].max())
    level = np.rint(255 * (height[chosen] - low) / max(high - low, 1e-6))
    columns = {"kind": kinds[chosen], "level": level}
    modes = []
    for number, colouring in enumerate(colourings):
        columns[f"c{number}"] = colouring.values[chosen]
        modes.append(colouring.header(f"c{number}"))
    header = {
        "shown": len(chosen),
        "total": len(cloud),
        "cell": cell.tolist(),
        "corner": corner.tolist(),
        "origin": cloud.origin.tolist(),
        "unit": [cloud.unit[0], cloud.unit[0], cloud.unit[1]],
        "level": {"low": low, "high": high},
        "spacing": _spacing(cloud.xyz[chosen]),
        "frame": _frame(xyz - corner),
        "kinds": [{"code": code, "name": name} for code, name in names if (kinds == code).any()],
        "columns": list(columns),
        "modes": modes,
    }
    quantised = np.rint((xyz - corner) / cell).astype(np.uint16)
    return Scene(header, _pack(quantised, list(columns.values())), len(chosen), len(cloud))


def _pack(xyz: NDArray[np.uint16], columns: list[NDArray[Any]]) -> str:
    """Differences from point to point, low bytes before high ones, then the columns: they compress well that way."""
    parts = []
    for axis in range(3):
        steps = np.diff(xyz[:, axis], prepend=np.uint16(0))  # modulo 65536
        parts += [(steps & 255).astype(np.uint8).tobytes(), (steps >> 8).astype(np.uint8).tobytes()]
    parts += [column.astype(np.uint8).tobytes() for column in columns]
    return base64.b64encode(zlib.compress(b"".join(parts), 6)).decode("ascii")


def _spacing(xyz: NDArray[np.float32]) -> float:
    """Median distance to the fourth neighbour, m: points of that size close a surface and hide nothing else."""
    probes = xyz[:: max(1, len(xyz) // _PROBES)]
    _, distance = nearest(xyz, 5, probes)
    return float(np.clip(np.median(distance[:, 4]), 0.005, 2.0))


def _frame(xyz: NDArray[np.float64]) -> dict[str, Any]:
    """Where to look at the start: at the middle of the cloud, few points far outside apart."""
    low, high = np.quantile(xyz, [0.005, 0.995], axis=0)
    radius = max(float(np.linalg.norm(high - low)) / 2, 0.25)
    centre = (low + high) / 2
    reach = max(float(np.linalg.norm(xyz - centre, axis=1).max()), radius)
    return {"centre": centre.tolist(), "half": ((high - low) / 2).tolist(), "radius": radius, "reach": reach}
