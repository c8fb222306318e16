"""Where stems stand, what they are and how tall: a hard-core point process with layers and size classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leafwood.errors import BadConfig
from leafwood.simulate.stands.config import StandConfig
from leafwood.simulate.trees.species import load_species

__all__ = ["Planting", "plant"]

Floats = NDArray[np.float64]
Rng = np.random.Generator
_TRIES = 300


@dataclass(frozen=True, eq=False)
class Planting:
    """The trees of a stand before they are grown: the tallest first, the understorey last.

    Attributes:
        species: (n,) preset name.
        layer: (n,) emergent, canopy, subcanopy or understorey.
        x: (n,) m.
        y: (n,) m.
        model: (n,) which distinct tree it is a copy of.
        model_height: (m,) height of the distinct trees, m.
        wide: (n,) horizontal scale of the copy.
        tall: (n,) vertical scale of the copy.
    """

    species: list[str]
    layer: list[str]
    x: Floats
    y: Floats
    model: NDArray[np.int64]
    model_height: Floats
    wide: Floats
    tall: Floats

    @property
    def area_scale(self) -> Floats:
        """(n,) leaf area of the copy over the model's: for leaves in all directions."""
        return np.asarray(self.wide ** (4 / 3) * self.tall ** (2 / 3))


def plant(config: StandConfig, rng: Rng) -> Planting:
    """Draw the trees of a stand.

    Raises:
        BadConfig: too many stems for the minimum distance.
    """
    hectares = config.size**2 / 1e4
    count = int(rng.poisson(config.stems_per_ha * hectares)) if config.stems_per_ha else 0
    count = max(count, 1) if config.stems_per_ha else 0
    species = _draw(config.species, count, rng)
    layer = rng.choice(
        ["emergent", "subcanopy", "canopy"],
        count,
        p=_normalise([config.emergent, config.subcanopy, max(1 - config.emergent - config.subcanopy, 0)]),
    ).tolist()
    height = rng.uniform(*config.height, count)
    height *= np.select(
        [np.array(layer) == "emergent", np.array(layer) == "subcanopy"],
        [rng.uniform(1.1, 1.25, count), rng.uniform(0.35, 0.75, count)],
        1.0,
    )
    small = int(rng.poisson(config.understorey_per_ha * hectares))
    species += _draw(config.understorey, small, rng)
    layer += ["understorey"] * small
    # Small trees are many and tall ones few.
    low, high = config.understorey_height
    height = np.concatenate([height, low + (high - low) * rng.random(small) ** 1.6])
    presets = {name: load_species(name) for name in set(species)}
    height = np.minimum(height, [presets[name].height[1] * rng.uniform(0.9, 1.0) for name in species])
    rank = np.concatenate(
        [np.argsort(-height[:count], kind="stable"), count + np.argsort(-height[count:], kind="stable")]
    )
    species, layer, height = [species[i] for i in rank], [layer[i] for i in rank], height[rank]
    reach = 0.25 * height * np.array([sum(presets[name].crown_ratio) for name in species])
    xy = _spread(config, reach, count, rng)
    model, model_height = _models(species, layer, height, config.distinct_trees)
    tall = height / model_height[model] if len(height) else height
    copied = np.bincount(model, minlength=len(model_height))[model] > 1 if len(height) else np.zeros(0, dtype=bool)
    wide = tall * np.where(copied, np.exp(0.08 * np.clip(rng.standard_normal(len(tall)), -2, 2)), 1.0)
    return Planting(species, layer, xy[:, 0], xy[:, 1], model, model_height, wide, tall)


def _normalise(shares: list[float]) -> Floats:
    values = np.asarray(shares, dtype=np.float64)
    return np.asarray(values / values.sum())


def _draw(mix: Mapping[str, float], count: int, rng: Rng) -> list[str]:
    if count == 0:
        return []
    names = list(mix)
    return [names[i] for i in rng.choice(len(names), count, p=_normalise([mix[n] for n in names]))]


def _spread(config: StandConfig, reach: Floats, trees: int, rng: Rng) -> Floats:
    """Positions (n, 2) of crowns with radius `reach` (n,) m.

    Trees keep the minimum distance from each other, the understorey 0.4 m from everything. Of several candidates that
    do, each tree takes the one with most room for its crown (Mitchell's best candidate, on a torus so that borders do
    not attract), which closes the canopy as competition does.
    """
    size, xy = config.size, np.zeros((len(reach), 2))
    for i in range(len(reach)):
        apart = config.min_distance if i < trees else min(0.4, config.min_distance)
        place = rng.uniform(0, size, (_TRIES, 2))
        if i:
            offset = place[:, None] - xy[:i]
            free = np.flatnonzero((offset**2).sum(axis=2).min(axis=1) >= apart**2)
            if len(free) == 0:
                raise BadConfig(
                    f"{len(reach)} stems do not fit {size:g} x {size:g} m at {apart:g} m apart;"
                    " lower stems_per_ha or min_distance"
                )
            free = free[: config.regularity if i < trees else 1]
            around = np.abs(offset[free])
            distance = np.sqrt((np.minimum(around, size - around) ** 2).sum(axis=2))
            place = place[free[[(distance / (reach[:i] + reach[i])).min(axis=1).argmax()]]]
        xy[i] = place[0]
    return xy


def _models(species: list[str], layer: list[str], height: Floats, distinct: int) -> tuple[NDArray[np.int64], Floats]:
    """Group trees of one species and storey by height; each group is one distinct tree."""
    n = len(species)
    keys = [f"{s}/{'under' if k == 'understorey' else 'tree'}" for s, k in zip(species, layer, strict=True)]
    heights: list[float] = []
    model = np.zeros(n, dtype=np.int64)
    for key in sorted(set(keys)):
        members = np.array([i for i, k in enumerate(keys) if k == key])
        groups = min(len(members), max(3, round(distinct * len(members) / n))) if n > distinct else len(members)
        members = members[np.argsort(height[members], kind="stable")]
        for group in np.array_split(members, groups):
            model[group] = len(heights)
            heights.append(float(height[group].mean()))
    return model, np.array(heights)
