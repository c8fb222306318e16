"""Reasons not to trust an answer, on clouds made on the spot and on real scans."""

from pathlib import Path

import numpy as np
import pytest

from leafwood.cloud import PointCloud
from leafwood.inference.trust import FLOOR, VALIDATED, doubts, plan_density, points_low_over_high, spoils, too_sparse
from leafwood.io.loaders import read

SAMPLES = Path(__file__).resolve().parents[2] / "data_samples"


def names(cloud):
    return {doubt.name for doubt in doubts(cloud)}


def severe(cloud):
    return {doubt.name for doubt in doubts(cloud) if doubt.severe}


def plot(per_m2=200, low_weight=1.0, size=20, seed=0):
    """A canopy from 1 to 20 m of clumps of points on flat ground; `low_weight` times as many in the low clumps."""
    rng = np.random.default_rng(seed)
    clumps = np.column_stack([rng.uniform(0, size, (2000, 2)), rng.uniform(1.5, 20, 2000)])
    weight = np.where(clumps[:, 2] < 7, low_weight, 1.0)
    chosen = rng.choice(len(clumps), int(0.8 * per_m2 * size**2), p=weight / weight.sum())
    plants = clumps[chosen] + rng.normal(0, 0.05, (len(chosen), 3))
    ground = np.column_stack(
        [rng.uniform(0, size, (int(0.2 * per_m2 * size**2), 2)), rng.normal(0, 0.02, int(0.2 * per_m2 * size**2))]
    )
    xyz = np.concatenate([plants, ground])
    classes = np.repeat([1, 2], [len(plants), len(ground)]).astype(np.uint8)
    of = np.full(len(xyz), 2, dtype=np.uint8)
    columns = {"classification": classes, "return_number": of, "number_of_returns": of}
    return PointCloud.from_xyz(xyz + [500_000.0, 5_400_000.0, 300.0], columns, crs="a plane in metres")


def test_a_dense_scan_from_above_raises_none():
    assert names(plot()) == set()


@pytest.mark.parametrize("name", ["uav_plot", "leaf_off_plot", "single_tree"])
def test_the_samples_raise_none(name):
    assert names(read(SAMPLES / f"{name}.laz")) == set()


def test_a_scan_unlike_those_in_calibration_says_how_far():
    assert names(plot()) == set()
    assert doubts(plot(), unlike=0.9) == doubts(plot(), unlike=np.nan) == []
    (found,) = doubts(plot(), unlike=1.66)
    assert (found.name, found.severe, found.spoils) == ("unlike", False, ("labels",))
    assert "1.7 times" in found.detail


def test_sparse_and_far_too_sparse():
    assert severe(plot(per_m2=40)) == {"sparse"}
    assert severe(plot(per_m2=10)) == {"too_sparse"}
    assert too_sparse(plot(per_m2=40)) is None
    assert spoils(doubts(plot(per_m2=40)), "profile") == []
    assert [doubt.name for doubt in spoils(doubts(plot(per_m2=10)), "profile")] == ["too_sparse"]
    assert "9.9 points/m²" in too_sparse(plot(per_m2=10)).detail
    assert FLOOR < VALIDATED


def test_density_is_that_of_the_plan_that_has_points():
    xyz = np.repeat([[0.5, 0.5, 0.0], [1.5, 0.5, 3.0]], 50, axis=0)
    assert plan_density(PointCloud.from_xyz(xyz)) == 50
    assert plan_density(PointCloud.from_xyz(np.vstack([xyz, [[9e5, 9e5, 0.0]]]))) == 50


def test_few_points_are_no_scan():
    few = plot().select(np.arange(200))
    assert "few_points" in severe(few)
    assert too_sparse(few) is None


def test_a_scan_from_below_is_recognised_and_has_no_profile():
    below = plot(low_weight=5.0)
    assert severe(below) == {"terrestrial"}
    assert spoils(doubts(below), "labels") == []
    assert [doubt.name for doubt in spoils(doubts(below), "profile")] == ["terrestrial"]


def test_moving_turning_and_thinning_leave_it_from_below():
    below = plot(low_weight=5.0)
    height = below.xyz[:, 2]
    whole = points_low_over_high(below.xyz, height)
    turned = below.xyz[:, [1, 0, 2]] * np.float32([1, -1, 1]) + np.float32([100, 50, 7])
    assert points_low_over_high(turned, height) == pytest.approx(whole, rel=0.1)
    half = np.random.default_rng(0).random(len(below)) < 0.5
    assert points_low_over_high(below.xyz[half], height[half]) == pytest.approx(whole, rel=0.2)


def test_a_single_tree_has_no_profile():
    rng = np.random.default_rng(1)
    crown = rng.normal(0, 1.5, (20_000, 3)) + [0, 0, 12]
    stem = np.column_stack([rng.normal(0, 0.1, (2_000, 2)), rng.uniform(0, 10, 2_000)])
    found = doubts(PointCloud.from_xyz(np.vstack([crown, stem])))
    assert {"single_tree", "no_ground"} <= {doubt.name for doubt in found}
    assert "single_tree" in {doubt.name for doubt in spoils(found, "profile")}


def test_what_the_file_does_not_say():
    bare = PointCloud.from_xyz(plot().xyz.astype(float))
    assert {"no_returns", "no_crs"} <= names(bare)
    assert severe(bare) == set()


def test_classified_ground_that_is_none():
    cloud = plot()
    shuffled = np.random.default_rng(0).permutation(cloud.columns["classification"])
    found = {doubt.name: doubt for doubt in doubts(cloud.with_columns(classification=shuffled))}
    assert "class" in found["ground_not_used"].detail


def test_columns_that_were_guessed_are_a_doubt():
    said = "x.txt: columns 1, 2 and 3 are taken for x, y and z"
    assert {doubt.name for doubt in doubts(plot(), [said])} == {"guessed_columns"}


def test_strays_and_impossible_heights():
    cloud = plot()
    xyz = cloud.absolute()
    stray = PointCloud.from_xyz(np.vstack([xyz, [[0.0, 0.0, 0.0]]]), crs=cloud.crs)
    assert "strays" in names(stray)
    tall = PointCloud.from_xyz(xyz * [1, 1, 10], cloud.columns, crs=cloud.crs)
    assert "too_tall" in severe(tall)


def test_a_cloud_without_points_raises_none():
    assert doubts(PointCloud.from_xyz(np.zeros((0, 3)))) == []


def test_a_labelled_cloud_spares_the_search_for_the_ground(monkeypatch):
    cloud = plot()
    label = np.where(cloud.columns["classification"] == 2, 0, 1)
    labelled = cloud.with_columns(height_ag=cloud.xyz[:, 2], leafwood=label, ground=label == 0)
    for name in ("find_ground", "ground_source"):
        monkeypatch.setattr(f"leafwood.inference.trust.{name}", None)
    assert names(labelled) == set()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("UAS_Clip.laz", set()),
        ("ALS_Clip.laz", {"sparse"}),
        ("bcts_1.laz", {"too_sparse"}),
        ("als_pf8_50mx100m.las", {"too_sparse"}),
        ("TLS_Clip.laz", {"terrestrial"}),
        ("LPine1_demo.laz", {"terrestrial"}),
        ("tiles_52_2026-01-11.copc.laz", set()),
        ("uls_tropical_tree.txt", {"single_tree"}),
    ],
)
@pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")
def test_real_scans(shared_data, name, wanted):
    assert severe(read(shared_data / "scans" / name)) == wanted
