"""Crops: what they promise whatever the chances, and what each way to disturb them takes away."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from leafwood.classes import IGNORE
from leafwood.config import load
from leafwood.datasets.crops import CropConfig, draw_crop
from leafwood.datasets.stands import LabelledStand
from leafwood.errors import BadConfig

STILL = CropConfig(decay=0.0, patches=0.0, jitter=0.0, line_offset=0.0, scale=0.0, on_wood=0.0, single_tree=0.0)
chances = st.sampled_from([0.0, 0.5, 1.0])


def made(n=4000, seed=0, ignored=0.1):
    """A stand of three trees whose points can be told apart: the flight line of point i is i."""
    rng = np.random.default_rng(seed)
    xyz = rng.uniform(0, (12, 12, 15), (n, 3)).astype(np.float32)
    label = rng.choice([0, 1, IGNORE], n, p=[0.7 * (1 - ignored), 0.3 * (1 - ignored), ignored]).astype(np.int8)
    total = rng.integers(1, 6, n)
    return LabelledStand(
        xyz=xyz,
        height=xyz[:, 2].copy(),
        label=label,
        ground=xyz[:, 2] < 0.3,
        tree=rng.integers(0, 4, n),
        line=np.arange(n),
        return_number=rng.integers(1, total + 1).astype(np.uint8),
        number_of_returns=total.astype(np.uint8),
        path=Path("made.laz"),
    )


STAND = made()


@st.composite
def configs(draw):
    return CropConfig(
        radius=(1.0, 4.0),
        min_points=draw(st.sampled_from([1, 50, 300])),
        max_points=600,
        single_tree=draw(chances),
        on_wood=draw(chances),
        centres=draw(st.sampled_from(["uniform", "decay"])),
        ground_left=draw(chances),
        height_unknown=draw(chances),
        returns_lost=draw(chances),
        returns_unknown=draw(chances),
        height_kept=draw(chances),
        leaf_fall=draw(chances),
        occlusion=draw(chances),
        cut=draw(chances),
        even=draw(chances),
        even_spacing=(0.1, 2.0),
    )


@settings(deadline=None, max_examples=60)
@given(configs(), st.integers(0, 2**32 - 1))
def test_what_every_crop_promises(config, seed):
    crop, again = (draw_crop(STAND, config, np.random.default_rng(seed)) for _ in range(2))
    assert crop.xyz.tobytes() == again.xyz.tobytes()
    assert crop.label.tobytes() == again.label.tobytes()
    assert crop.xyz.dtype == crop.height.dtype == np.float32
    assert crop.xyz.min() >= 0
    assert (crop.label != IGNORE).any()
    assert len(crop) <= 1.3 * config.max_points
    from_ = crop.line
    assert len(np.unique(from_)) == len(crop)
    for name in ("label", "ground", "tree"):
        assert np.array_equal(getattr(crop, name), getattr(STAND, name)[from_])
    for name in ("return_number", "number_of_returns"):
        own, unknown = getattr(STAND, name)[from_], (getattr(crop, name) == 1).all()
        assert np.array_equal(getattr(crop, name), own) or (unknown and config.returns_unknown > 0)


@settings(deadline=None, max_examples=40)
@given(configs(), st.integers(0, 2**32 - 1))
def test_a_stand_with_one_labelled_point(config, seed):
    label = np.full(len(STAND), IGNORE, dtype=np.int8)
    label[7] = 1
    stand = replace(STAND, label=label, ground=np.zeros(len(STAND), dtype=bool))
    assert (draw_crop(stand, config, np.random.default_rng(seed)).label == 1).sum() == 1


def test_a_tree_without_labels_is_not_drawn():
    tree = np.repeat([1, 2], 2000)
    stand = replace(STAND, tree=tree, label=np.where(tree == 1, IGNORE, 0).astype(np.int8))
    assert stand.trees.tolist() == [2]


def test_points_keep_their_distances_and_heights_follow_the_scale():
    config = replace(STILL, scale=0.3, min_points=500, max_points=500, radius=(2.0, 2.0), height_unknown=0.0)
    crop = draw_crop(STAND, config, np.random.default_rng(3))
    there = STAND.xyz[crop.line]
    ratio = pdist(crop.xyz) / pdist(there)
    assert np.ptp(ratio) < 1e-3
    assert 0.74 <= ratio.mean() <= 1.35
    np.testing.assert_allclose(crop.height, there[:, 2] * ratio.mean(), rtol=1e-3, atol=1e-3)


def test_the_number_of_points_lies_between_the_two():
    config = replace(STILL, min_points=200, max_points=800, radius=(6.0, 6.0))
    sizes = np.array([len(draw_crop(STAND, config, np.random.default_rng(seed))) for seed in range(60)])
    assert sizes.min() > 120
    assert sizes.max() < 900
    assert sizes.max() > 2 * sizes.min()


def test_litter_mounds_raise_ground_alone_and_are_not_taken_for_it():
    config = replace(STILL, litter_mounds=1.0, ground_left=0.0, height_unknown=0.0, min_points=4000, max_points=4000)
    raised = []
    for seed in range(10):
        crop = draw_crop(STAND, config, np.random.default_rng(seed))
        rise = crop.height - STAND.height[crop.line]
        was_ground = STAND.ground[crop.line]
        np.testing.assert_allclose(rise[~was_ground], 0, atol=1e-4)
        assert (rise[was_ground] > 0.1).all()
        assert (rise < 0.7).all()
        assert (crop.label == STAND.label[crop.line]).all()
        lift = crop.xyz[:, 2] - STAND.xyz[crop.line, 2]
        np.testing.assert_allclose(lift - rise, np.median(lift - rise), atol=1e-4)
        raised.append(was_ground.sum())
    assert np.mean(raised) > 5


def test_lost_returns_are_the_later_ones():
    config = replace(STILL, returns_lost=1.0)
    most = {int(draw_crop(STAND, config, np.random.default_rng(seed)).return_number.max()) for seed in range(30)}
    assert most == {1, 2, 3}


def test_unknown_returns_are_as_of_a_file_that_does_not_say():
    known, unknown = (
        draw_crop(STAND, c, np.random.default_rng(3)) for c in (STILL, replace(STILL, returns_unknown=1.0))
    )
    assert known.cloud().returns().min() > 0
    assert unknown.cloud().returns().max() == 0


def test_a_cut_is_upright_or_level_and_takes_a_quarter_in_the_mean():
    config = replace(STILL, cut=1.0, max_points=4000, min_points=4000, radius=(3.0, 3.0), ground_left=1.0)
    lowest, share = [], []
    for seed in range(40):
        whole, crop = (draw_crop(STAND, c, np.random.default_rng(seed)) for c in (replace(config, cut=0.0), config))
        lowest.append(STAND.xyz[crop.line, 2].min())
        share.append(len(crop) / len(whole))
    assert 0.25 < np.mean(np.array(lowest) < 0.4) < 0.8
    assert np.mean(share) == pytest.approx(0.75, abs=0.1)  # each up to a half


def test_a_single_tree_keeps_its_height_if_it_may():
    config = replace(STILL, single_tree=1.0, min_points=4000)
    for chance, known in ((0.0, False), (1.0, True)):
        crop = draw_crop(STAND, replace(config, height_kept=chance), np.random.default_rng(1))
        assert len(np.unique(crop.tree)) == 1
        assert np.isfinite(crop.height).all() == known
    np.testing.assert_allclose(crop.height, STAND.xyz[crop.line, 2], atol=1e-4)


def test_leaves_fall_in_part_or_all_and_wood_and_ground_stay():
    config = replace(STILL, radius=(20.0, 20.0), min_points=4000, max_points=4000, ground_left=1.0, leaf_fall=1.0)
    leaves, others = (STAND.label == 0) & ~STAND.ground, (STAND.label != 0) | STAND.ground
    left = []
    for seed in range(40):
        seen = draw_crop(STAND, config, np.random.default_rng(seed)).line
        left.append(leaves[seen].sum() / leaves.sum())
        assert others[seen].sum() > 0.1 * others.sum()
    assert max(left) < 0.6
    assert 0.25 < np.mean(np.array(left) == 0) < 0.75


def test_occlusion_loses_the_lower_crown():
    config = replace(STILL, radius=(6.0, 6.0), min_points=4000, ground_left=1.0)
    plain, hidden = [], []
    for seed in range(20):
        for found, chance in ((plain, 0.0), (hidden, 1.0)):
            crop = draw_crop(STAND, replace(config, occlusion=chance), np.random.default_rng(seed))
            found.append(np.mean(STAND.xyz[crop.line, 2] > 7.5))
    assert np.mean(hidden) > np.mean(plain) + 0.02  # this stand has few occupied voxels in a column


def test_even_crops_have_no_two_points_in_a_place():
    config = replace(STILL, even=1.0, even_spacing=(1.0, 1.0))
    closest = [pdist(draw_crop(STAND, config, np.random.default_rng(seed)).xyz).min() for seed in range(20)]
    assert np.mean(np.array(closest) > 0.99) > 0.2  # the Poisson disks
    sizes = [len(draw_crop(STAND, config, np.random.default_rng(seed))) for seed in range(20)]
    assert max(sizes) < 1000


def test_even_crops_are_coarser_where_they_would_hold_too_many():
    config = replace(STILL, even=1.0, even_spacing=(0.01, 0.01), max_points=300, min_points=300)
    sizes = [len(draw_crop(STAND, config, np.random.default_rng(seed))) for seed in range(10)]
    assert max(sizes) <= 300
    assert min(sizes) > 50


def test_centres_by_decay_lie_where_the_scan_is_sparse():
    rng = np.random.default_rng(0)
    xyz = STAND.xyz.copy()
    dense = rng.random(len(xyz)) < 0.9
    xyz[dense, 0] /= 2  # ten times as many points in the western half
    stand = replace(STAND, xyz=xyz, ground=np.zeros(len(xyz), dtype=bool))
    east = {}
    for centres in ("uniform", "decay"):
        config = replace(STILL, radius=(0.5, 0.5), centres=centres)
        crops = [draw_crop(stand, config, np.random.default_rng(seed)) for seed in range(150)]
        east[centres] = np.mean([xyz[crop.line, 0].mean() > 6 for crop in crops])
    assert east["uniform"] < 0.25
    assert east["decay"] > east["uniform"] + 0.1


def test_chances_of_nothing_draw_nothing():
    """The same crops as before these chances were there: the numbers are of the code without them."""
    sizes = [
        len(draw_crop(STAND, CropConfig(max_points=600, min_points=50), np.random.default_rng(s))) for s in range(8)
    ]
    assert sizes == [109, 380, 565, 142, 74, 134, 159, 166]


def test_every_chance_can_be_set_in_yaml(tmp_path):
    path = tmp_path / "crops.yaml"
    path.write_text(
        "centres: decay\neven: 0.2\neven_spacing: [0.02, 0.1]\nreturns_lost: 0.1\nreturns_unknown: 0.2\ncut: 0.3\n"
    )
    wanted = CropConfig(
        centres="decay", even=0.2, even_spacing=(0.02, 0.1), returns_lost=0.1, returns_unknown=0.2, cut=0.3
    )
    assert load(path, CropConfig) == wanted


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"min_points": 0}, "min_points"),
        ({"min_points": 20_000}, "min_points"),
        ({"cut": 1.5}, "cut is a probability"),
        ({"even": -0.1}, "even is a probability"),
        ({"even_spacing": (0.2, 0.1)}, "even_spacing"),
        ({"even_spacing": (0.0, 0.1)}, "even_spacing"),
    ],
)
def test_mistakes_are_named(wrong, named):
    with pytest.raises(BadConfig, match=named):
        CropConfig(**wrong)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_crops_rich_in_wood_are_disturbed_more(share):
    stand = made(ignored=0.0)
    calm = replace(STILL, jitter=0.05, single_tree=1.0, min_points=4000)
    for seed in range(5):
        mixed = replace(stand, tree=np.where(stand.label == share, 1, 0))  # the only tree is all of one class
        plain, strong = (
            draw_crop(mixed, replace(calm, wood_strength=strength), np.random.default_rng(seed)) for strength in (1, 10)
        )
        assert (plain.xyz == strong.xyz).all() == (share == 0)
