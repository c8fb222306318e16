"""Ground: found under plots on any slope, believed from class 2, absent under trees cut out of their plot."""

from dataclasses import replace

import numpy as np
import pytest

from leafwood.classes import BEFORE_FORMAT_6, FOREIGN, NOT_VEGETATION
from leafwood.cloud import PointCloud
from leafwood.io.loaders import read
from leafwood.spatial.ground import find_ground, ground_source, not_vegetation

TREES = [
    "labelled/tropical_tls_62889.laz",
    "labelled/tropical_tls_rc151_pseudo.laz",
    "wood_only/archi_tree_1.las",
    "wood_only/treegraph_test_tree.txt",
    "scans/uls_tropical_tree.txt",
    "scans/LPine1_demo.laz",  # stems and crowns of a plot whose ground was taken off
]
PLOTS = ["UAS_Clip.laz", "ALS_Clip.laz", "TLS_Clip.laz", "als_pf8_50mx100m.las", "tiles_52_2026-01-11.copc.laz"]


def solid_tree(rng, x, y, n=4_000, radius=2.5, depth=3.0, height=12.0):
    """A stem and an ellipsoid full of leaves, its foot at height zero."""
    direction = rng.normal(size=(n, 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    crown = direction * rng.random((n, 1)) ** (1 / 3) * [radius, radius, depth] + [0, 0, height]
    turn = rng.random(n // 6) * 2 * np.pi
    stem = np.column_stack([0.15 * np.cos(turn), 0.15 * np.sin(turn), rng.random(n // 6) * height])
    return np.vstack([crown, stem]) + np.array([x, y, 0])


def stand(relief, *, seed=0, ground_density=20, roughness=0.03, size=30.0):
    """A plot: xyz (n, 3), which points are ground (n,), true heights (n,)."""
    rng = np.random.default_rng(seed)
    floor = rng.random((int(ground_density * size**2), 3)) * [size, size, 0]
    floor[:, 2] = rng.normal(scale=roughness, size=len(floor))
    trees = [solid_tree(rng, *(rng.random(2) * (size - 6) + 3), height=rng.uniform(6, 16)) for _ in range(14)]
    flat = np.vstack([floor, *trees])
    is_ground = np.arange(len(flat)) < len(floor)
    xyz = flat + np.column_stack([np.zeros((len(flat), 2)), relief(flat[:, 0], flat[:, 1])])
    return xyz, is_ground, flat[:, 2]


RELIEFS = {
    "flat": lambda x, y: 0 * x,
    "20 degrees": lambda x, y: np.tan(np.radians(20)) * x,
    "40 degrees": lambda x, y: np.tan(np.radians(40)) * x,
    "40 degrees askew": lambda x, y: np.tan(np.radians(40)) * (x * np.cos(1.0) - y * np.sin(1.0)),
    "hill": lambda x, y: 4 * np.sin(x / 6) * np.cos(y / 7),
    "valley of 38 degrees": lambda x, y: 0.78 * np.abs(x - 15),
}


@pytest.mark.parametrize("roughness", [0.0, 0.06])
@pytest.mark.parametrize("relief", RELIEFS.values(), ids=RELIEFS)
def test_ground_and_heights_on_relief(relief, roughness):
    xyz, is_ground, height = stand(relief, roughness=roughness)
    found = find_ground(PointCloud.from_xyz(xyz))
    assert found.source == "cloth"
    assert found.mask[is_ground].mean() > 0.95
    assert not found.mask[height > 0.6].any()
    assert np.sqrt(np.mean((found.height - height) ** 2)) < 0.15
    assert found.height.dtype == np.float32


def test_ground_seldom_seen_under_the_canopy():
    xyz, is_ground, height = stand(RELIEFS["20 degrees"], ground_density=3)
    found = find_ground(PointCloud.from_xyz(xyz))
    assert found.mask[is_ground].mean() > 0.9
    assert np.median(np.abs(found.height - height)) < 0.1


def test_low_noise_neither_classed_nor_unclassed_becomes_the_ground():
    xyz, is_ground, height = stand(RELIEFS["40 degrees"], seed=3)
    rng = np.random.default_rng(3)
    ghosts = rng.random((30, 3)) * [30, 30, -12]
    ghosts[:, 2] += RELIEFS["40 degrees"](ghosts[:, 0], 0) - 1.5
    everything = np.vstack([xyz, ghosts])
    for code in (0, 7):
        classes = np.r_[np.zeros(len(xyz)), np.full(30, code)].astype(np.uint8)
        found = find_ground(PointCloud.from_xyz(everything, {"classification": classes}))
        assert found.source == "cloth"
        assert np.sqrt(np.mean((found.height[: len(xyz)] - height) ** 2)) < 0.15
        assert found.mask[: len(xyz)][is_ground].mean() > 0.97
        assert not found.mask[len(xyz) :].any()


def test_class_2_is_believed():
    xyz, is_ground, height = stand(RELIEFS["20 degrees"])
    classes = np.where(is_ground, 2, 5).astype(np.uint8)
    classes[np.flatnonzero(is_ground)[::2]] = 1
    found = find_ground(PointCloud.from_xyz(xyz, {"classification": classes}))
    assert found.source == "file"
    assert np.array_equal(found.mask, classes == 2)
    assert np.sqrt(np.mean((found.height - height) ** 2)) < 0.1


def test_a_handful_of_stray_class_2_points_is_not_the_ground():
    xyz, is_ground, _ = stand(RELIEFS["flat"])
    classes = np.zeros(len(xyz), dtype=np.uint8)
    corner = is_ground & (xyz[:, 0] < 2) & (xyz[:, 1] < 2)
    classes[corner] = 2
    found = find_ground(PointCloud.from_xyz(xyz, {"classification": classes}))
    assert corner.sum() >= 30
    assert found.source == "cloth"
    assert found.mask[is_ground].mean() > 0.97


def test_class_2_that_fills_the_crowns_is_not_ground():
    tree = solid_tree(np.random.default_rng(5), 0, 0, n=20_000)
    classes = np.where(tree[:, 2] > 9, 2, 1).astype(np.uint8)
    assert find_ground(PointCloud.from_xyz(tree, {"classification": classes})).source == "none"


@pytest.mark.parametrize("name", TREES)
def test_a_real_tree_without_its_plot_has_no_ground(shared_data, name):
    cloud = read(shared_data / name)
    for part in (cloud, cloud.select(np.arange(len(cloud)) % 7 == 0)):
        found = find_ground(part)
        assert found.source == "none"
        assert not found.mask.any()
        assert np.isnan(found.height).all()


@pytest.mark.parametrize(("radius", "depth"), [(2.5, 3.0), (4.0, 2.0), (6.0, 1.5), (5.0, 5.0)])
def test_a_solid_crown_with_an_even_underside_has_no_ground(radius, depth):
    tree = solid_tree(np.random.default_rng(6), 0, 0, n=40_000, radius=radius, depth=depth)
    assert find_ground(PointCloud.from_xyz(tree)).source == "none"
    assert find_ground(PointCloud.from_xyz(tree[tree[:, 2] > 9])).source == "none"


def crowns(cloud, height, count, rng):
    """Plan circles of 3 m around tall points: masks (n,)."""
    tall = cloud.xyz[height > 15, :2]
    for centre in tall[rng.integers(len(tall), size=count)]:
        yield np.linalg.norm(cloud.xyz[:, :2] - centre, axis=1) < 3


def test_one_crown_cut_out_of_a_uav_plot(shared_data):
    cloud = read(shared_data / "scans/UAS_Clip.laz")
    height = find_ground(cloud).height
    bare = PointCloud(cloud.xyz)
    for near in crowns(cloud, height, 25, np.random.default_rng(8)):
        for low in (0.3, 0.5, 1.0, 2.0):
            assert find_ground(bare.select(near & (height > low))).source == "none"
        with_ground = find_ground(bare.select(near & (height > -0.5)))
        assert with_ground.source == "cloth"
        assert with_ground.mask[np.abs(height[near & (height > -0.5)]) < 0.1].mean() > 0.9


@pytest.mark.parametrize("cut", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("name", ["UAS_Clip.laz", "TLS_Clip.laz", "tiles_52_2026-01-11.copc.laz"])
def test_a_plot_whose_ground_was_cut_away_has_none(shared_data, name, cut):
    cloud = read(shared_data / "scans" / name)
    above = find_ground(cloud).height > cut
    assert find_ground(PointCloud(cloud.xyz[above])).source == "none"


@pytest.mark.parametrize("name", PLOTS)
def test_real_plots_have_ground(shared_data, name):
    cloud = read(shared_data / "scans" / name)
    unclassed = find_ground(PointCloud(cloud.xyz[~not_vegetation(cloud)]))
    assert unclassed.source == "cloth"
    classes = cloud.columns["classification"]
    if (classes == 2).any():
        given = find_ground(cloud)
        assert given.source == "file"
        usable = ~not_vegetation(cloud)
        assert unclassed.mask[classes[usable] == 2].mean() > 0.98
        assert np.sqrt(np.mean((unclassed.height - given.height[usable]) ** 2)) < 0.1
    steep = cloud.xyz[~not_vegetation(cloud)].copy()
    steep[:, 2] += np.float32(np.tan(np.radians(40))) * steep[:, 0]
    sheared = find_ground(PointCloud(steep))
    # a tail is left out: across the holes that houses leave, a sheared roof edge is no ground
    assert np.quantile(np.abs(sheared.height - unclassed.height), 0.95) < 0.15


def test_bare_ground_is_all_ground():
    rng = np.random.default_rng(9)
    xy = rng.random((8_000, 2)) * 40
    found = find_ground(PointCloud.from_xyz(np.column_stack([xy, 0.3 * xy[:, 0] + rng.normal(scale=0.02, size=8_000)])))
    assert found.source == "cloth"
    assert found.mask.all()


@pytest.mark.parametrize("n", [0, 1, 3, 50])
def test_a_few_points_have_no_ground(n):
    found = find_ground(PointCloud.from_xyz(np.random.default_rng(n).random((n, 3)) * 10))
    assert (found.source, found.mask.shape, found.height.shape) == ("none", (n,), (n,))


@pytest.mark.parametrize("spread", [[0, 0, 0], [20, 0, 0], [0, 0, 20]], ids=["one place", "line", "mast"])
def test_points_without_a_plan_have_no_ground(spread):
    found = find_ground(PointCloud.from_xyz(np.random.default_rng(1).random((3_000, 3)) * spread))
    assert found.source == "none"


def test_two_plots_kilometres_apart_and_a_stray_take_seconds():
    xyz, _, height = stand(RELIEFS["flat"])
    found = find_ground(PointCloud.from_xyz(np.vstack([xyz, [[4e5, 7e6, 90.0]]])))
    assert found.source == "cloth"
    assert np.sqrt(np.mean((found.height[:-1] - height) ** 2)) < 0.15
    assert len(find_ground(PointCloud.from_xyz(np.vstack([xyz, xyz + np.array([5_000, 0, 0])]))).mask) == 2 * len(xyz)


def test_the_cloth_prints_nothing(capfd):
    find_ground(PointCloud.from_xyz(stand(RELIEFS["flat"])[0]))
    assert capfd.readouterr() == ("", "")


def test_the_same_cloud_twice_and_shuffled():
    xyz, _, _ = stand(RELIEFS["hill"], seed=4)
    first, again = find_ground(PointCloud.from_xyz(xyz)), find_ground(PointCloud.from_xyz(xyz))
    assert np.array_equal(first.mask, again.mask)
    assert np.array_equal(first.height, again.height)
    order = np.random.default_rng(0).permutation(len(xyz))
    shuffled = find_ground(PointCloud.from_xyz(xyz[order]))
    assert (shuffled.mask == first.mask[order]).mean() > 0.999


def test_not_vegetation():
    codes = np.arange(256, dtype=np.uint8)
    xyz = np.zeros((256, 3), dtype=np.float32)
    assert not not_vegetation(PointCloud(xyz)).any()
    excluded = not_vegetation(PointCloud(xyz, columns={"classification": codes}))
    assert set(codes[excluded].tolist()) == NOT_VEGETATION | FOREIGN
    withheld = not_vegetation(PointCloud(xyz, columns={"withheld": (codes % 2).astype(np.uint8)}))
    assert np.array_equal(withheld, codes % 2 == 1)


def test_class_8_is_ground_where_it_means_key_points():
    xyz, is_ground, _ = stand(RELIEFS["flat"])
    classes = np.where(is_ground, 8, 5).astype(np.uint8)
    cloud = PointCloud.from_xyz(xyz, {"classification": classes})
    old = replace(cloud, meaning=BEFORE_FORMAT_6)
    assert np.array_equal(find_ground(old).mask, is_ground)
    assert (ground_source(cloud).source, ground_source(old).source) == ("cloth", "file")


def test_ground_classes_under_a_part_of_the_plan_are_ground():
    xyz, is_ground, _ = stand(RELIEFS["20 degrees"])
    part = is_ground & (xyz[:, 0] < 6) & (xyz[:, 1] < 6)
    classes = np.where(part, 2, 5).astype(np.uint8)
    found = find_ground(PointCloud.from_xyz(xyz, {"classification": classes}))
    assert found.mask[part].all()
    assert found.choice.doubt is None
    assert "part of the plan" in found.choice.reason


def test_ground_classes_at_all_heights_are_doubted_in_words():
    tree = solid_tree(np.random.default_rng(5), 0, 0, n=20_000)
    classes = np.where(tree[:, 2] > 6, 2, 1).astype(np.uint8)
    found = find_ground(PointCloud.from_xyz(tree, {"classification": classes}))
    assert not found.mask.any()
    assert "at all heights" in found.choice.doubt


def test_foreign_codes_are_left_alone_unless_leafwood_wrote_them():
    xyz = np.random.default_rng(0).random((5, 3)).astype(np.float32)
    classes = np.array([64, 65, 66, 67, 5], dtype=np.uint8)
    cloud = PointCloud(xyz, columns={"classification": classes})
    assert not_vegetation(cloud).tolist() == [True, True, True, True, False]
    ours = cloud.with_columns(leafwood=np.array([2, 1, 1, 0, 1], dtype=np.uint16))
    assert not_vegetation(ours).tolist() == [False, False, True, True, False]
    swapped = cloud.with_columns(leafwood=np.array([1, 2, 0, 0, 1], dtype=np.uint16))
    assert not_vegetation(swapped).tolist() == [True, True, True, True, False]


def test_a_preset_says_what_its_codes_are():
    xyz = np.random.default_rng(0).random((4, 3)).astype(np.float32)
    cloud = PointCloud(xyz, columns={"classification": np.array([6, 9, 4, 64], dtype=np.uint8)})
    assert not_vegetation(cloud.under_preset("for-instance")).tolist() == [False, True, False, True]
    assert not_vegetation(cloud.under_preset("asprs")).tolist() == [True, True, False, False]
    assert not_vegetation(cloud.under_preset("gt_wood")).tolist() == [True, True, False, True]
