"""Which scans are labelled, and where their labels go."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafwood.batch.plan import FAILED, is_made, note_failed, plan
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
