"""Stands: ground, spacing, leaf area, labels, and the area accounts."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.classes import Part
from leafwood.errors import BadConfig
from leafwood.simulate.areas import area_profile, area_voxels
from leafwood.simulate.mesh import LabelledMesh
from leafwood.simulate.stands.config import StandConfig, load_stand_config
from leafwood.simulate.stands.stand import Stand, grow_stand
from leafwood.simulate.stands.terrain import make_terrain
from leafwood.simulate.trees.species import load_species, preset_names

STANDS = preset_names("stands")


def small(name: str, **changes: object) -> StandConfig:
    return replace(load_stand_config(name), **{"size": 14.0, "max_triangles": 250_000, "distinct_trees": 8, **changes})


@pytest.fixture(scope="module", params=STANDS)
def named(request) -> tuple[str, StandConfig, Stand]:
    config = small(request.param)
    return request.param, config, grow_stand(config, 5)


@pytest.fixture(scope="module")
def mixed() -> Stand:
    return grow_stand(small("mixed"), 2)


def test_presets_grow_sound_labelled_meshes(named):
    _, _, stand = named
    mesh = stand.mesh
    assert np.isfinite(mesh.vertices).all()
    assert mesh.areas().min() > 1e-10
    assert mesh.triangles.max() < len(mesh.vertices)
    present = set(np.unique(mesh.part))
    assert {Part.GROUND, Part.STEM, Part.TWIG, Part.LOW_VEGETATION, Part.DEADWOOD} <= present
    assert set(np.unique(mesh.tree)) == {0, *stand.trees["tree"].tolist()}
    off_tree = np.isin(mesh.part, [Part.GROUND, Part.DEADWOOD, Part.LOW_VEGETATION])
    np.testing.assert_array_equal(off_tree, mesh.tree == 0)


def test_leaf_area_index_is_the_one_asked_for(named):
    _, config, stand = named
    leaf = stand.mesh.areas()[stand.mesh.part == Part.LEAF].sum()
    assert leaf / config.size**2 == pytest.approx(config.lai * config.leaf_on, rel=0.1)
    assert stand.trees["leaf_area"].sum() == pytest.approx(leaf, rel=1e-4)


def test_stems_are_apart_and_inside(named):
    _, config, stand = named
    trees = stand.trees
    assert ((trees["x"] >= 0) & (trees["x"] <= config.size) & (trees["y"] >= 0) & (trees["y"] <= config.size)).all()
    over = trees[trees["layer"] != "understorey"]
    gap = np.hypot(over["x"][:, None] - over["x"], over["y"][:, None] - over["y"]) + 1e9 * np.eye(len(over))
    assert gap.min() >= config.min_distance


def test_heights_and_diameters_are_in_range(named):
    _, config, stand = named
    tallest = {name: load_species(str(name)).height[1] for name in np.unique(stand.trees["species"])}
    for row in stand.trees:
        assert 0 < row["height"] <= tallest[row["species"]] * 1.1
        assert 0 < row["dbh"] < 2.0
        if row["layer"] == "canopy":
            assert row["height"] <= config.height[1] * 1.1
    assert config.understorey_height[0] * 0.7 <= stand.trees["height"].min()


def test_trees_stand_on_the_ground(mixed):
    for row in mixed.trees:
        own = mixed.mesh.triangles[(mixed.mesh.tree == row["tree"]) & (mixed.mesh.part == Part.STEM)]
        foot = mixed.mesh.vertices[own.ravel()]
        ground = mixed.ground_height(np.array([[row["x"], row["y"]]]))[0]
        assert foot[:, 2].min() <= ground
        assert foot[:, 2].min() >= ground - 0.6


def test_same_seed_same_stand():
    config = small("temperate_broadleaf", size=10.0)
    a, b, other = grow_stand(config, 9), grow_stand(config, 9), grow_stand(config, 10)
    np.testing.assert_array_equal(a.mesh.vertices, b.mesh.vertices)
    np.testing.assert_array_equal(a.mesh.triangles, b.mesh.triangles)
    np.testing.assert_array_equal(a.trees, b.trees)
    assert not np.array_equal(a.trees["x"], other.trees["x"])


def test_winter_stands_are_leafless():
    stand = grow_stand(small("leaf_off", leaf_on=0.0), 1)
    assert not (stand.mesh.part == Part.LEAF).any()
    assert (stand.trees["leaf_area"] == 0).all()
    assert (stand.mesh.part == Part.TWIG).sum() > 10_000


@settings(deadline=None, max_examples=12)
@given(st.floats(0, 45), st.floats(0, 0.5), st.integers(0, 100))
def test_slope_is_the_one_asked_for(slope, relief, seed):
    terrain = make_terrain(20.0, np.random.default_rng(seed), slope=slope, relief=relief, roughness=0.02)
    x, y = (a.ravel() for a in np.meshgrid(np.arange(0, 20, 0.3), np.arange(0, 20, 0.3)))
    z = terrain(np.stack([x, y], axis=1))
    plane, *_ = np.linalg.lstsq(np.stack([x, y, np.ones_like(x)], axis=1), z, rcond=None)
    assert np.degrees(np.arctan(np.hypot(*plane[:2]))) == pytest.approx(slope, abs=0.8)


def test_ground_height_lies_on_the_ground_mesh():
    terrain = make_terrain(10.0, np.random.default_rng(3), slope=20, relief=0.3, roughness=0.05)
    mesh = terrain.mesh()
    corners = mesh.vertices[mesh.triangles].astype(float)
    centre = corners.mean(axis=1)
    np.testing.assert_allclose(terrain(centre[:, :2]), centre[:, 2], atol=2e-4)
    np.testing.assert_allclose(terrain(corners[:, 0, :2]), corners[:, 0, 2], atol=2e-3)


def test_profile_and_voxels_hold_all_area(mixed):
    area = mixed.mesh.areas()
    wood = [p for p in Part if p.is_wood]
    for account in (mixed.leaf_area_profile(0.5), mixed.leaf_area_voxels(1.0)):
        assert account.leaf.sum() == pytest.approx(area[mixed.mesh.part == Part.LEAF].sum(), rel=1e-6)
        assert account.wood.sum() == pytest.approx(area[np.isin(mixed.mesh.part, wood)].sum() / 2, rel=1e-6)
        assert account.low.sum() == pytest.approx(area[mixed.mesh.part == Part.LOW_VEGETATION].sum(), rel=1e-6)
    profile = mixed.leaf_area_profile(1.0)
    assert profile.z[0] == 0.5
    assert profile.z[-1] > 0.8 * mixed.trees["height"].max()


def test_large_triangles_are_shared_out_between_bins():
    wall = LabelledMesh(
        vertices=np.array([[0, 0, 0], [1, 0, 0], [1, 0, 8], [0, 0, 8]], dtype=np.float32),
        triangles=np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32),
        part=np.full(2, Part.STEM, dtype=np.uint8),
        tree=np.ones(2, dtype=np.uint32),
    )
    profile = area_profile(wall, lambda xy: np.zeros(len(xy)), 1.0)
    np.testing.assert_allclose(profile.wood, np.full(8, 0.5), rtol=0.15)
    voxels = area_voxels(wall, 2.0)
    np.testing.assert_allclose(voxels.wood, np.full(4, 1.0), rtol=0.15)


def test_copies_of_a_tree_differ_and_keep_the_leaf_area():
    config = small("conifer", stems_per_ha=900, min_distance=1.0, distinct_trees=3, understorey_per_ha=0, lai=3.0)
    stand = grow_stand(config, 4)
    assert stand.trees["leaf_area"].sum() / config.size**2 == pytest.approx(3.0, rel=0.1)
    assert len(np.unique(stand.trees["height"].round(6))) == len(stand.trees)


def test_what_cannot_stand_is_said():
    with pytest.raises(BadConfig, match="min_distance"):
        grow_stand(small("pine", stems_per_ha=2000, min_distance=6.0), 1)
    with pytest.raises(BadConfig, match="LAI"):
        grow_stand(small("pine", stems_per_ha=60, lai=15, understorey_per_ha=0), 1)
    with pytest.raises(BadConfig, match="share"):
        StandConfig(low_cover=3)
    with pytest.raises(BadConfig, match="size"):
        StandConfig(size=1)
    with pytest.raises(BadConfig, match="no stands preset"):
        load_stand_config("jungle")


def test_a_field_without_trees():
    stand = grow_stand(StandConfig(size=8, stems_per_ha=0, lai=0), 1)
    assert len(stand.trees) == 0
    assert Part.GROUND in stand.mesh.part
    assert not np.isin(stand.mesh.part, [Part.STEM, Part.LEAF]).any()


def test_a_species_of_a_file_goes_by_its_name(tmp_path):
    path = tmp_path / "some" / "folder" / "elder_bush.yaml"
    path.parent.mkdir(parents=True)
    path.write_text((resources.files("leafwood") / "simulate/presets/species/shrub.yaml").read_text(encoding="utf-8"))
    config = StandConfig(size=6.0, species={str(path): 1.0}, stems_per_ha=600, height=(1.5, 3.0), lai=0.3)
    assert set(grow_stand(config, seed=1).trees["species"]) == {"elder_bush"}
