"""A survey has the labels of the uncut scan, whatever its files and whoever labels it."""

import json

import laspy
import numpy as np
import pytest

from leafwood.batch.one_file import LabelOptions, label_file
from leafwood.batch.survey import engine, first_pass
from leafwood.batch.survey.catalogue import catalogue_path
from leafwood.batch.survey.engine import label_survey
from leafwood.batch.units import units_of
from leafwood.batch.workers import Ended, InTurn
from leafwood.errors import BadCloud, BadFile, FileProblem
from leafwood.memory import LEAST

pytestmark = pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")
SMALL = LabelOptions(memory=LEAST, threads=1)  # a dozen tiles


def labels(path):
    return np.asarray(laspy.read(path).leafwood)


@pytest.fixture(scope="module")
def whole(plot, tmp_path_factory):
    """Labels of the uncut plot, labelled in memory."""
    target = tmp_path_factory.mktemp("whole") / "whole.laz"
    label_file(plot, target, LabelOptions(threads=1))
    return labels(target)


@pytest.fixture(scope="module")
def cut(halves, tmp_path_factory):
    """Outputs of the halves, labelled as one survey in many tiles, and the progress that was told."""
    folder, told = tmp_path_factory.mktemp("cut"), []
    jobs = {half: folder / half.name for half in halves[:2]}
    for _, made in label_survey(jobs, SMALL, InTurn(), lambda *counts: told.append(counts)):
        assert not isinstance(made, Exception), made
    return list(jobs.values()), told


@pytest.mark.slow
def test_a_scan_cut_in_two_has_the_labels_of_the_uncut_one(plot, halves, whole, cut):
    (west, east), told = cut
    together = np.empty_like(whole)
    together[halves[2]], together[~halves[2]] = labels(west), labels(east)
    x = np.asarray(laspy.read(plot).x)
    near = np.abs(x - np.median(x)) < 2
    differs = together != whole
    assert differs.mean() < 0.005
    assert differs[near].mean() < 0.005
    assert len(told) > 4
    assert told[-1] == (len(whole), len(whole))


@pytest.mark.slow
def test_points_keep_their_order_and_all_else(halves, cut):
    for source, target in zip(halves[:2], cut[0], strict=True):
        before, after = laspy.read(source), laspy.read(target)
        np.testing.assert_array_equal(after.xyz, before.xyz)
        for name in before.point_format.dimension_names:
            np.testing.assert_array_equal(after[name], before[name])


@pytest.mark.slow
def test_nothing_is_left_on_disk(cut):
    for target in cut[0]:
        assert not [path for path in target.parent.iterdir() if path.suffix not in (".laz", ".geojson")]


@pytest.mark.slow
def test_the_index_has_every_file_and_every_point_in_a_tile(halves, cut):
    index = json.loads(catalogue_path(cut[0][0]).read_text())
    known = [feature["properties"] for feature in index["features"]]
    files, tiles = ([entry for entry in known if entry["kind"] == kind] for kind in ("file", "tile"))
    assert [entry["input"] for entry in files] == [str(half) for half in halves[:2]]
    assert sum(entry["points"] for entry in tiles) == sum(entry["points"] for entry in files) == len(halves[2])
    assert all(entry["leaf"] > entry["wood"] > 0 for entry in files)


def test_files_that_touch_are_one_survey_and_others_are_not(halves, plot, tmp_path):
    west, east, _ = halves
    far = tmp_path / "far.laz"
    las = laspy.read(east)
    las.x = np.asarray(las.x) + 500
    las.write(far)
    jobs = {path: tmp_path / f"{path.stem}_out.laz" for path in (far, west, east)}
    units = units_of(jobs, LabelOptions())
    assert [list(unit.jobs) for unit in units] == [[far], [west, east]]
    assert [unit.tiled for unit in units] == [False, True]
    again = units_of({plot: tmp_path / "a.laz", east: tmp_path / "b.laz"}, LabelOptions())
    assert [unit.tiled for unit in again] == [False, False]  # the same place twice


def test_a_file_that_is_labelled_already_is_still_seen(halves, tmp_path):
    west, east, _ = halves
    (unit,) = units_of({east: tmp_path / "east.laz"}, LabelOptions(), [west, east])
    assert unit == ({east: tmp_path / "east.laz"}, (west,), True)


def test_files_without_a_coordinate_system_are_labelled_by_themselves(halves, tmp_path):
    jobs = {}
    for half in halves[:2]:
        las = laspy.read(half)
        las.vlrs.clear()
        las.write(tmp_path / half.name)
        jobs[tmp_path / half.name] = tmp_path / f"out_{half.name}"
    assert not any(unit.tiled for unit in units_of(jobs, LabelOptions()))


def test_a_scan_that_does_not_fit_into_memory_is_labelled_from_disk(plot, tmp_path):
    assert units_of({plot: tmp_path / "a.laz"}, SMALL)[0].tiled
    assert not units_of({plot: tmp_path / "a.laz"}, LabelOptions())[0].tiled


