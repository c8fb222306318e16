"""What carries the scanner through the air: a drone on parallel and crossing lines.

A platform turns an instrument's beam angles into pulses in stand coordinates and leaves out those that cannot meet the
plot, so that a 330-degree mirror costs no more than the wedge that is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leafwood.errors import BadConfig
from leafwood.simulate.scanners.instruments import Instrument

__all__ = ["Box", "Flight", "GroundHeight", "Pace", "Pulses", "batches", "beams"]

GroundHeight = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Ground height (n,) at positions (n, 2), m."""

_BATCH = 1 << 18
_CHUNK = 1 << 20
# Seconds between the end of one line and the start of the next.
_TURN = 20.0


@dataclass(frozen=True)
class Box:
    """An upright box, m: pulses that miss it are not fired, points outside its footprint are not delivered."""

    lower: tuple[float, float, float]
    upper: tuple[float, float, float]

    @property
    def area(self) -> float:
        """Ground area, m²."""
        return (self.upper[0] - self.lower[0]) * (self.upper[1] - self.lower[1])

    def met_by(self, origin: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which rays (n, 3) + (n, 3) pass through the box (slab method)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            near = (np.array(self.lower) - origin) / direction
            far = (np.array(self.upper) - origin) / direction
        enter = np.nanmax(np.minimum(near, far), axis=1)
        leave = np.nanmin(np.maximum(near, far), axis=1)
        return np.asarray((leave >= enter) & (leave > 0))


@dataclass(frozen=True, eq=False)
class Pulses:
    """Pulses of one line or station, in order of time.

    Attributes:
        origin: (n, 3) m.
        direction: (n, 3) unit vectors.
        forward: (3,) unit vector of the direction of flight.
        time: (n,) seconds since the survey began.
        line: number of the flight line or station, from 1.
        angle: (n,) scan angle, degrees, positive to the right.
    """

    origin: NDArray[np.float64]
    direction: NDArray[np.float64]
    forward: NDArray[np.float64]
    time: NDArray[np.float64]
    line: int
    angle: NDArray[np.float64]

    def where(self, keep: NDArray[np.bool_]) -> Pulses:
        """The pulses under a mask (n,)."""
        return Pulses(
            self.origin[keep], self.direction[keep], self.forward, self.time[keep], self.line, self.angle[keep]
        )


@dataclass(frozen=True)
class Pace:
    """How fast the platform moves, m/s, and how often the laser fires, 1/s."""

    speed: float
    pulse_rate: float


def beams(across: NDArray[np.float64], along: NDArray[np.float64], forward: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vectors (n, 3) of beams leaning `across` to the right of and `along` ahead of a level platform, radians."""
    right = np.array([forward[1], -forward[0], 0.0])
    sideways, ahead = np.sin(across) * np.cos(along), np.sin(along)
    level = sideways[:, None] * right + ahead[:, None] * forward
    level[:, 2] -= np.cos(across) * np.cos(along)
    return np.asarray(level)


@dataclass(frozen=True)
class Flight:
    """A drone on straight level lines.

    Attributes:
        altitude: above the mean ground, m.
        spacing: between neighbouring lines, m.
        offset: where the middle of the plot lies between two lines, 0 on one, 0.5 midway; None draws it.
        headings: direction of each set of lines, degrees from east against the clock; two make a crossing pattern.
        max_scan_angle: beams leaning further than this are not delivered, degrees.
        speed: m/s; slowed down or sped up where `density` is given.
        density: delivered points per m² of plot, or None to take what speed and pulse rate give.
        pulse_rate: pulses per second, or None for the instrument's highest.
        scan_rate: scan lines per second, or None for equal steps along and across.
        drift: standard deviation of each line's offset, horizontal and vertical, m.
    """

    altitude: float = 60.0
    spacing: float = 40.0
    offset: float | None = None
    headings: tuple[float, ...] = (0.0, 90.0)
    max_scan_angle: float = 45.0
    speed: float = 5.0
    density: float | None = 600.0
    pulse_rate: float | None = None
    scan_rate: float | None = None
    drift: tuple[float, float] = (0.010, 0.015)

    def __post_init__(self) -> None:
        if min(self.altitude, self.spacing, self.speed) <= 0 or not self.headings:
            raise BadConfig("a flight needs altitude, spacing and speed above 0 and at least one heading")
        if not 0 < self.max_scan_angle < 90:
            raise BadConfig(f"max_scan_angle must lie between 0 and 90 degrees, not {self.max_scan_angle}")
        if self.density is not None and self.density <= 0:
            raise BadConfig(f"density must be above 0 points per m², not {self.density}")

    def pace(self, instrument: Instrument, gain: float = 1.0) -> Pace:
        """Speed and pulse rate for `gain` times as many pulses as the nominal ones give.

        The speed gives way first, between 1.5 and 15 m/s, then the pulse rate.

        Raises:
            BadConfig: more pulses are asked for than the instrument fires.
        """
        rate = self.pulse_rate or instrument.pulse_rate[1]
        speed = float(np.clip(self.speed / gain, 1.5, 15.0))
        needed = rate * gain * speed / self.speed
        if needed > 1.01 * instrument.pulse_rate[1]:
            raise BadConfig(
                f"{instrument.name} fires {instrument.pulse_rate[1]:.0f} pulses/s, {needed:.0f} would be needed: "
                "lower the density or the altitude, or bring the lines closer"
            )
        return Pace(speed, needed)

    def pulses(
        self, instrument: Instrument, plot: Box, ground: GroundHeight, pace: Pace, rng: np.random.Generator
    ) -> Iterator[Pulses]:
        """Every pulse that can meet the plot, line by line."""
        lower, upper = np.array(plot.lower), np.array(plot.upper)
        centre, half = (lower + upper) / 2, (upper - lower) / 2
        height = self._ground_mean(plot, ground) + self.altitude
        if height < upper[2]:
            raise BadConfig(
                f"altitude {self.altitude} m is inside the canopy, which is {upper[2] - lower[2]:.0f} m high"
            )
        tangent = np.tan(np.radians(min(self.max_scan_angle, instrument.fov / 2)))
        start, line = 0.0, 0
        for heading in np.radians(self.headings):
            forward = np.array([np.cos(heading), np.sin(heading), 0.0])
            right = np.array([forward[1], -forward[0], 0.0])
            width, length = (float(np.abs(axis) @ half) for axis in (right, forward))
            reach = width + tangent * (height - lower[2])
            drawn = rng.uniform(-0.5, 0.5)
            first = (drawn if self.offset is None else self.offset) * self.spacing
            steps = np.arange(np.ceil((-reach - first) / self.spacing), np.floor((reach - first) / self.spacing) + 1)
            for offset in first + self.spacing * steps:
                line += 1
                fan = np.tan(np.radians(max(np.abs(instrument.along))))
                run = length + fan * (height - lower[2]) + 1.0
                begin = centre + offset * right - run * forward
                begin[2] = height
                yield from self._line(instrument, plot, pace, begin, forward, 2 * run, start, line)
                start += 2 * run / pace.speed + _TURN

    def _line(
        self,
        instrument: Instrument,
        plot: Box,
        pace: Pace,
        begin: NDArray[np.float64],
        forward: NDArray[np.float64],
        length: float,
        start: float,
        line: int,
    ) -> Iterator[Pulses]:
        scan_rate = self.scan_rate or self._square(instrument, pace)
        count = int(length / pace.speed * pace.pulse_rate)
        wedge = self._wedge(instrument, plot, begin, forward)
        for at in range(0, count, _CHUNK):
            index = np.arange(at, min(at + _CHUNK, count))
            across, along = instrument.angles(index, pace.pulse_rate, scan_rate)
            keep = (across >= wedge[0]) & (across <= wedge[1])
            across, along, seconds = across[keep], along[keep], index[keep] / pace.pulse_rate
            pulses = Pulses(
                origin=begin + (pace.speed * seconds)[:, None] * forward,
                direction=beams(across, along, forward),
                forward=forward,
                time=start + seconds,
                line=line,
                angle=np.degrees(across),
            )
            yield from batches(pulses.where(plot.met_by(pulses.origin, pulses.direction)))

    def _wedge(
        self, instrument: Instrument, plot: Box, begin: NDArray[np.float64], forward: NDArray[np.float64]
    ) -> tuple[float, float]:
        """Angles across between which the plot lies as seen from a line, radians."""
        corners = np.array([(x, y, z) for x in _ends(plot, 0) for y in _ends(plot, 1) for z in _ends(plot, 2)]) - begin
        seen = np.arctan2(corners @ np.array([forward[1], -forward[0], 0.0]), -corners[:, 2])
        limit = np.radians(min(self.max_scan_angle, instrument.fov / 2))
        return max(float(seen.min()), -limit), min(float(seen.max()), limit)

    def _square(self, instrument: Instrument, pace: Pace) -> float:
        """The scan rate at which steps along and across are equal below the drone, within the instrument's range."""
        swing = 2 * np.pi if instrument.fov > 180 else np.radians(instrument.fov)
        rate = np.sqrt(pace.speed * pace.pulse_rate / (swing * self.altitude))
        return float(np.clip(rate, *instrument.scan_rate))

    @staticmethod
    def _ground_mean(plot: Box, ground: GroundHeight) -> float:
        x, y = (np.linspace(*_ends(plot, axis), 9) for axis in (0, 1))
        return float(ground(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)).mean())


def _ends(plot: Box, axis: int) -> tuple[float, float]:
    return plot.lower[axis], plot.upper[axis]


def batches(pulses: Pulses) -> Iterator[Pulses]:
    """Parts small enough for the ray casting's memory; none where there are no pulses."""
    number = np.arange(len(pulses.time)) // _BATCH
    for batch in range(int(number[-1]) + 1 if len(number) else 0):
        yield pulses.where(number == batch)
