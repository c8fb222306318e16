"""Scanning from below: tripods (TLS) and a surveyor on foot (MLS)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leafwood.errors import BadConfig
from leafwood.simulate.scanners.instruments import Instrument, Pattern
from leafwood.simulate.scanners.platform import Box, GroundHeight, Pulses, batches, beams

__all__ = ["Tripods", "Walk"]

_CHUNK = 1 << 20
_EAST = np.array([1.0, 0.0, 0.0])
_UP = np.array([0.0, 0.0, 1.0])
# A panoramic scanner's field of view reaches from -40 to +60 degrees of elevation: its middle looks up by 10 degrees.
_ELEVATION = np.radians(10.0)


@dataclass(frozen=True)
class Tripods:
    """Static stations on a jittered grid, each with an upright and, to cover the zenith, a tilted scan.

    Attributes:
        stations: how many, spread over the plot.
        step: angle between neighbouring beams, degrees.
        height: height of the instrument above the ground, m.
        tilted: add the scan with the head tilted by 90 degrees.
        drift: standard deviation of each station's registration, horizontal and vertical, m.
    """

    stations: int = 4
    step: float = 0.06
    height: float = 1.6
    tilted: bool = True
    drift: tuple[float, float] = (0.003, 0.003)

    def __post_init__(self) -> None:
        if self.stations < 1 or self.step <= 0:
            raise BadConfig("tripods need at least one station and a step above 0 degrees")

    def pulses(
        self, instrument: Instrument, plot: Box, ground: GroundHeight, rng: np.random.Generator
    ) -> Iterator[Pulses]:
        """Every pulse of every station.

        Raises:
            BadConfig: the instrument does not scan from a tripod.
        """
        if instrument.pattern is not Pattern.PANORAMA:
            raise BadConfig(f"{instrument.name} does not scan from a tripod; take vz400")
        rows = round(instrument.fov / self.step)
        columns = round(360 / self.step)
        rate = instrument.pulse_rate[1]
        seconds = rows * columns / rate
        stand = self._positions(plot, rng)
        stand = np.column_stack([stand, ground(stand) + self.height])
        for number, position in enumerate(stand):
            for tilt in range(1 + self.tilted):
                begin = (number * 2 + tilt) * (seconds + 60.0)
                for at in range(0, rows * columns, _CHUNK):
                    index = np.arange(at, min(at + _CHUNK, rows * columns))
                    swing, _ = instrument.angles(index, rate, rate / rows)
                    azimuth = 2 * np.pi * index / (rows * columns)
                    elevation = swing + _ELEVATION
                    flat = np.cos(elevation)
                    direction = np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)], axis=1)
                    if tilt:
                        direction = np.stack([direction[:, 2], direction[:, 1], -direction[:, 0]], axis=1)
                    yield from batches(
                        Pulses(
                            origin=np.broadcast_to(position, direction.shape),
                            direction=direction,
                            forward=_UP,
                            time=begin + index / rate,
                            line=number + 1,
                            angle=np.degrees(elevation),
                        )
                    )

    def _positions(self, plot: Box, rng: np.random.Generator) -> NDArray[np.float64]:
        """(stations, 2): cells of a near-square grid, in random order, each with a random place inside."""
        columns = int(np.ceil(np.sqrt(self.stations)))
        rows = int(np.ceil(self.stations / columns))
        cells = rng.permutation(rows * columns)[: self.stations]
        place = np.stack([cells % columns, cells // columns], axis=1) + rng.uniform(0.3, 0.7, (self.stations, 2))
        lower, upper = np.array(plot.lower[:2]), np.array(plot.upper[:2])
        return np.asarray(lower + place / np.array([columns, rows]) * (upper - lower))


@dataclass(frozen=True)
class Walk:
    """A surveyor walking to and fro over the plot with a scanner whose head turns about the vertical.

    Attributes:
        spacing: between neighbouring legs, m.
        speed: m/s.
        height: height of the instrument above the ground, m.
        turn_rate: turns of the head per second.
        pulse_rate: pulses per second that are delivered: walked scans are thinned from 300 kHz and more.
        drift: standard deviation of each leg's offset, horizontal and vertical, m.
    """

    spacing: float = 10.0
    speed: float = 1.0
    height: float = 1.5
    turn_rate: float = 0.5
    pulse_rate: float = 20e3
    drift: tuple[float, float] = (0.02, 0.02)

    def __post_init__(self) -> None:
        if min(self.spacing, self.speed, self.pulse_rate) <= 0:
            raise BadConfig("a walk needs spacing, speed and pulse rate above 0")

    def pulses(
        self, instrument: Instrument, plot: Box, ground: GroundHeight, rng: np.random.Generator
    ) -> Iterator[Pulses]:
        """Every pulse of every leg; legs run from west to east and back."""
        rate = self.pulse_rate
        width = plot.upper[0] - plot.lower[0]
        legs = np.arange(plot.lower[1] + self.spacing * rng.uniform(0.2, 0.8), plot.upper[1], self.spacing)
        count = int(width / self.speed * rate)
        for number, y in enumerate(legs):
            sense = 1.0 if number % 2 == 0 else -1.0
            for at in range(0, count, _CHUNK):
                index = np.arange(at, min(at + _CHUNK, count))
                time = index / rate
                walked = self.speed * time
                x = plot.lower[0] + walked if sense > 0 else plot.upper[0] - walked
                place = np.stack([x, np.full(len(x), y)], axis=1)
                across, along = instrument.angles(index, rate, instrument.scan_rate[1])
                level = beams(across, along, _EAST)
                turn = 2 * np.pi * self.turn_rate * time
                cos, sin = np.cos(turn), np.sin(turn)
                direction = np.stack(
                    [cos * level[:, 0] - sin * level[:, 1], sin * level[:, 0] + cos * level[:, 1], level[:, 2]], axis=1
                )
                yield from batches(
                    Pulses(
                        origin=np.column_stack([place, ground(place) + self.height]),
                        direction=direction,
                        forward=_UP,
                        time=number * (count / rate + 5.0) + time,
                        line=number + 1,
                        angle=np.degrees(across),
                    )
                )