@pytest.mark.parametrize("part", [10**6, 5_003], ids=["at once", "in parts"])
def test_copc_is_labelled_from_disk_as_the_same_points_in_laz(plot, write_copc, tmp_path, part, monkeypatch):
    monkeypatch.setattr(first_pass, "_PART", part)
    copc = write_copc(tiny(plot, tmp_path / "some.laz", every=8), tmp_path / "some.copc.laz")
    las = laspy.read(copc)
    with laspy.open(tmp_path / "plain.laz", "w", header=laspy.read(tmp_path / "some.laz").header) as plain:
        plain.write_points(las.points)
    found = []
    for scan in (copc, tmp_path / "plain.laz"):
        target = tmp_path / f"out_{scan.stem.split('.')[0]}.laz"
        ((_, made),) = label_survey({scan: target}, SMALL, InTurn())
        assert made.counts.sum() == len(las)
        found.append(laspy.read(target))
    np.testing.assert_array_equal(found[0].xyz, las.xyz)
    np.testing.assert_array_equal(found[0]["leafwood"], found[1]["leafwood"])
    np.testing.assert_array_equal(found[0]["wood_prob"], found[1]["wood_prob"])


def tiny(source, target, every=40):
    las = laspy.read(source)
    las.points = las.points[np.arange(0, len(las), every)]
    las.write(target)
    return target


def test_a_damaged_file_does_not_stop_the_others(halves, tmp_path):
    good, bad = tiny(halves[0], tmp_path / "good.laz"), tmp_path / "bad.laz"
    bad.write_bytes(halves[1].read_bytes()[:200_000])
    jobs = {good: tmp_path / "good_out.laz", bad: tmp_path / "bad_out.laz"}
    outcomes = dict(label_survey(jobs, LabelOptions(force=True), InTurn()))
    assert isinstance(outcomes[bad], BadFile)
    assert outcomes[good].counts.sum() == len(laspy.read(good))
    assert not jobs[bad].exists()


def test_a_tile_that_is_too_large_is_tried_again_in_halves(halves, tmp_path, monkeypatch):
    source, tried = tiny(halves[0], tmp_path / "a.laz"), []
    look = engine.look_at_tile

    def too_large(segmenter, facts, folder, box):
        tried.append(box)
        if len(tried) == 1:
            raise MemoryError
        return look(segmenter, facts, folder, box)

    monkeypatch.setattr(engine, "look_at_tile", too_large)
    ((_, made),) = label_survey({source: tmp_path / "out.laz"}, LabelOptions(force=True), InTurn())
    assert made.counts.sum() == len(laspy.read(source))
    assert len(tried) == 3


def test_a_tile_that_always_fails_is_said_of_its_files(halves, tmp_path, monkeypatch):
    source = tiny(halves[0], tmp_path / "a.laz")

    def ended(segmenter, facts, folder, box):
        raise Ended("ended its process")

    monkeypatch.setattr(engine, "look_at_tile", ended)
    ((_, failure),) = label_survey({source: tmp_path / "out.laz"}, LabelOptions(force=True), InTurn())
    assert isinstance(failure, FileProblem)
    assert "a.laz: a tile of it ended its process" in str(failure)
    assert not (tmp_path / "out.laz").exists()
    assert not list(tmp_path.glob(".leafwood*"))


def test_a_disk_that_is_too_small_is_said_before_the_work(halves, tmp_path, monkeypatch):
    monkeypatch.setattr(engine.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 10**6}))
    ((_, failure),) = label_survey({halves[0]: tmp_path / "out.laz"}, LabelOptions(), InTurn())
    assert isinstance(failure, FileProblem)
    assert "of disk" in str(failure)


def test_what_befalls_the_survey_is_told_of_each_scan_once(halves, tmp_path, monkeypatch):
    good, bad = tiny(halves[0], tmp_path / "good.laz"), tmp_path / "bad.laz"
    bad.write_bytes(b"LASF")

    def full(segmenter, facts, folder, box):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(engine, "look_at_tile", full)
    jobs = {path: tmp_path / f"{path.stem}_out.laz" for path in (bad, good)}
    outcomes = list(label_survey(jobs, LabelOptions(force=True), InTurn()))
    assert [source for source, _ in outcomes] == [bad, good]
    assert isinstance(outcomes[0][1], BadFile)
    assert isinstance(outcomes[1][1], FileProblem)
    assert "disk" in str(outcomes[1][1]) or "space" in str(outcomes[1][1])


def test_a_survey_that_is_far_too_sparse_is_refused(halves, tmp_path):
    source = tiny(halves[0], tmp_path / "a.laz")
    ((_, failure),) = label_survey({source: tmp_path / "out.laz"}, LabelOptions(), InTurn())
    assert isinstance(failure, BadCloud)
    assert "points/m²" in str(failure)
