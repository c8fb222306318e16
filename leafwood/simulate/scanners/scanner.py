"""A virtual laser scan of a labelled mesh: platform, instrument and beam put together into a point cloud."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import GROUND, Part
from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud
from leafwood.simulate.mesh import LabelledMesh
from leafwood.simulate.scanners.beam import Caster, Echoes
from leafwood.simulate.scanners.instruments import Instrument
from leafwood.simulate.scanners.platform import Box, Flight, GroundHeight, Pace, Pulses
from leafwood.simulate.scanners.terrestrial import Tripods, Walk

__all__ = ["Platform", "ScanSettings", "scan"]

Platform = Flight | Tripods | Walk
# Share of the nominal pulses flown first to learn how many points a stand returns.
_TRIAL = 0.04
# LAS scan angles are multiples of 0.006 degrees.
_ANGLE_STEP = 0.006
# Apparent reflectance of 1 at the reference distance of 50 m; leaves room for bright targets close by.
_FULL_INTENSITY = 40_000 * 50.0**2


@dataclass(frozen=True)
class ScanSettings:
    """How carefully a scan is simulated, and what a delivered file would hold.

    Attributes:
        rays: sub-rays per pulse.
        classify_ground: write ASPRS class 2 on ground returns, as a delivered file has it; otherwise all are 1.
        noise: False leaves out range, pointing and position noise.
    """

    rays: int = 7
    classify_ground: bool = True
    noise: bool = True


def scan(
    mesh: LabelledMesh,
    instrument: Instrument,
    platform: Platform,
    plot: Box,
    ground: GroundHeight,
    *,
    seed: int,
    settings: ScanSettings | None = None,
    progress: Callable[[float], None] = lambda share: None,
    threads: int = 0,
) -> PointCloud:
    """Scan a mesh.

    Args:
        mesh: everything that can be hit, in local metres.
        instrument: what scans.
        platform: what carries it.
        plot: points outside its footprint are not delivered.
        ground: its height (n,) at positions (n, 2), m, above which the platform keeps its altitude.
        seed: seed of lines, footprints and noise; the same seed gives the same cloud.
        settings: see :class:`ScanSettings`.
        progress: told the share done, 0..1, now and then.
        threads: threads of the ray casting, 0 for all processors; no influence on the result.

    Returns:
        Points in order of time. Columns: ``return_number``, ``number_of_returns``, ``scan_angle`` (steps of 0.006°),
        ``gps_time`` (seconds since the survey began), ``point_source_id`` (line), ``intensity``, ``classification``,
        and the truth: ``gt_wood`` (1 wood, 0 all else; ground is known by ``gt_part``), ``gt_part`` (a
        :class:`~leafwood.classes.Part`), ``gt_tree``, ``gt_wood_share`` (0..1 of the echo's energy).

    Raises:
        BadConfig: the platform cannot do what is asked.
        BadCloud: nothing was hit.
    """
    settings = settings or ScanSettings()
    caster = Caster(mesh, instrument, rays=settings.rays, threads=threads)
    flown = _Recorder(caster, instrument, plot, platform.drift, settings, seed)
    if isinstance(platform, Flight):
        pace = platform.pace(instrument)
        if platform.density is not None:
            trial = _Recorder(caster, instrument, plot, platform.drift, settings, seed)
            slow = Pace(pace.speed / np.sqrt(_TRIAL), pace.pulse_rate * np.sqrt(_TRIAL))
            for pulses in platform.pulses(instrument, plot, ground, slow, np.random.default_rng(seed)):
                trial.record(pulses)
            if not trial.count:
                raise BadCloud("the scan hit nothing: is the stand empty, or out of the instrument's reach?")
            pace = platform.pace(instrument, platform.density * plot.area * _TRIAL / trial.count)
            progress(0.05)
        batches = platform.pulses(instrument, plot, ground, pace, np.random.default_rng(seed))
    else:
        batches = platform.pulses(instrument, plot, ground, np.random.default_rng(seed))
    for pulses in batches:
        flown.record(pulses)
        if isinstance(platform, Flight) and platform.density is not None:
            progress(min(0.99, 0.05 + 0.95 * flown.count / (platform.density * plot.area)))
    if not flown.count:
        raise BadCloud("the scan hit nothing: is the stand empty, or out of the instrument's reach?")
    progress(1.0)
    return flown.cloud()


class _Recorder:
    """Turns echoes into points, batch by batch."""

    def __init__(
        self,
        caster: Caster,
        instrument: Instrument,
        plot: Box,
        drift: tuple[float, float],
        settings: ScanSettings,
        seed: int,
    ) -> None:
        self._caster = caster
        self._instrument = instrument
        self._plot = plot
        self._drift = drift
        self._settings = settings
        self._seed = seed
        self._rng = np.random.default_rng([seed, 1])
        self._xyz: list[NDArray[np.float64]] = []
        self._columns: list[dict[str, NDArray[np.generic]]] = []
        self.count = 0

    def record(self, pulses: Pulses) -> None:
        """Fire a batch and keep the points that fall on the plot."""
        echoes = self._caster.cast(pulses.origin, pulses.direction, pulses.forward, self._rng)
        xyz = self._points(pulses, echoes)
        lower, upper = np.array(self._plot.lower[:2]), np.array(self._plot.upper[:2])
        inside = np.all((xyz[:, :2] >= lower) & (xyz[:, :2] < upper), axis=1)
        self._xyz.append(xyz[inside])
        self._columns.append({name: column[inside] for name, column in self._attributes(pulses, echoes).items()})
        self.count += int(inside.sum())

    def _points(self, pulses: Pulses, echoes: Echoes) -> NDArray[np.float64]:
        """Places (n, 3) of the echoes as the scanner computes them, with errors of its pointing, range and position."""
        direction = pulses.direction
        distance = echoes.distance
        offset = np.zeros(3)
        if self._settings.noise:
            sigma = np.radians(self._instrument.angle_noise)
            # The echoes of a pulse share its pointing, so there is one error per pulse, square to the beam.
            lean = self._rng.normal(0, sigma, direction.shape)
            direction = direction + lean - np.einsum("pk,pk->p", lean, direction)[:, None] * direction
            distance = distance + self._rng.normal(0, self._instrument.range_noise, len(distance))
            line = np.random.default_rng([self._seed, 2, pulses.line])
            offset = line.normal(0, 1, 3) * np.array([self._drift[0], self._drift[0], self._drift[1]])
        at = echoes.pulse
        return np.asarray(pulses.origin[at] + offset + distance[:, None] * direction[at])

    def _attributes(self, pulses: Pulses, echoes: Echoes) -> dict[str, NDArray[np.generic]]:
        count = len(echoes.pulse)
        intensity = np.clip(np.rint(echoes.power * _FULL_INTENSITY), 0, 65535).astype(np.uint16)
        on_ground = (echoes.part == Part.GROUND) & self._settings.classify_ground
        return {
            "return_number": echoes.number,
            "number_of_returns": echoes.total,
            "scan_angle": np.rint(pulses.angle[echoes.pulse] / _ANGLE_STEP).astype(np.int16),
            "gps_time": pulses.time[echoes.pulse],
            "point_source_id": np.full(count, pulses.line, dtype=np.uint16),
            "intensity": intensity,
            "classification": np.where(on_ground, GROUND, 1).astype(np.uint8),
            "gt_wood": (echoes.wood_share > 0.5).astype(np.uint16),
            "gt_part": echoes.part.astype(np.uint16),
            "gt_tree": np.minimum(echoes.tree, 65535).astype(np.uint16),
            "gt_wood_share": echoes.wood_share.astype(np.float32),
        }

    def cloud(self) -> PointCloud:
        """Everything recorded, in order of time."""
        xyz = np.concatenate(self._xyz)
        columns = {name: np.concatenate([part[name] for part in self._columns]) for name in self._columns[0]}
        order = np.lexsort((columns["return_number"], columns["gps_time"]))
        return PointCloud.from_xyz(xyz[order], {name: column[order] for name, column in columns.items()})
