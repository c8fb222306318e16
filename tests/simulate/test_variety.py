"""Trees unlike the presets: still trees, other than before, and the same for the same seed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.classes import Part
from leafwood.config import load
from leafwood.simulate.stands.config import StandConfig
from leafwood.simulate.stands.stand import grow_stand
from leafwood.simulate.trees.grow import grow_tree
from leafwood.simulate.trees.species import Species, load_species, preset_names
from leafwood.simulate.trees.variety import random_branching, varied

SPECIES = preset_names("species")
preset = cache(load_species)  # reading YAML takes longer than drawing a species


@given(name=st.sampled_from(SPECIES), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_a_species_of_random_branching_is_one_that_can_grow(name, seed):
    found = random_branching(preset(name), np.random.default_rng(seed))
    low, high = found.crown_base
    assert 0 < low <= high <= 0.9
    assert 0 <= found.dead <= 0.4
    assert 0 <= found.leaf.bare <= 0.6
    assert 1 <= found.whorls.count[0] <= found.whorls.count[1]
    assert found.whorls.between >= 0
    assert all(level.per_m > 0 and min(level.angle) >= 15 and 0 <= level.randomness <= 1 for level in found.levels)
    assert found.family == preset(name).family
    assert found.height == preset(name).height


@pytest.mark.parametrize("change", [random_branching, varied])
@pytest.mark.parametrize("name", SPECIES)
def test_the_same_seed_gives_the_same_species(name, change):
    a, b, other = (change(preset(name), np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert a == b != preset(name)
    assert a != other


@pytest.mark.parametrize("name", SPECIES)
@pytest.mark.parametrize("seed", [1, 2])
def test_trees_of_random_branching_grow(name, seed):
    species = random_branching(preset(name), np.random.default_rng(seed))
    mesh = grow_tree(species, seed, height=min(species.height[1], max(species.height[0], 9.0)), lai=1.0)
    assert np.isfinite(mesh.vertices).all()
    assert (mesh.part == Part.STEM).any()
    assert (mesh.part == Part.LEAF).any() == species.alive


@pytest.mark.parametrize("name", ["spruce", "fir", "pine"])
def test_sprays_fitted_to_real_conifers_lie_within_reach(name):
    fitted = load(Path(__file__).parents[2] / "configs/realism/species" / f"rough_{name}.yaml", Species)
    drawn = [random_branching(preset(name), np.random.default_rng(seed)) for seed in range(300)]
    for pick in (lambda s: s.whorls.planar, lambda s: s.whorls.side_hang, lambda s: s.leaf.bare):
        values = [pick(species) for species in drawn]
        assert min(values) <= pick(fitted) <= max(values)


def test_a_stand_of_random_branching_differs_from_one_of_presets():
    config = StandConfig(size=6.0, stems_per_ha=600, lai=0.5, height=(5.0, 7.0), max_triangles=60_000)
    plain, other = (grow_stand(replace(config, random_branching=other), seed=3) for other in (False, True))
    assert len(plain.mesh.triangles) != len(other.mesh.triangles)
