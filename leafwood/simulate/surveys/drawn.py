"""Labelled scans of drawn stands: an instrument and its way over the stand are drawn too, and the file is written.

The same seed gives the same scan. Coordinates are those of the stand, in metres; a file of seed s has its corner in
UTM zone 33 N, 100 m east of that of seed s - 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import GROUND, Part
from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig
from leafwood.simulate.scanners.instruments import INSTRUMENTS, Instrument, instrument
from leafwood.simulate.scanners.platform import Box, Flight
from leafwood.simulate.scanners.scanner import scan
from leafwood.simulate.scanners.terrestrial import Tripods
from leafwood.simulate.stands.draws import Draw
from leafwood.simulate.stands.stand import Stand, grow_stand
from leafwood.simulate.surveys.deliver import write_scan
from leafwood.simulate.trees.surfels import plant_surfels

__all__ = ["draw_platform", "redrawn", "scan_drawn", "scan_stand", "scan_surfaces", "write_drawn"]

_T = TypeVar("_T")
_DRONES = ("minivux", "vux1", "vux120", "dji-l1", "dji-l2", "puck")
_TRIPODS = "vz400"
_SURFACE_POINTS = (400_000, 1_600_000)  # of a stand whose surfaces are sampled
_SURFACE_NOISE = (0.002, 0.008)  # m


def redrawn(attempt: Callable[[], _T]) -> _T:
    """What `attempt` gives, called again while it draws what cannot be.

    Crowns may be unable to carry the leaf area drawn, and an instrument to reach the density drawn.
    """
    while True:
        try:
            return attempt()
        except BadConfig:
            continue


def draw_platform(rng: np.random.Generator, terrestrial: float) -> tuple[str, Flight | Tripods]:
    """The name of an instrument and what carries it.

    Args:
        rng: what decides.
        terrestrial: probability of tripods; a drone otherwise.
    """
    if rng.random() < terrestrial:
        stations = int(rng.integers(1, 9))
        return _TRIPODS, Tripods(stations=stations, step=float(np.sqrt(72_000 * stations / rng.uniform(2e6, 8e6))))
    flight = Flight(
        altitude=rng.uniform(40, 110),
        spacing=rng.uniform(20, 50),
        headings=(0.0, 90.0) if rng.random() < 0.6 else (rng.uniform(0, 180),),
        max_scan_angle=rng.uniform(25, 50),
        density=float(np.exp(rng.uniform(np.log(200), np.log(2000)))),
    )
    return str(rng.choice(_DRONES)), flight


def scan_stand(stand: Stand, device: Instrument | str, platform: Flight | Tripods, seed: int) -> PointCloud:
    """The whole plot as an instrument sees it.

    Args:
        stand: what is scanned.
        device: the instrument, or its name.
        platform: what carries it.
        seed: seed of the scan.

    Raises:
        BadConfig: no such instrument, or one that cannot reach the density asked for.
    """
    z = stand.mesh.vertices[:, 2]
    box = Box((0.0, 0.0, float(z.min()) - 1), (stand.size, stand.size, float(z.max()) + 1))
    device = instrument(device) if isinstance(device, str) else device
    return scan(stand.mesh, device, platform, box, stand.ground_height, seed=seed)


def scan_drawn(
    seed: int,
    size: float,
    draw: Draw,
    *,
    terrestrial: float = 0.0,
    trees: tuple[Path, ...] = (),
    devices: Sequence[Instrument] = (),
) -> PointCloud:
    """Grow and scan one stand.

    Args:
        seed: seed of everything that is drawn.
        size: side of the plot, m.
        draw: gives the stand's configuration.
        terrestrial: probability that it is scanned from tripods rather than by a drone.
        trees: labelled clouds of real trees that are planted in place of grown ones.
        devices: instruments in place of those that are drawn, taken in turn by the seed.

    Returns:
        The labelled points, in stand coordinates.
    """
    rng = np.random.default_rng(seed)

    def attempt() -> PointCloud:
        config = draw(rng, size)
        stand = plant_surfels(config, trees, seed) if trees else grow_stand(config, seed)
        name, platform = draw_platform(rng, terrestrial)
        device = devices[seed % len(devices)] if devices else INSTRUMENTS[name]
        return scan_stand(stand, device, platform, seed)

    return redrawn(attempt)


def scan_surfaces(seed: int, size: float, draw: Draw) -> PointCloud:
    """Grow a stand and sample its surfaces evenly, as a dozen tripods would in calm air.

    Args:
        seed: seed of everything that is drawn.
        size: side of the plot, m.
        draw: gives the stand's configuration.

    Returns:
        The labelled points, a few millimetres off the surfaces, each the only return of its pulse.
    """
    rng = np.random.default_rng(seed)
    stand = redrawn(lambda: grow_stand(draw(rng, size), seed))
    xyz, triangle = stand.mesh.sample_surface((0.0, size), int(rng.uniform(*_SURFACE_POINTS)), rng)
    part, tree = stand.mesh.part[triangle], stand.mesh.tree[triangle]
    xyz = xyz + rng.normal(0, rng.uniform(*_SURFACE_NOISE), xyz.shape)
    n = len(xyz)
    one, wood = np.ones(n, dtype=np.uint16), np.array([p.is_wood for p in Part])[part]
    columns: dict[str, NDArray[Any]] = {
        name: one for name in ("return_number", "number_of_returns", "point_source_id", "intensity")
    }
    columns |= {"scan_angle": 0 * one, "gps_time": np.arange(n) * 1e-5}
    columns |= {"classification": np.where(part == Part.GROUND, GROUND, 1).astype(np.uint8)}
    columns |= {"gt_wood": wood.astype(np.uint16), "gt_wood_share": wood.astype(np.float32)}
    columns |= {"gt_part": part.astype(np.uint16), "gt_tree": tree.astype(np.uint16)}
    return PointCloud.from_xyz(xyz, columns)


def write_drawn(cloud: PointCloud, path: Path, seed: int = 0) -> None:
    """Write a scan as LAZ with its truth; its corner follows from the seed, so that stands do not overlap."""
    write_scan(cloud, path, corner=(500_000.0 + 100 * (seed % 1000), 5_400_000.0, 300.0))
