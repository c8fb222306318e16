"""What a kind of tree looks like: ranges that every tree draws its own values from, and the presets.

Presets are YAML files in `leafwood/simulate/presets/species`, named for what they resemble; a path to another YAML file
works wherever a preset's name does. They were set from field guides and the author's judgement of pictures and scans,
not fitted to an inventory; only the stem diameter follows a published allometry (:func:`stem_diameter`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from leafwood.config import load
from leafwood.errors import BadConfig
from leafwood.simulate.trees.axes import BranchLevel
from leafwood.simulate.trees.foliage import LeafForm

__all__ = [
    "Species",
    "StemForm",
    "TwigForm",
    "WhorlForm",
    "load_preset",
    "load_species",
    "preset_names",
    "stem_diameter",
]

Range = tuple[float, float]
T = TypeVar("T")
_PRESETS = Path(__file__).parents[1] / "presets"


@dataclass(frozen=True, kw_only=True)
class StemForm:
    """The stem or stems.

    Attributes:
        count: fewest and most stems from one root.
        lean: degrees from the vertical.
        curve: sideways amplitude of the stem's bends, as a share of the height.
        taper: exponent of the radius over the distance from the top; 1 a cone, smaller full-boled.
        flare: extra radius at the ground, as a share of the radius.
        bark: relative roughness of thick wood's surface.
        crook: crookedness of the stem from half-metre to half-metre as modular-tree grows it (broadleaf).
        fork: chance that the stem forks into leaders of like size.
        broken: chance of a broken top.
        buttress: height of buttress roots, m; 0 none.
        epicormic: leafy shoots per metre of bare stem.
        stubs: dead branch stubs per metre of bare stem.
        stub_length: m.
        lianas: fewest and most lianas climbing the tree.
    """

    count: tuple[int, int] = (1, 1)
    lean: Range = (0.0, 4.0)
    curve: Range = (0.0, 0.015)
    taper: float = 0.8
    flare: float = 0.4
    bark: float = 0.03
    crook: float = 0.12
    fork: float = 0.0
    broken: float = 0.0
    buttress: Range = (0.0, 0.0)
    epicormic: float = 0.0
    stubs: float = 0.0
    stub_length: Range = (0.1, 0.8)
    lianas: tuple[int, int] = (0, 0)


@dataclass(frozen=True, kw_only=True)
class TwigForm:
    """The last shoots, on branches thinner than `on_radius`.

    Attributes:
        per_m: twigs per metre of thin branch.
        length: m.
        angle: degrees from the branch.
        radius: at the base, m.
        up: upward (negative: hanging) bend, as a share of the length.
        on_radius: m.
    """

    per_m: float = 6.0
    length: Range = (0.1, 0.35)
    angle: Range = (30.0, 65.0)
    radius: Range = (0.0015, 0.003)
    up: float = 0.15
    on_radius: float = 0.02


@dataclass(frozen=True, kw_only=True)
class WhorlForm:
    """Conifer branching: whorls on one stem, side shoots on their branches.

    Attributes:
        spacing: metres between whorls at the crown base.
        count: branches in a whorl.
        between: branches between two whorls.
        profile: exponents p, q of the crown outline t^p (1 - t)^q, t the share of the crown length from the top.
        rise_top: branch elevation at the top of the crown, degrees.
        rise_base: branch elevation at the crown base, degrees.
        droop: sag of a branch, share of its length.
        upturn: upward curve of its end, share of its length.
        side_per_m: side shoots per metre of branch.
        side_length: length of the longest side shoots, share of the branch's.
        side_hang: hanging of the side shoots, share of their length.
        planar: 1 side shoots in the branch's plane, 0 all around it.
    """

    spacing: Range = (0.35, 0.55)
    count: tuple[int, int] = (4, 6)
    between: int = 3
    profile: Range = (0.85, 0.1)
    rise_top: Range = (35.0, 60.0)
    rise_base: Range = (-25.0, 0.0)
    droop: float = 0.15
    upturn: float = 0.15
    side_per_m: float = 9.0
    side_length: float = 0.4
    side_hang: float = 0.25
    planar: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Species:
    """A kind of tree.

    Attributes:
        family: how it branches: modular-tree's orders, conifer whorls, or a palm's fronds.
        height: shortest and tallest, m.
        crown_ratio: crown diameter over height.
        crown_base: height of the live crown's base over the tree's height.
        crown_shape: one of modular-tree's crown shapes (broadleaf).
        leafiness: leaf area over crown projection, relative to the stand's other trees.
        asymmetry: strength of the crown's lopsidedness, 0 none.
        dead: share of first-order branches that are dead.
        alive: False for snags: no leaves, fine wood lost.
        stem: stem form.
        levels: branch orders (broadleaf).
        twigs: last shoots.
        whorls: conifer branching.
        leaf: foliage.
        dbh_factor: stem diameter over the allometry's (palms and snags are not in it).
    """

    family: Literal["broadleaf", "conifer", "palm"] = "broadleaf"
    height: Range = (12.0, 30.0)
    crown_ratio: Range = (0.25, 0.45)
    crown_base: Range = (0.3, 0.55)
    crown_shape: str = "Spherical"
    leafiness: float = 1.0
    asymmetry: float = 0.25
    dead: float = 0.04
    alive: bool = True
    stem: StemForm = field(default_factory=StemForm)
    levels: tuple[BranchLevel, ...] = ()
    twigs: TwigForm = field(default_factory=TwigForm)
    whorls: WhorlForm = field(default_factory=WhorlForm)
    leaf: LeafForm = field(default_factory=LeafForm)
    dbh_factor: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.height[0] <= self.height[1] <= 60:
            raise BadConfig(f"height must be a range within 0-60 m, got {self.height}")
        if self.family == "broadleaf" and not self.levels:
            raise BadConfig("a broadleaf species needs at least one branch order under `levels`")


def stem_diameter(height: float, crown_diameter: float, rng: np.random.Generator) -> float:
    """Stem diameter at breast height, m, from height and crown diameter (m).

    D = 0.557 (H CD)^0.809 exp(0.056^2 / 2) cm, the global model of Jucker et al. (2017, Global Change Biology 23,
    177-190; the R package itcSegment, by a co-author of the paper, has the same formula and coefficients). Trees
    scatter around it by 15 % here, less than in their data, so that virtual stems stay plausible. It was fitted on
    trees of 1 cm and more; below 2 m height it only gives a sensible order of size.
    """
    centimetres = 0.557 * (height * crown_diameter) ** 0.809 * np.exp(0.056**2 / 2)
    return float(centimetres / 100 * np.exp(0.15 * np.clip(rng.standard_normal(), -2.5, 2.5)))


def preset_names(kind: Literal["species", "stands"]) -> list[str]:
    """Names of the presets that come with leafwood."""
    return sorted(p.stem for p in (_PRESETS / kind).glob("*.yaml"))


def load_preset(kind: Literal["species", "stands"], name: str | Path, cls: type[T]) -> T:
    """Read a preset, or a YAML file of one's own, into its dataclass.

    Raises:
        BadConfig: no such preset or file, or a key or value that the dataclass does not take.
    """
    path = Path(name) if str(name).endswith((".yaml", ".yml")) else _PRESETS / kind / f"{name}.yaml"
    if not path.is_file():
        raise BadConfig(f"no {kind} preset or file {str(name)!r}; presets: {', '.join(preset_names(kind))}")
    return load(path, cls)


def load_species(name: str | Path) -> Species:
    """A species preset by name, or from a YAML file."""
    return load_preset("species", name, Species)
