"""Which scans are labelled, and where their labels go."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafwood.batch.plan import FAILED, Part, failures_below, is_made, note_failed, plan, share
from leafwood.errors import BadConfig, FileProblem, FileWarning


def put(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def relative(jobs, folder):
    return {str(source.relative_to(folder)): str(target.relative_to(folder)) for source, target in jobs.items()}


def test_labels_go_beside_each_scan(tmp_path):
    put(tmp_path, "in/a.laz", "in/sub/b.xyz", "in/c.e57")
    assert relative(plan([tmp_path / "in"]), tmp_path) == {
        "in/a.laz": "in/a_leafwood.laz",
        "in/c.e57": "in/c_leafwood.laz",
        "in/sub/b.xyz": "in/sub/b_leafwood.xyz",
    }


def test_a_folder_keeps_its_shape_in_the_output(tmp_path):
    put(tmp_path, "in/a.laz", "in/deep/er/a.laz", "b.laz")
    jobs = plan([tmp_path / "in", tmp_path / "b.laz"], tmp_path / "out")
    assert relative(jobs, tmp_path) == {
        "in/a.laz": "out/a_leafwood.laz",
        "in/deep/er/a.laz": "out/deep/er/a_leafwood.laz",
        "b.laz": "out/b_leafwood.laz",
    }


def test_one_file_may_be_written_to_a_file(tmp_path):
    put(tmp_path, "a.laz")
    assert plan([tmp_path / "a.laz"], tmp_path / "labels.las") == {tmp_path / "a.laz": tmp_path / "labels.las"}


@pytest.mark.parametrize("paths", [["a.laz", "b.laz"], ["."]])
def test_several_scans_are_not_written_to_one_file(tmp_path, paths):
    put(tmp_path, "a.laz", "b.laz")
    with pytest.raises(BadConfig, match=r"labels\.laz.*folder"):
        plan([tmp_path / path for path in paths], tmp_path / "labels.laz")


def test_two_scans_with_one_output_are_refused_by_name(tmp_path):
    put(tmp_path, "x/a.laz", "y/a.laz")
    with pytest.raises(BadConfig, match=r"x/a\.laz.*y/a\.laz"):
        plan([tmp_path / "x" / "a.laz", tmp_path / "y" / "a.laz"], tmp_path / "out")


@pytest.mark.parametrize("output", [None, "in/out"])
def test_labels_of_the_last_time_are_no_scans(tmp_path, output):
    put(tmp_path, "in/a.laz", "in/sub/b.laz")
    output = output and tmp_path / output
    first = plan([tmp_path / "in"], output)
    for target in first.values():
        put(target.parent, target.name, f"{target.stem}_profile.csv")
    with pytest.warns(FileWarning, match="left out"):
        assert plan([tmp_path / "in"], output) == first


def test_a_labelled_file_alone_is_a_scan(tmp_path):
    put(tmp_path, "a_leafwood.laz")
    assert relative(plan([tmp_path]), tmp_path) == {"a_leafwood.laz": "a_leafwood_leafwood.laz"}


def test_nothing_there_is_said(tmp_path):
    with pytest.raises(FileProblem, match="no such file"):
        plan([tmp_path / "none.laz"])


NAMES = [f"{folder}{name}" for folder in ("", "a/", "bc/", "c/") for name in ("a", "ab", "b", "c")]


@given(names=st.sets(st.sampled_from(NAMES), min_size=1, max_size=8))
def test_every_scan_has_an_output_of_its_own(names, tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    put(folder, *(f"in/{name}.laz" for name in names))
    jobs = plan([folder / "in"], folder / "out")
    assert len(set(jobs.values())) == len(jobs) == len(names)


def test_made_is_what_is_whole_and_no_older(tmp_path):
    put(tmp_path, "a.laz", "out.laz", "out_profile.csv")
    source, target, profile = tmp_path / "a.laz", tmp_path / "out.laz", tmp_path / "out_profile.csv"
    for path, time in ((source, 100), (target, 100), (profile, 99)):
        os.utime(path, (time, time))
    assert is_made(source, [target])
    assert not is_made(source, [target, profile])
    assert not is_made(source, [target, tmp_path / "missing"])


def test_the_list_of_failures_is_of_the_last_time(tmp_path):
    put(tmp_path, "x/a.laz", "x/y/b \udcff.laz")
    jobs = [tmp_path / "x" / "a.laz", tmp_path / "x" / "y" / "b \udcff.laz"]
    note_failed(jobs[1:], jobs)
    assert (tmp_path / "x" / FAILED).read_bytes() == os.fsencode(jobs[1]) + b"\n"
    note_failed([], jobs)
    assert not (tmp_path / "x" / FAILED).exists()
    note_failed(jobs, jobs, tmp_path)
    assert len((tmp_path / FAILED).read_bytes().splitlines()) == 2
    assert not Path(FAILED).exists()


def test_scans_at_addresses_need_a_folder_and_keep_their_names(tmp_path):
    paths = [Path("s3://b/x/a.copc.laz"), Path("https://host/y/b.laz?sig=1/2")]
    jobs = plan(paths, tmp_path / "out")
    assert jobs == {paths[0]: tmp_path / "out/a_leafwood.laz", paths[1]: tmp_path / "out/b_leafwood.laz"}
    with pytest.raises(BadConfig, match=r"s3://b/x/a\.copc\.laz.*`output`"):
        plan(paths[:1])
    assert plan(paths[:1], tmp_path / "one.laz") == {paths[0]: tmp_path / "one.laz"}


def test_a_list_of_files_keeps_its_shape_in_the_output(tmp_path):
    put(tmp_path, "s/a.laz", "s/deep/a.laz")
    items = [{"assets": {"data": {"href": name}}} for name in ("a.laz", "deep/a.laz")]
    (tmp_path / "s" / "all.vpc").write_text(json.dumps({"features": items}))
    assert relative(plan([tmp_path / "s" / "all.vpc"], tmp_path / "out"), tmp_path) == {
        "s/a.laz": "out/a_leafwood.laz",
        "s/deep/a.laz": "out/deep/a_leafwood.laz",
    }
    with pytest.raises(BadConfig, match="one file cannot hold"):
        plan([tmp_path / "s" / "all.vpc"], tmp_path / "one.laz")


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/3", "1/3/4", ""])
def test_what_is_no_part_is_refused(text):
    with pytest.raises(BadConfig, match="`part`"):
        Part.parse(text)


@given(sizes=st.lists(st.integers(0, 5000), max_size=40), of=st.integers(1, 12))
def test_every_scan_is_in_one_part_and_the_parts_weigh_the_same(sizes, of, tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    jobs = {}
    for number, size in enumerate(sizes):
        scan = folder / f"{number}.laz"
        scan.write_bytes(bytes(size))
        jobs[scan] = folder / f"{number}_leafwood.laz"
    parts = [share(jobs, Part(number, of)) for number in range(1, of + 1)]
    assert sorted(scan for part in parts for scan in part) == sorted(jobs)
    turned = dict(reversed(jobs.items()))
    assert [share(turned, Part(number, of)) for number in range(1, of + 1)] == parts
    weights = [sum(scan.stat().st_size + 1 for scan in part) for part in parts]
    assert max(weights) - min(weights) <= max(sizes, default=0) + 1  # as the largest goes to the lightest


def test_each_part_has_its_own_list_of_failures(tmp_path):
    jobs = [tmp_path / "a.laz", tmp_path / "b.laz"]
    for number, scan in enumerate(jobs, 1):
        note_failed([scan], [scan], tmp_path, Part(number, 2))
    assert set(failures_below([tmp_path])) == set(jobs)
    note_failed([], jobs[:1], tmp_path, Part(1, 2))
    assert set(failures_below([tmp_path])) == {jobs[1]}
