"""Stands drawn at random, so that a network sees the breadth of what users scan rather than many copies of one plot.

A draw takes a random generator and the side of the plot (m), and gives the configuration of a stand.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from leafwood.simulate.stands.config import StandConfig, load_stand_config

__all__ = ["CLOSED", "FORESTS", "Draw", "draw_bare", "draw_closed", "draw_stand", "with_random_branching"]

Draw = Callable[[np.random.Generator, float], StandConfig]

# Stand presets, and how often each is drawn relative to the others.
FORESTS = {
    "temperate_broadleaf": 4,
    "conifer": 4,
    "tropical": 5,
    "leaf_off": 3,
    "pine": 2,
    "mixed": 3,
    "understorey_rich": 2,
    "open_woodland": 2,
    "young_dense": 1,
    "clear_cut": 1,
}
# Those whose crowns close: wood is scarcest and hardest to see in them, and they are what most users scan.
CLOSED = ("temperate_broadleaf", "conifer", "tropical", "pine", "mixed")
_MAX_TRIANGLES = 4_000_000
_SPARSEST_LAI = 0.35  # share of a preset's leaf area that stands of random branching keep at least


def draw_stand(rng: np.random.Generator, size: float, forest: str | None = None) -> StandConfig:
    """A forest type with its height, density, leaf area, terrain and undergrowth varied.

    Args:
        rng: what decides.
        size: side of the plot, m.
        forest: name of a stand preset; drawn by the frequencies of ``FORESTS`` when None.

    Raises:
        BadConfig: no such preset.
    """
    names = sorted(FORESTS)
    weights = np.array([FORESTS[n] for n in names], dtype=float)
    stand = load_stand_config(forest or str(rng.choice(names, p=weights / weights.sum())))
    low, high = np.array(stand.height) * rng.uniform(0.7, 1.15)
    return dataclasses.replace(
        stand,
        size=size,
        height=(float(low), float(high)),
        stems_per_ha=stand.stems_per_ha * rng.uniform(0.6, 1.4),
        lai=stand.lai * rng.uniform(0.6, 1.3),
        leaf_on=float(np.clip(stand.leaf_on * rng.uniform(0.7, 1.0), 0, 1)),
        slope=float(rng.choice([0.0, rng.uniform(0, 12), rng.uniform(10, 38)])),
        roughness=rng.uniform(0.005, 0.03),
        low_cover=float(np.clip(stand.low_cover * rng.uniform(0.5, 2.0), 0, 0.9)),
        branches_per_m2=stand.branches_per_m2 * rng.uniform(0.3, 2.0),
        vary=True,
        max_triangles=_MAX_TRIANGLES,
    )


def draw_closed(rng: np.random.Generator, size: float) -> StandConfig:
    """A forest with closed crowns in full leaf."""
    return dataclasses.replace(draw_stand(rng, size, str(rng.choice(CLOSED))), leaf_on=1.0)


def draw_bare(rng: np.random.Generator, size: float, forest: str = "leaf_off") -> StandConfig:
    """A leafless forest, on which a few dry leaves may hang; arguments as for :func:`draw_stand`."""
    return dataclasses.replace(draw_stand(rng, size, forest), leaf_on=float(rng.choice([0.0, 0.01, 0.05])))


def with_random_branching(draw: Draw) -> Draw:
    """The same draw with trees that branch unlike any preset, from sparse to closed crowns."""

    def drawn(rng: np.random.Generator, size: float) -> StandConfig:
        stand = draw(rng, size)
        share = float(np.exp(rng.uniform(np.log(_SPARSEST_LAI), 0.0)))
        return dataclasses.replace(stand, random_branching=True, lai=stand.lai * share)

    return drawn
