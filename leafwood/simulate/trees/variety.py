"""Species with foliage, crowns and branching unlike any preset, so that training stands are broad.

A network learns what its stands have in common. Where all spruces have flat sprays it learns that sprays are flat, and
meets other spruces in the forest. So training stands draw each species anew around its preset.
"""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np

from leafwood.simulate.trees.axes import BranchLevel
from leafwood.simulate.trees.foliage import LeafAngles
from leafwood.simulate.trees.species import Range, Species, StemForm, TwigForm, WhorlForm

__all__ = ["random_branching", "varied"]

Rng = np.random.Generator


def varied(species: Species, rng: np.random.Generator) -> Species:
    """The species with other foliage and a narrower or broader crown, as far from its preset as related species are.

    A network that has seen one leaf size and angle for each crown shape takes them for what a leaf is.
    """
    size, spread, clump, crown = np.exp(rng.uniform(-1, 1, 4) * np.log([1.5, 2.0, 1.8, 1.35]))
    angles = species.leaf.angles
    if species.leaf.kind == "leaf" and species.family == "broadleaf":
        angles = get_args(LeafAngles)[int(rng.integers(len(get_args(LeafAngles))))]
    low, high = species.leaf.length
    leaf = replace(
        species.leaf,
        length=(low * size, high * size),
        spread=species.leaf.spread * spread,
        clump=species.leaf.clump * clump,
        angles=angles,
    )
    narrow, broad = species.crown_ratio
    return replace(species, leaf=leaf, crown_ratio=(narrow * crown, broad * crown))


def random_branching(species: Species, rng: Rng) -> Species:
    """The species with other branching: crown base, stem, limbs, side shoots, twigs, and where leaves begin.

    Ranges are wide on purpose, from flat sprays to bottle brushes and from dense crowns to tufts at the ends of bare
    limbs. The sprays of conifers that were fitted to a real scan (`configs/realism/species`) lie within them.
    """
    low, high = species.crown_base
    shift = rng.uniform(-0.15, 0.2)
    base = (float(np.clip(low + shift, 0.05, 0.85)), float(np.clip(high + shift, 0.1, 0.9)))
    return replace(
        species,
        crown_base=base,
        asymmetry=species.asymmetry * rng.uniform(0.5, 2.0),
        dead=min(species.dead * rng.uniform(0.3, 3.0), 0.4),
        stem=_stem(species.stem, rng),
        levels=tuple(_level(level, rng) for level in species.levels),
        twigs=_twigs(species.twigs, rng),
        whorls=_whorls(species.whorls, rng),
        leaf=replace(species.leaf, bare=rng.uniform(0, 0.6)),
    )


def _about(rng: Rng, factor: float) -> float:
    """A factor between one over `factor` and `factor`."""
    return float(factor ** rng.uniform(-1, 1))


def _times(ends: Range, factor: float) -> Range:
    return ends[0] * factor, ends[1] * factor


def _plus(ends: Range, degrees: float) -> Range:
    return ends[0] + degrees, ends[1] + degrees


def _stem(stem: StemForm, rng: Rng) -> StemForm:
    return replace(
        stem,
        lean=_times(stem.lean, rng.uniform(0.5, 3.0)),
        curve=_times(stem.curve, _about(rng, 2.5)),
        taper=stem.taper * _about(rng, 1.2),
        crook=min(stem.crook * _about(rng, 2.0), 0.8),
        fork=min(max(stem.fork, 0.15) * _about(rng, 2.0), 1.0),
        stubs=stem.stubs * _about(rng, 2.0),
        epicormic=stem.epicormic * _about(rng, 2.0),
    )


def _level(level: BranchLevel, rng: Rng) -> BranchLevel:
    turn = rng.uniform(-15, 15)
    return replace(
        level,
        per_m=level.per_m * _about(rng, 1.5),
        length=_times(level.length, _about(rng, 1.2)),
        angle=(max(level.angle[0] + turn, 15.0), max(level.angle[1] + turn, 15.0)),
        start=rng.uniform(0, 0.4),
        randomness=min(level.randomness * _about(rng, 1.6), 1.0),
        up=level.up + rng.uniform(-0.3, 0.3),
        flatness=rng.uniform(0, 0.7),
        split=level.split * _about(rng, 1.5),
    )


def _twigs(twigs: TwigForm, rng: Rng) -> TwigForm:
    return replace(
        twigs,
        per_m=twigs.per_m * _about(rng, 1.5),
        length=_times(twigs.length, _about(rng, 1.5)),
        up=twigs.up + rng.uniform(-0.3, 0.3),
    )


def _whorls(whorls: WhorlForm, rng: Rng) -> WhorlForm:
    fewest, most = whorls.count
    return replace(
        whorls,
        spacing=_times(whorls.spacing, _about(rng, 1.5)),
        count=(max(fewest - int(rng.integers(3)), 1), most + int(rng.integers(2))),
        between=int(rng.integers(0, whorls.between + 3)),
        profile=_times(whorls.profile, _about(rng, 1.5)),
        rise_top=_plus(whorls.rise_top, rng.uniform(-15, 15)),
        rise_base=_plus(whorls.rise_base, rng.uniform(-15, 15)),
        droop=whorls.droop * _about(rng, 2.0),
        upturn=whorls.upturn * _about(rng, 2.0),
        side_per_m=whorls.side_per_m * _about(rng, 1.4),
        side_length=whorls.side_length * _about(rng, 1.3),
        side_hang=whorls.side_hang + rng.uniform(-0.2, 0.3),
        planar=rng.uniform(0, 1),
    )
