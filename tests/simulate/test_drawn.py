"""Drawn stands and their scans: the same for the same seed, with labels, returns and ground."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from leafwood.classes import Part
from leafwood.datasets.stands import load_stand
from leafwood.errors import BadConfig
from leafwood.io.loaders import read
from leafwood.simulate.scanners.instruments import INSTRUMENTS
from leafwood.simulate.scanners.platform import Flight
from leafwood.simulate.scanners.terrestrial import Tripods
from leafwood.simulate.stands.config import StandConfig
from leafwood.simulate.stands.draws import (
    CLOSED,
    FORESTS,
    draw_bare,
    draw_closed,
    draw_stand,
    with_random_branching,
)
from leafwood.simulate.surveys import drawn
from leafwood.simulate.surveys.held_out import held_out

TREE = Path(__file__).resolve().parents[2] / "data_samples" / "single_tree.laz"


def small(rng: np.random.Generator, size: float) -> StandConfig:
    """A patch with a tree or two and little on the ground."""
    stand = draw_stand(rng, size, "open_woodland")
    return dataclasses.replace(
        stand, stems_per_ha=200, min_distance=2.0, branches_per_m2=0.1, logs_per_ha=0, max_triangles=50_000
    )


def test_draws_differ_by_seed_alone_and_keep_their_promises():
    for draw in (draw_stand, draw_closed, draw_bare, with_random_branching(draw_closed)):
        one, same, other = (draw(np.random.default_rng(seed), 20.0) for seed in (1, 1, 2))
        assert one == same != other
        assert one.size == 20
    assert all(draw_closed(np.random.default_rng(seed), 20.0).leaf_on == 1 for seed in range(5))
    assert all(draw_bare(np.random.default_rng(seed), 20.0).leaf_on <= 0.05 for seed in range(5))
    assert set(CLOSED) < set(FORESTS)
    bare = draw_bare(np.random.default_rng(1), 20.0, "fine_twigged")
    assert "hornbeam" in bare.species
    assert bare.leaf_on <= 0.05


def test_random_branching_takes_leaves_away_and_adds_none():
    plain, changed = (
        draw(np.random.default_rng(3), 20.0) for draw in (draw_closed, with_random_branching(draw_closed))
    )
    assert changed.random_branching
    assert 0.35 * plain.lai <= changed.lai <= plain.lai


def test_platforms_are_drones_or_tripods_as_often_as_asked():
    rng = np.random.default_rng(0)
    assert all(isinstance(drawn.draw_platform(rng, 0.0)[1], Flight) for _ in range(20))
    name, platform = drawn.draw_platform(rng, 1.0)
    assert isinstance(platform, Tripods)
    assert name in INSTRUMENTS


def test_what_cannot_be_is_drawn_again():
    draws = iter(range(3))

    def attempt() -> int:
        if (number := next(draws)) < 2:
            raise BadConfig("too many leaves")
        return number

    assert drawn.redrawn(attempt) == 2


def test_planted_trees_are_seen_with_returns_and_labels(tmp_path: Path):
    path = tmp_path / "stand.laz"
    drawn.write_drawn(drawn.scan_drawn(1, 10.0, small, trees=(TREE,)), path, 1)
    cloud, stand = read(path), load_stand(path)
    assert cloud.columns["number_of_returns"].max() > 1
    assert set(np.unique(cloud.columns["gt_wood"])) == {0, 1}
    assert stand.ground.any()
    assert len(stand.trees) >= 1


def test_instruments_are_taken_in_turn_by_the_seed(monkeypatch: pytest.MonkeyPatch):
    taken = []
    monkeypatch.setattr(drawn, "grow_stand", lambda config, seed: None)
    monkeypatch.setattr(drawn, "scan_stand", lambda stand, device, platform, seed: taken.append(device))
    devices = (INSTRUMENTS["puck"], INSTRUMENTS["vux1"])
    for seed in (4, 5):
        drawn.scan_drawn(seed, 10.0, small, devices=devices)
    assert taken == list(devices)


def test_sampled_surfaces_have_labels_and_single_returns(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(drawn, "_SURFACE_POINTS", (3000, 3001))
    cloud = drawn.scan_surfaces(1, 10.0, small)
    assert len(cloud) == 3000
    part = cloud.columns["gt_part"]
    np.testing.assert_array_equal(cloud.columns["gt_wood"] == 1, np.array([p.is_wood for p in Part])[part])
    assert (cloud.columns["number_of_returns"] == 1).all()


def test_held_out_stands_that_are_there_are_not_flown(tmp_path: Path):
    names = [f"{kind}_{7000 + n}.laz" for n, kind in enumerate((*4 * ("temperate_broadleaf", "conifer", "tropical"),))]
    names += [f"leaf_off_{7012 + n}.laz" for n in range(4)]
    for name in names:
        (tmp_path / name).touch()
    assert [path.name for path in held_out(tmp_path)] == names
