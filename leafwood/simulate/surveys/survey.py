"""Virtual surveys: what to grow, what to fly, and one stand of it as a cloud."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig
from leafwood.simulate.scanners.instruments import instrument
from leafwood.simulate.scanners.platform import Box, Flight
from leafwood.simulate.scanners.scanner import Platform, ScanSettings, scan
from leafwood.simulate.scanners.terrestrial import Tripods, Walk
from leafwood.simulate.stands.config import StandConfig, load_stand_config
from leafwood.simulate.stands.stand import Stand, grow_stand

__all__ = ["Georeference", "Member", "SurveyConfig", "fly_survey", "grow"]


@dataclass(frozen=True)
class Georeference:
    """Where on Earth a stand is said to grow: its local origin in a projected CRS.

    Attributes:
        epsg: code of a CRS in metres.
        easting: m.
        northing: m.
        height: m.
    """

    epsg: int = 32633
    easting: float = 452_000.0
    northing: float = 5_412_000.0
    height: float = 310.0


@dataclass(frozen=True)
class SurveyConfig:
    """One kind of survey; its stands differ by their seeds.

    Attributes:
        stand: name of a stand preset, a YAML file, or the values themselves; its size is `plot` plus the borders.
        plot: side of the delivered square, m.
        border: forest around the plot that shades and is scanned, but not delivered, m.
        vary: fields of the stand that are drawn anew, uniformly, for every stand: name -> (lowest, highest).
        instrument: see :data:`leafwood.simulate.scanners.instruments.INSTRUMENTS`.
        flight: a drone; None where `tripods` or `walk` scan from below.
        tripods: static stations (TLS).
        walk: a surveyor on foot (MLS).
        density: lowest and highest points per m², drawn for every stand, log-uniformly; replaces the flight's.
        scan: sub-rays, noise, ground classes.
        stands: how many.
        seed: seed of the survey.
        place: georeference.
    """

    stand: str | StandConfig = field(default_factory=StandConfig)
    plot: float = 30.0
    border: float = 6.0
    vary: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    instrument: str = "vux1"
    flight: Flight | None = None
    tripods: Tripods | None = None
    walk: Walk | None = None
    density: tuple[float, float] | None = None
    scan: ScanSettings = field(default_factory=ScanSettings)
    stands: int = 1
    seed: int = 1
    place: Georeference = field(default_factory=Georeference)

    def __post_init__(self) -> None:
        instrument(self.instrument)
        if sum(way is not None for way in (self.flight, self.tripods, self.walk)) > 1:
            raise BadConfig("give one of flight, tripods and walk")
        if self.stands < 1 or self.plot <= 0 or self.border < 0:
            raise BadConfig("stands must be at least 1, plot above 0 and border not below 0")
        if self.density is not None and not 0 < self.density[0] <= self.density[1]:
            raise BadConfig(f"density must be a lowest and a highest number of points per m², not {self.density}")
        known = {f.name: f.type for f in dataclasses.fields(StandConfig)}
        for name in self.vary:
            if known.get(name) != "float" or name == "size":
                raise BadConfig(f"vary: {name} is not a number that a stand takes")

    @property
    def box(self) -> tuple[float, float]:
        """Lowest and highest x and y of the plot in stand coordinates, m."""
        return self.border, self.border + self.plot

    def member(self, number: int) -> Member:
        """Stand `number` (from 0) of the survey, with everything drawn that differs from stand to stand."""
        growth, flight, drawing = (int(x) for x in np.random.SeedSequence([self.seed, number]).generate_state(3))
        rng = np.random.default_rng(drawing)
        base = load_stand_config(self.stand) if isinstance(self.stand, str) else self.stand
        values: dict[str, Any] = {name: float(rng.uniform(*self.vary[name])) for name in sorted(self.vary)}
        stand = dataclasses.replace(base, size=self.plot + 2 * self.border, **values)
        platform = self.tripods or self.walk or self.flight or Flight()
        if isinstance(platform, Flight) and self.density is not None:
            low, high = np.log(self.density)
            platform = dataclasses.replace(platform, density=float(np.exp(rng.uniform(low, high))))
        return Member(stand, platform, growth, flight)


@dataclass(frozen=True)
class Member:
    """One stand of a survey.

    Attributes:
        stand: what grows.
        platform: what scans it.
        growth: seed of the stand.
        flight: seed of the scan.
    """

    stand: StandConfig
    platform: Platform
    growth: int
    flight: int


def grow(member: Member, trees: tuple[Path, ...] = ()) -> Stand:
    """Grow the stand, or plant it with labelled trees read from files.

    Raises:
        BadCloud: a file of `trees` has no leaf and wood labels.
    """
    if not trees:
        return grow_stand(member.stand, member.growth)
    from leafwood.simulate.trees.surfels import plant_surfels

    return plant_surfels(member.stand, trees, member.growth)


def fly_survey(
    config: SurveyConfig,
    member: Member,
    stand: Stand,
    progress: Callable[[float], None] = lambda share: None,
    *,
    threads: int = 0,
) -> PointCloud:
    """Scan a grown stand as its survey says; coordinates are the stand's, in metres."""
    low, high = config.box
    bottom, top = float(stand.mesh.vertices[:, 2].min()), float(stand.mesh.vertices[:, 2].max())
    return scan(
        stand.mesh,
        instrument(config.instrument),
        member.platform,
        Box((low, low, bottom - 0.1), (high, high, top + 0.1)),
        stand.terrain,
        seed=member.flight,
        settings=config.scan,
        progress=progress,
        threads=threads,
    )
