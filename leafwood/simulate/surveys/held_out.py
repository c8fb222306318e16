"""The virtual stands that scores are reported on: seeds from 7000, on which nothing is trained, tuned or chosen.

Twelve drone surveys of three forest types in full leaf, with 500-1500 points per m² and 2-6 % of the points from wood
thicker than twigs, and four of leafless forest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from leafwood.classes import Part
from leafwood.cloud import PointCloud
from leafwood.simulate.scanners.platform import Flight
from leafwood.simulate.stands.draws import draw_stand
from leafwood.simulate.stands.stand import grow_stand
from leafwood.simulate.surveys.drawn import redrawn, scan_stand, write_drawn

__all__ = ["BARE", "LEAFY", "held_out"]

LEAFY = ("temperate_broadleaf", "conifer", "tropical")
BARE = "leaf_off"
_FIRST_SEED = 7000
_IN_LEAF, _LEAFLESS = 12, 4  # stands
_SIZE = 24.0  # m
_WOOD_SHARE = (0.02, 0.06)
_DRONES = ("minivux", "dji-l2", "vux1")


def held_out(folder: Path) -> Iterator[Path]:
    """The files of the stands, named for their forest type; those that are missing are flown first.

    Args:
        folder: made where it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(_IN_LEAF + _LEAFLESS):
        forest, seed = LEAFY[number % len(LEAFY)] if number < _IN_LEAF else BARE, _FIRST_SEED + number
        path = folder / f"{forest}_{seed}.laz"
        if not path.exists():
            write_drawn(_flown(forest, seed), path)
        yield path


def _flown(forest: str, seed: int) -> PointCloud:
    """A drone survey of a forest type, its numbers drawn from the seed until its share of wood is as it should be."""
    rng = np.random.default_rng(seed)
    while True:
        cloud = redrawn(lambda: _attempt(forest, seed, rng))
        part = cloud.columns["gt_part"]
        wood = np.isin(part, (Part.BRANCH, Part.STEM, Part.DEADWOOD)).sum() / (part != Part.GROUND).sum()
        if forest == BARE or _WOOD_SHARE[0] <= wood <= _WOOD_SHARE[1]:
            return cloud


def _attempt(forest: str, seed: int, rng: np.random.Generator) -> PointCloud:
    config = dataclasses.replace(draw_stand(rng, _SIZE, forest), leaf_on=float(forest != BARE), vary=False)
    flight = Flight(
        altitude=rng.uniform(40, 70),
        spacing=rng.uniform(20, 40),
        headings=(0.0, 90.0) if rng.random() < 0.5 else (rng.uniform(0, 180),),
        max_scan_angle=rng.uniform(25, 45),
        density=rng.uniform(500, 1500),
    )
    device = str(rng.choice(_DRONES))
    return scan_stand(grow_stand(config, seed), device, flight, seed)
