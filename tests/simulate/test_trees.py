"""Trees: what is on them, how large they are, and that leaf area is what was asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.classes import Part
from leafwood.errors import BadConfig
from leafwood.simulate.mesh import LabelledMesh
from leafwood.simulate.trees.foliage import LeafForm, bear_leaves, inclinations, leaf_mesh
from leafwood.simulate.trees.grow import clothe, grow_tree, grow_wood
from leafwood.simulate.trees.skeleton import Skeleton, sweep
from leafwood.simulate.trees.species import Species, load_species, preset_names, stem_diameter

SPECIES = preset_names("species")
ALIVE = [name for name in SPECIES if load_species(name).alive]


def area(mesh: LabelledMesh, *parts: Part) -> float:
    return float(mesh.areas()[np.isin(mesh.part, parts)].sum())


def tree(name: str, seed: int = 3, *, lai: float = 2.0) -> LabelledMesh:
    species = load_species(name)
    height = min(species.height[1], max(species.height[0], 9.0))
    return grow_tree(species, seed, height=height, lai=lai)


@pytest.mark.parametrize("name", SPECIES)
def test_same_seed_same_mesh(name):
    a, b, other = tree(name), tree(name), tree(name, seed=4)
    np.testing.assert_array_equal(a.vertices, b.vertices)
    np.testing.assert_array_equal(a.triangles, b.triangles)
    np.testing.assert_array_equal(a.part, b.part)
    assert len(other.vertices) != len(a.vertices) or not np.array_equal(a.vertices, other.vertices)


@pytest.mark.parametrize("name", SPECIES)
def test_every_triangle_is_sound(name):
    mesh = tree(name)
    assert np.isfinite(mesh.vertices).all()
    assert mesh.triangles.min() >= 0
    assert mesh.triangles.max() < len(mesh.vertices)
    assert mesh.areas().min() > 1e-9
    assert len(mesh.part) == len(mesh.tree) == len(mesh.triangles)


@pytest.mark.parametrize("name", SPECIES)
def test_height_is_the_one_asked_for(name):
    species = load_species(name)
    species = replace(species, stem=replace(species.stem, broken=0.0))
    height = 0.5 * sum(species.height)
    wood = grow_wood(species, height, np.random.default_rng(1))
    # Leaning shortens, upturned twigs lengthen a little.
    assert wood.height == pytest.approx(height, rel=0.08, abs=0.25)
    assert wood.skeleton.xyz[:, 2].min() >= -0.5


@pytest.mark.parametrize("name", SPECIES)
def test_stem_at_breast_height_is_as_thick_as_the_allometry_says(name):
    species = load_species(name)
    species = replace(species, stem=replace(species.stem, broken=0.0, count=(1, 1), buttress=(0, 0), lianas=(0, 0)))
    wood = grow_wood(species, species.height[1], np.random.default_rng(5))
    stem = slice(0, wood.skeleton.start[1])
    breast = min(1.3, 0.3 * wood.height)
    measured = 2 * np.interp(breast, wood.skeleton.xyz[stem, 2], wood.skeleton.radius[stem])
    assert measured == pytest.approx(wood.dbh, rel=0.35)


@pytest.mark.parametrize("name", ["beech", "oak", "birch", "tropical_canopy", "spruce", "pine"])
def test_stem_branches_and_twigs_and_leaves_are_there(name):
    mesh = grow_tree(load_species(name), 2, height=18)
    for part in (Part.STEM, Part.BRANCH, Part.TWIG, Part.LEAF):
        assert area(mesh, part) > 0.1, part
    assert set(np.unique(mesh.part)) == {Part.STEM, Part.BRANCH, Part.TWIG, Part.LEAF}


@pytest.mark.parametrize("name", ["snag_broadleaf", "snag_conifer"])
def test_snags_are_wood_only(name):
    mesh = tree(name, lai=6)
    assert all(Part(p).is_wood for p in np.unique(mesh.part))


def test_palms_have_one_stem_and_fronds():
    mesh = grow_tree(load_species("palm"), 1, height=12, lai=2)
    assert set(np.unique(mesh.part)) == {Part.STEM, Part.LEAF}
    leaf = mesh.vertices[mesh.triangles[mesh.part == Part.LEAF].ravel()]
    assert np.percentile(leaf[:, 2], 5) > 6


@pytest.mark.parametrize("name", ALIVE)
def test_leafless_trees_keep_all_wood_and_no_leaf(name):
    bare, leafy = tree(name, lai=0), tree(name, lai=2)
    assert not (bare.part == Part.LEAF).any()
    wood = (Part.STEM, Part.BRANCH, Part.TWIG)
    assert area(bare, *wood) == pytest.approx(area(leafy, *wood), rel=1e-6)


@pytest.mark.parametrize("name", ALIVE)
def test_leaf_area_is_exact(name):
    species = load_species(name)
    rng = np.random.default_rng(8)
    wood = grow_wood(species, min(10.0, species.height[1]), rng)
    for wanted, enlarge in ((7.0, 1.0), (25.0, 5.0)):
        assert area(clothe(wood, wanted, rng, enlarge=enlarge), Part.LEAF) == pytest.approx(wanted, rel=1e-4)


def test_leaf_off_twigs_are_millimetres_thin():
    wood = grow_wood(load_species("beech"), 20.0, np.random.default_rng(1))
    tips = wood.skeleton.radius[wood.skeleton.start[1:] - 1]
    assert np.median(tips) < 0.002
    assert tips.min() >= 0.0007
    assert (wood.skeleton.order >= 3).sum() > 2000


def test_dead_branches_bear_no_leaves():
    species = replace(load_species("pine"), dead=0.5)
    wood = grow_wood(species, 15.0, np.random.default_rng(2))
    dead = ~wood.skeleton.alive
    assert dead.sum() > 20
    assert (dead[wood.skeleton.parent] <= dead)[wood.skeleton.order > 1].all()


def test_pines_have_a_bare_stem_with_dead_stubs():
    wood = grow_wood(load_species("pine"), 20.0, np.random.default_rng(7))
    foot = wood.skeleton.xyz[wood.skeleton.start[:-1], 2]
    low = (foot < 0.45 * 20) & (wood.skeleton.order > 0)
    assert low.any()
    assert not wood.skeleton.alive[low].any()


def test_buttresses_widen_the_foot():
    species = load_species("tropical_canopy")
    plain = replace(species, stem=replace(species.stem, buttress=(0, 0), lianas=(0, 0)))
    wide = replace(species, stem=replace(species.stem, buttress=(3, 3), lianas=(0, 0)))
    reach = [
        np.linalg.norm(m.vertices[(m.vertices[:, 2] > 0.1) & (m.vertices[:, 2] < 0.6), :2], axis=1).max()
        for m in (grow_tree(s, 4, height=30, lai=0) for s in (plain, wide))
    ]
    assert reach[1] > reach[0] + 0.5


@given(st.floats(1, 45), st.floats(0.5, 15))
def test_stem_diameter_grows_with_height_and_crown(height, crown):
    small = stem_diameter(height, crown, np.random.default_rng(0))
    assert 0 < small < stem_diameter(1.2 * height, crown, np.random.default_rng(0)) < 6
    assert small == pytest.approx(0.00557 * (height * crown) ** 0.809, rel=0.5)


@pytest.mark.parametrize(
    ("angles", "mean"),
    [("spherical", 57.3), ("planophile", 26.8), ("erectophile", 63.2), ("plagiophile", 45.0), ("uniform", 45.0)],
)
def test_leaf_angles_have_the_published_means(angles, mean):
    drawn = np.degrees(inclinations(angles, 40_000, np.random.default_rng(1)))
    assert drawn.min() >= 0
    assert drawn.max() <= 90
    assert drawn.mean() == pytest.approx(mean, abs=0.7)


def test_leaves_lie_at_the_drawn_inclination():
    shoot = Skeleton.from_grid(np.array([[[0, 0, 5], [1.0, 0, 5]]]), np.full((1, 2), 0.002), order=1)
    form = LeafForm(angles="planophile", clump=0)
    mesh = leaf_mesh(bear_leaves(shoot, form, 30.0, np.random.default_rng(3)))
    a, b, c = mesh.vertices[mesh.triangles].transpose(1, 0, 2)
    normal = np.cross(b - a, c - a)
    tilt = np.degrees(np.arccos(np.abs(normal[:, 2]) / np.linalg.norm(normal, axis=1)))
    assert tilt.mean() == pytest.approx(26.8, abs=1.0)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.001, 0.3), st.floats(0.2, 5))
def test_swept_tubes_have_a_cylinders_bark_area(radius, length):
    z = np.linspace(0, length, 6)
    xyz = np.stack([0 * z, 0 * z, z], axis=1)[None]
    tube = sweep(Skeleton.from_grid(xyz, np.full((1, 6), radius), order=1), np.random.default_rng(0))
    side = tube.areas()[: len(tube.triangles)].sum()
    cap = np.pi * radius**2
    assert 2 * np.pi * radius * length * 0.999 <= side <= 2 * np.pi * radius * length * 1.001 + 1.1 * cap


def test_a_species_of_ones_own_and_its_mistakes(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("family: palm\nheight: [3, 6]\n")
    assert load_species(path) == Species(family="palm", height=(3.0, 6.0))
    path.write_text("family: palm\nheigth: [3, 6]\n")
    with pytest.raises(BadConfig, match="heigth"):
        load_species(path)
    with pytest.raises(BadConfig, match="beech"):
        load_species("beach")
    with pytest.raises(BadConfig, match="levels"):
        Species(family="broadleaf")
