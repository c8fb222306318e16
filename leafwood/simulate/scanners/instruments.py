"""Laser scanners by class: what their data sheets say, as far as it shapes a forest point cloud.

Figures are those of the class, rounded, after the manufacturers' data sheets named beside each preset; a particular
instrument, firmware or programme differs. Beside each stands what a second source confirms: a maker's manual that could
be read, another project's transcript of the sheet, or the scanner library of HELIOS++ (Winiwarter et al. 2022, Remote
Sensing of Environment 269, 112772; `data/scanners_als.xml`, `scanners_tls.xml`). What no sheet says was measured or
chosen, and says so; docs/simulate.md lists what could not be confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import Part
from leafwood.errors import BadConfig

__all__ = ["INSTRUMENTS", "Instrument", "Pattern", "instrument"]


class Pattern(Enum):
    """How the beam is steered."""

    ROTATING = "a mirror spinning about the flight axis, full circle"
    LINES = "a polygon sweeping the field of view line after line, always in the same sense"
    ROSETTE = "two counter-rotating prisms, a flower that never repeats"
    RIBBON = "a narrow ribbon swept to and fro"
    MULTIBEAM = "a fan of lasers fired in turn, spinning about the flight axis"
    PANORAMA = "a vertical mirror on a turning head"


@dataclass(frozen=True)
class Instrument:
    """One class of scanner.

    Attributes:
        name: the class.
        wavelength: nm.
        divergence: full angle at 1/e² across and along the flight, mrad.
        pulse_rate: lowest and highest pulses per second.
        pattern: how the beam is steered.
        scan_rate: lowest and highest lines, turns or sweeps per second.
        fov: full angle across, degrees.
        along: angles ahead (+) and astern (-), degrees: looks of a polygon, lasers of a fan, half-width of a ribbon.
        max_returns: echoes per pulse.
        range_noise: standard deviation of one range, m.
        range_resolution: echoes closer than this merge into one, m.
        reach: distance at which a target of 20 % reflectance that fills the beam is just detected, m.
        angle_noise: standard deviation of the pointing, degrees (mirror and attitude together).
    """

    name: str
    wavelength: float
    divergence: tuple[float, float]
    pulse_rate: tuple[float, float]
    pattern: Pattern
    scan_rate: tuple[float, float]
    fov: float
    along: tuple[float, ...]
    max_returns: int
    range_noise: float
    range_resolution: float
    reach: float
    angle_noise: float = 0.01

    def reflectance(self) -> NDArray[np.float64]:
        """Hemispherical reflectance of each :class:`Part` at this wavelength, (7,).

        Around 905 nm leaves are bright and bark varies about them; at 1550 nm leaf water absorbs, and bark and litter
        are brighter. Rounded, typical of spectral libraries such as ECOSTRESS (Meerdink et al. 2019); not fitted.
        """
        near = {Part.GROUND: 0.35, Part.LEAF: 0.45, Part.LOW_VEGETATION: 0.45, Part.DEADWOOD: 0.45}
        short_wave = {Part.GROUND: 0.45, Part.LEAF: 0.28, Part.LOW_VEGETATION: 0.30, Part.DEADWOOD: 0.55}
        table, bark = (near, 0.40) if self.wavelength < 1200 else (short_wave, 0.45)
        return np.array([table.get(part, bark) for part in Part])

    def angles(
        self, index: NDArray[np.int64], pulse_rate: float, scan_rate: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where pulses point, seen from the instrument.

        Args:
            index: (n,) running numbers of the pulses.
            pulse_rate: pulses per second.
            scan_rate: lines, turns or sweeps per second.

        Returns:
            (n,) angles across and (n,) along the flight, radians from nadir. Pulses outside the field of view have an
            angle across of more than half of `fov` and are never fired.
        """
        turns = index * (scan_rate / pulse_rate)
        phase = turns - np.floor(turns)
        if self.pattern in (Pattern.ROTATING, Pattern.PANORAMA):
            return 2 * np.pi * (phase - 0.5), np.zeros(len(index))
        if self.pattern is Pattern.MULTIBEAM:
            fan = np.radians(self.along)
            return 2 * np.pi * (phase - 0.5), fan[index % len(fan)]
        half = np.radians(self.fov) / 2
        if self.pattern is Pattern.LINES:
            looks = np.radians(self.along)
            return half * (2 * phase - 1), looks[np.floor(turns).astype(np.int64) % len(looks)]
        if self.pattern is Pattern.RIBBON:
            # 1/17: the slow axis drifts against the fast one, so that the ribbon fills over some tens of sweeps
            return half * np.sin(2 * np.pi * turns), np.radians(self.along[0]) * np.sin(2 * np.pi * turns / 17)
        # The two prisms turn against each other at speeds in no simple ratio, here 7294 and -4664 per minute.
        other = 2 * np.pi * turns * (-4664 / 7294)
        return half / 2 * (np.cos(2 * np.pi * turns) + np.cos(other)), half / 2 * (
            np.sin(2 * np.pi * turns) + np.sin(other)
        )


