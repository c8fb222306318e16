"""What a stand is grown from: its configuration, and the presets that come with leafwood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from leafwood.errors import BadConfig
from leafwood.simulate.trees.species import load_preset

__all__ = ["StandConfig", "load_stand_config"]


@dataclass(frozen=True, kw_only=True)
class StandConfig:
    """What to grow.

    Attributes:
        size: side of the square plot, m.
        species: species preset (or YAML file) and its share of the stems.
        stems_per_ha: trees, without the understorey.
        min_distance: between any two of these stems, m.
        regularity: how many places each tree chooses from, taking the roomiest; 1 leaves gaps as at random.
        height: shortest and tallest canopy tree, m (never above what the species reaches).
        emergent: share of stems that overtop the canopy, by 10-25 %.
        subcanopy: share of stems that reach 35-75 % of the canopy's height.
        lai: one-sided leaf area of all trees and shrubs per ground area when fully leaved.
        leaf_on: share of the leaves that are there, 0 winter to 1 summer.
        understorey: species and shares of saplings and shrubs.
        understorey_per_ha: their number.
        understorey_height: m.
        slope: degrees.
        relief: standard deviation of 10 m long undulations of the ground, m.
        roughness: standard deviation of the ground from one 0.3 m cell to the next, m.
        logs_per_ha: lying stems.
        branches_per_m2: lying branches.
        stumps_per_ha: stumps.
        low_cover: share of the ground under grass, herbs and ferns.
        low_height: m.
        ferns: share of ferns in it.
        vary: give each species other foliage and crowns than its preset has; breadth for training.
        random_branching: give each species other branching than its preset has; see
            :mod:`leafwood.simulate.trees.variety`.
        distinct_trees: trees grown one by one; beyond that number they are turned, mirrored and rescaled copies.
        max_triangles: leaves grow larger and fewer, and twigs fewer, to keep the mesh near this size.
    """

    size: float = 30.0
    species: Mapping[str, float] = field(default_factory=lambda: {"beech": 1.0})
    stems_per_ha: float = 400.0
    min_distance: float = 1.5
    regularity: int = 6
    height: tuple[float, float] = (18.0, 28.0)
    emergent: float = 0.03
    subcanopy: float = 0.25
    lai: float = 4.0
    leaf_on: float = 1.0
    understorey: Mapping[str, float] = field(default_factory=dict)
    understorey_per_ha: float = 0.0
    understorey_height: tuple[float, float] = (1.0, 5.0)
    slope: float = 3.0
    relief: float = 0.15
    roughness: float = 0.015
    logs_per_ha: float = 40.0
    branches_per_m2: float = 0.3
    stumps_per_ha: float = 20.0
    low_cover: float = 0.2
    low_height: tuple[float, float] = (0.05, 0.3)
    ferns: float = 0.2
    vary: bool = False
    random_branching: bool = False
    distinct_trees: int = 40
    max_triangles: int = 6_000_000

    def __post_init__(self) -> None:
        shares = (self.emergent, self.subcanopy, self.leaf_on, self.low_cover, self.ferns)
        if not 4 <= self.size <= 200:
            raise BadConfig(f"stand size must be 4-200 m, got {self.size}")
        if any(not 0 <= s <= 1 for s in shares):
            raise BadConfig("emergent, subcanopy, leaf_on, low_cover and ferns are shares between 0 and 1")
        if self.regularity < 1 or self.distinct_trees < 1 or self.max_triangles < 10_000:
            raise BadConfig("regularity and distinct_trees must be at least 1, max_triangles at least 10000")
        if not 0 <= self.slope <= 60 or not 0 <= self.lai <= 15:
            raise BadConfig(f"slope must be 0-60 degrees and lai 0-15, got {self.slope} and {self.lai}")
        if self.stems_per_ha > 0 and not self.species:
            raise BadConfig("a stand with stems needs at least one species")
        if self.understorey_per_ha > 0 and not self.understorey:
            raise BadConfig("a stand with understorey_per_ha needs species under `understorey`")


def load_stand_config(name: str | Path) -> StandConfig:
    """A stand preset by name, or from a YAML file.

    Raises:
        BadConfig: no such preset, or a wrong key or value.
    """
    return load_preset("stands", name, StandConfig)
