"""What is known of a survey between its passes is what the uncut cloud says."""

import laspy
import numpy as np
import pytest

from leafwood.batch.survey import first_pass
from leafwood.batch.survey.facts import Place, find_facts
from leafwood.batch.survey.first_pass import _COLUMNS, _Running, index_part, parts_of
from leafwood.batch.survey.index import FileIndex, Grain
from leafwood.batch.survey.spill import RECORD, read_cells, spilling
from leafwood.graph.config import GraphConfig
from leafwood.graph.scale import scale_normalisation
from leafwood.io.las.stream import open_las
from leafwood.io.loaders import read
from leafwood.spatial.ground import find_ground
from leafwood.spatial.tiles import Box

pytestmark = pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")


def indexed(paths, folder):
    folder.mkdir(exist_ok=True)
    headers = [open_las(path) for path in paths]
    grain = Grain.of(headers)
    return [
        FileIndex.of_parts([index_part(part, None, None, grain) for part in parts_of(path, h.layout, folder, n)], grain)
        for n, (path, h) in enumerate(zip(paths, headers, strict=True))
    ]


def test_points_come_back_from_disk_by_their_place(tmp_path):
    rng = np.random.default_rng(0)
    cells, records = rng.integers(-5, 20, (9_000, 2)), np.zeros(9_000, dtype=RECORD)
    records["index"] = np.arange(9_000)
    with spilling(tmp_path / "a.points") as writer:
        for start in range(0, 9_000, 3_000):
            writer.add(cells[start : start + 3_000], records[start : start + 3_000])
    box = Box(-2, 7, 3, 12)
    found = read_cells(tmp_path / "a.points", box)
    assert sorted(found["index"]) == np.flatnonzero(box.holds(cells)).tolist()
    assert len(read_cells(tmp_path / "a.points", Box(100, 110, 0, 5))) == 0


def test_a_file_is_indexed_with_all_its_points(plot, tmp_path):
    (index,), cloud = indexed([plot], tmp_path), read(plot)
    assert index.count == len(cloud) == index.cells[:, 2].sum()
    assert index.most_returns == cloud.columns["number_of_returns"].max()
    place = Place.of([index])
    corners = cloud.absolute().min(axis=0), cloud.absolute().max(axis=0)
    np.testing.assert_allclose(place.origin, corners[0], atol=1e-4)
    np.testing.assert_allclose(place.origin + place.high, corners[1], atol=1e-4)
    everything = place.read(Box(0, *place.counts.shape[:1], 0, place.counts.shape[1]))
    order = np.argsort(everything.place)
    np.testing.assert_array_equal(everything.place[order], np.arange(len(cloud)))
    np.testing.assert_allclose(everything.xyz[order], cloud.xyz, atol=2e-5)


def test_a_file_read_in_parts_is_the_file_read_at_once(plot, tmp_path, monkeypatch):
    (whole,) = indexed([plot], tmp_path / "whole")
    monkeypatch.setattr(first_pass, "_PART", 30_011)
    (parts,) = indexed([plot], tmp_path / "parts")
    assert len(parts.spills) == -(-whole.count // 30_011) > 2
    for name in ("count", "has_classes", "foreign", "most_returns", "cells", "points", "lows", "classed_lows"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name), err_msg=name)
    for name in ("spread", "spread_flags"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name), err_msg=name)
    for one, other in zip(parts.strips, whole.strips, strict=True):
        np.testing.assert_array_equal(one, other)
    box = Box(0, 5, 0, 40)
    one, other = Place.of([parts]).read(box), Place.of([whole]).read(box)
    first, second = np.argsort(one.place), np.argsort(other.place)
    for column, same in zip(one, other, strict=True):
        np.testing.assert_array_equal(column[first], same[second])


def test_ground_and_scale_of_two_halves_are_those_of_the_whole(plot, halves, tmp_path):
    facts, _ = find_facts(indexed(halves[:2], tmp_path), GraphConfig())
    cloud = read(plot)
    ground = find_ground(cloud)
    assert facts.surface.source == ground.source == "file"
    height = facts.surface.terrain.heights(cloud.xyz)
    assert np.abs(height - ground.height).max() < 0.2
    assert np.abs(height - ground.height).mean() < 0.005
    assert facts.scale == scale_normalisation(cloud.xyz[~ground.mask], GraphConfig())
    assert facts.with_returns


def test_a_few_points_far_away_are_of_no_place(plot, tmp_path):
    las = laspy.read(plot)
    las.points = las.points[np.arange(0, len(las), 10)]
    las.X[:5] += 50_000_000
    las.write(tmp_path / "strays.laz")
    (index,) = indexed([tmp_path / "strays.laz"], tmp_path)
    place = Place.of([index])
    assert place.strays == 5
    assert place.high[0] < 100
    assert place.points == index.count - 5


def test_what_is_kept_of_a_wide_survey_is_bounded():
    class Header:
        def __init__(self, side):
            self.layout = type("Layout", (), {"count": 60_000_000})
            self.bounds = np.array([[0.0, 0, 0], [side, side, 30]])

    fine, coarse = Grain.of([Header(300.0)]), Grain.of([Header(20_000.0)] * 40)
    assert fine.cell == 0.25
    assert (20_000 / coarse.cell) ** 2 <= 4_100_000
    assert coarse.spread * 40 <= 1_000_000


def test_what_is_kept_of_a_chunk_does_not_keep_the_chunk(plot):
    source = open_las(plot)
    seen = _Running(source, source.meaning, Grain.of([source]), 0)
    raw, columns = next(iter(source.chunks(_COLUMNS)))
    with spilling(plot.with_suffix(".points")) as writer:
        seen.add(raw, columns, writer)
    assert all(kept.base is None for part in seen._spread for kept in part)
