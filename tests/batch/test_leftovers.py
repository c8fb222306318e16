"""What a killed run has left behind is cleared away, and what a running one writes is not."""

import os
import subprocess
import sys
import time

import pytest

from leafwood.batch.leftovers import clear_leftovers
from leafwood.io.target import machine, scratch_name, writing


@pytest.fixture(scope="module")
def ended():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    return process.pid


def test_what_nobody_writes_any_more_goes(tmp_path, ended):
    for name in (f".leafwood-{machine()}-{ended}-0a1b2c3d.part", f".leafwood-{ended}-0a1b2c3d.part"):
        (tmp_path / name).write_bytes(b"half")
    folder = tmp_path / f".leafwood-{machine()}-{ended}-0a1b2c3d-x_1"
    folder.mkdir()
    (folder / "plain.laz").write_bytes(b"half")
    assert len(clear_leftovers([tmp_path, tmp_path])) == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="as Linux lists them")
def test_what_a_dead_process_left_goes_though_nobody_has_asked_how_it_ended(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE)
    process.stdout.read()  # until it has ended
    left = tmp_path / f".leafwood-{machine()}-{process.pid}-0a1b2c3d.part"
    left.write_bytes(b"half")
    until = time.monotonic() + 20
    while left.exists() and time.monotonic() < until:
        clear_leftovers([tmp_path])
    assert not left.exists()
    process.wait()
    process.stdout.close()


def test_what_a_process_writes_stays(tmp_path):
    with writing(tmp_path / "a.laz", None, overwrite=False) as stream:
        stream.write(b"half")
        assert clear_leftovers([tmp_path]) == []
    assert [path.name for path in tmp_path.iterdir()] == ["a.laz"]
    other = tmp_path / f".leafwood-{machine()}-{os.getppid()}-0a1b2c3d.part"
    other.write_bytes(b"half")
    assert clear_leftovers([tmp_path]) == []


def test_another_machines_go_after_a_day(tmp_path, ended):
    path = tmp_path / f".leafwood-ffffffff-{ended}-0a1b2c3d.part"
    path.write_bytes(b"half")
    assert clear_leftovers([tmp_path]) == []
    old = time.time() - 2 * 86_400
    os.utime(path, (old, old))
    assert clear_leftovers([tmp_path]) == [path]


@pytest.mark.parametrize(
    "name", [".leafwood-notes.txt", ".leafwood-rc", "leafwood_failed.lst", ".leafwood-12x-aa.part"]
)
def test_other_files_stay(tmp_path, name):
    (tmp_path / name).write_bytes(b"mine")
    assert clear_leftovers([tmp_path]) == []
    assert (tmp_path / name).exists()


def test_a_folder_that_is_not_there_is_no_failure(tmp_path):
    assert clear_leftovers([tmp_path / "none"]) == []


def test_names_say_who_writes():
    assert scratch_name().startswith(f".leafwood-{machine()}-{os.getpid()}-")