_RIEGL_LOOKS = (0.0, 10.0, -10.0)
_PUCK_FAN = tuple(float(angle) for angle in range(-15, 16, 2))

INSTRUMENTS: Mapping[str, Instrument] = MappingProxyType(
    {
        # RIEGL miniVUX-1UAV / -3UAV data sheets: 905 nm, 1.6 x 0.5 mrad, 100-300 kHz, 360°, up to 5 targets,
        # 10 mm precision. The resolution is chosen (pulse about 6 ns). Confirmed by transcripts of the -3UAV's sheet:
        # divergence, rates (100, 200, 300 kHz; 10-100 scans/s), 360° (120° at 300 kHz), 5 targets. Not: the precision,
        # and which axis of the beam lies across the flight.
        "minivux": Instrument(
            name="RIEGL miniVUX class",
            wavelength=905,
            divergence=(0.5, 1.6),
            pulse_rate=(100e3, 300e3),
            pattern=Pattern.ROTATING,
            scan_rate=(10, 100),
            fov=360,
            along=(0.0,),
            max_returns=5,
            range_noise=0.010,
            range_resolution=0.9,
            reach=170,
            angle_noise=0.02,
        ),
        # RIEGL VUX-1UAV data sheet: near infrared (1550 nm), 0.5 mrad, 50-550 kHz, 330°, 10-200 scans/s, 5 mm noise.
        # The resolution is measured: 5 % of the gaps between successive echoes of a real scan are below 0.9 m.
        # Confirmed by HELIOS++: divergence, rates, field of view, and the returns: 15 at 100 kHz, 9 at 300, 7 (as
        # here) at 380, 4 at 550. Not: wavelength and noise (HELIOS++ has the accuracy, 10 mm).
        "vux1": Instrument(
            name="RIEGL VUX-1UAV class",
            wavelength=1550,
            divergence=(0.5, 0.5),
            pulse_rate=(50e3, 550e3),
            pattern=Pattern.ROTATING,
            scan_rate=(10, 200),
            fov=330,
            along=(0.0,),
            max_returns=7,
            range_noise=0.005,
            range_resolution=0.9,
            reach=170,
        ),
        # RIEGL VUX-120 data sheet: 1550 nm, 0.38 mrad, 150 kHz-1.8 MHz, 100°, nadir/forward/backward looks of 10°,
        # 50-400 lines/s, 5 mm precision. The resolution is chosen (pulse about 3 ns). Confirmed by transcripts of the
        # VUX-120-23's sheet: 0.4 mrad, 100°, lines per second, rates (up to 2.4 MHz in that issue), a reach at 20 % of
        # 400 m at 600 kHz and 280 m at 1.2 MHz, between which the one here lies. Not: returns, precision.
        "vux120": Instrument(
            name="RIEGL VUX-120 class",
            wavelength=1550,
            divergence=(0.38, 0.38),
            pulse_rate=(150e3, 1.8e6),
            pattern=Pattern.LINES,
            scan_rate=(50, 400),
            fov=100,
            along=_RIEGL_LOOKS,
            max_returns=15,
            range_noise=0.005,
            range_resolution=0.5,
            reach=320,
        ),
        # DJI Zenmuse L1 specification: 905 nm, 0.28° x 0.03°, 240 kHz (160 kHz with three returns), 70.4° x 77.2°
        # non-repetitive, 3 cm at 100 m, 190 m at 10 %. The resolution is chosen (pulse about 6 ns). Confirmed by DJI's
        # L1 operation guide: field of view; by dealers: 190 m at 10 %, 450 m at 80 %, 240,000 points per second
        # with one return and 480,000 with several; by HELIOS++ for the Livox Mid-70, of the same make: the beam, the
        # prism speeds. Whether the beam is given at 1/e², as taken here, or at half power, as HELIOS++ supposes, no
        # source says; at half power it would be 0.9 x 8.3 mrad.
        "dji-l1": Instrument(
            name="DJI L1 class",
            wavelength=905,
            divergence=(0.5, 4.9),
            pulse_rate=(160e3, 240e3),
            pattern=Pattern.ROSETTE,
            scan_rate=(121.6, 121.6),
            fov=70.4,
            along=(38.6,),
            max_returns=3,
            range_noise=0.025,
            range_resolution=1.0,
            reach=270,
            angle_noise=0.03,
        ),
        # DJI Zenmuse L2 specification: 905 nm, spot 4 x 12 cm at 100 m (FWHM, here widened to 1/e²), 240 kHz,
        # 5 returns, 70° x 3° repetitive, 2 cm at 150 m, 250 m at 10 %. The resolution is chosen. Confirmed by DJI's L2
        # operation guide: 240 kHz with 1 to 5 returns, field of view; by its specification as quoted on DJI's developer
        # forum and by dealers: 2 cm at 150 m, returns, 250 m at 10 %. The spot only by a second hand.
        "dji-l2": Instrument(
            name="DJI L2 class",
            wavelength=905,
            divergence=(0.7, 2.0),
            pulse_rate=(240e3, 240e3),
            pattern=Pattern.RIBBON,
            scan_rate=(60, 60),
            fov=70,
            along=(1.5,),
            max_returns=5,
            range_noise=0.015,
            range_resolution=0.8,
            reach=350,
            angle_noise=0.02,
        ),
        # Velodyne VLP-16 (Puck) data sheet: 903 nm, 3.0 x 1.2 mrad, 16 lasers over 30°, 300 kHz, 5-20 Hz, two returns,
        # 3 cm, 100 m. The spin axis lies along the flight. The resolution is chosen. Confirmed by HELIOS++: channels,
        # their angles, 16 x 18,750 pulses per second, two returns, 3 cm, 100 m. The beam is in doubt: the manual of the
        # VLS-128, its larger sister, has 3.0 x 1.5 mrad, HELIOS++ 0.7.
        "puck": Instrument(
            name="Velodyne VLP-16 class",
            wavelength=903,
            divergence=(3.0, 1.2),
            pulse_rate=(300e3, 300e3),
            pattern=Pattern.MULTIBEAM,
            scan_rate=(5, 20),
            fov=360,
            along=_PUCK_FAN,
            max_returns=2,
            range_noise=0.02,
            range_resolution=1.0,
            reach=100,
            angle_noise=0.05,
        ),
        # RIEGL VZ-400i data sheet: 1550 nm, 0.35 mrad, 100 kHz-1.2 MHz, 100° x 360°, 3 mm precision, 0.8 m targets.
        # Confirmed by the instrument catalogue of the Helios plant simulator, after the sheet of 2025: 0.35 mrad at
        # 1/e², 100°, 1.2 MHz, 15 targets. The VZ-400 before it: 0.3 mrad, 300 kHz, 120 lines/s (HELIOS++). Not: the
        # precision.
        "vz400": Instrument(
            name="RIEGL VZ-400 class",
            wavelength=1550,
            divergence=(0.35, 0.35),
            pulse_rate=(100e3, 1.2e6),
            pattern=Pattern.PANORAMA,
            scan_rate=(3, 240),
            fov=100,
            along=(0.0,),
            max_returns=15,
            range_noise=0.003,
            range_resolution=0.8,
            reach=250,
            angle_noise=0.001,
        ),
    }
)


def instrument(name: str) -> Instrument:
    """An instrument by preset name.

    Raises:
        BadConfig: no such preset; the message lists them.
    """
    try:
        return INSTRUMENTS[name]
    except KeyError:
        raise BadConfig(f"no instrument {name!r}; there are {', '.join(sorted(INSTRUMENTS))}") from None
