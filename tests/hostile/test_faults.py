"""Faults of the machine: limits, read-only folders, kills. One line each, no input changed, nothing left in the end."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import laspy
import numpy as np
import pytest

from leafwood.errors import FileProblem
from leafwood.io.target import why_not_written, writing

SAMPLE = Path(__file__).resolve().parents[2] / "data_samples" / "single_tree.laz"
unix = pytest.mark.skipif(sys.platform == "win32", reason="limits and signals of Unix")


def leafwood(*words, prefix=""):
    command = [sys.executable, "-m", "leafwood", *map(str, words)]
    if prefix:
        command = ["bash", "-c", f'{prefix}; exec "$@"', "bash", *command]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Three small scans, one of them in text and one in PLY."""
    folder = tmp_path_factory.mktemp("scans")
    las = laspy.read(SAMPLE)
    x, y = las.x - las.x.min(), las.y - las.y.min()
    las.points = las.points[np.flatnonzero((abs(x - 5) < 2.5) & (abs(y - 5) < 2.5))[::4]]
    las.write(folder / "a.laz")
    np.savetxt(folder / "b.xyz", las.xyz, fmt="%.3f")
    head = f"ply\nformat ascii 1.0\nelement vertex {len(las)}\n" + "".join(f"property double {c}\n" for c in "xyz")
    (folder / "c.ply").write_text(head + "end_header\n" + "".join(f"{x} {y} {z}\n" for x, y, z in las.xyz))
    return folder


@unix
@pytest.mark.parametrize("name", ["a.laz", "b.xyz", "c.ply"])
def test_a_limit_on_the_size_of_files_is_one_line(scans, tmp_path, name):
    done = leafwood("segment", scans / name, "-o", tmp_path / name, prefix="ulimit -f 20")
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if "warning:" not in line]
    assert len(errors) == 1, done.stderr
    assert "ulimit -f" in errors[0]
    assert name in errors[0]
    assert list(tmp_path.iterdir()) == []


@unix
def test_in_a_batch_too(scans, tmp_path):
    done = leafwood("segment", scans, "-o", tmp_path / "out", prefix="ulimit -f 20")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert sum("ulimit -f" in line for line in done.stderr.splitlines()) == 3
    left = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert left == ["leafwood_failed.lst", "leafwood_manifest.jsonl"]


@unix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_folder_that_may_not_be_written_to_is_one_line(scans, tmp_path):
    (tmp_path / "out").mkdir(mode=0o500)
    done = leafwood("segment", scans / "a.laz", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert "you may not write to" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


class FromLibrary(Exception):
    """As LAZ and other libraries wrap the system's errors."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "is full"),
        (FromLibrary("IoError: No space left on device (os error 28)"), "is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "quota"),
        (OSError(errno.EROFS, "Read-only file system"), "read-only"),
        (OSError(errno.EACCES, "Permission denied"), "may not write"),
        (FromLibrary("File too large (os error 27)"), "ulimit -f"),
    ],
)
def test_what_the_disk_refuses_names_the_disk(tmp_path, error, said):
    assert said in why_not_written(error, tmp_path)
    with pytest.raises(FileProblem, match=r"out\.laz: cannot be written"), writing(tmp_path / "out.laz", None, False):
        raise error
    assert list(tmp_path.iterdir()) == []


def test_other_errors_are_not_the_disks(tmp_path):
    assert why_not_written(ValueError("no"), tmp_path) is None
    with pytest.raises(ValueError, match="no"), writing(tmp_path / "out.laz", None, False):
        raise ValueError("no")


WRITER = """
import sys, time
from pathlib import Path
from leafwood.io.target import writing
with writing(Path(sys.argv[1]), None, False) as stream:
    stream.write(b"half")
    stream.flush()
    print("writing", flush=True)
    time.sleep(60)
"""


@unix
def test_a_kill_in_the_middle_of_a_write_is_cleared_by_the_next_run(scans, tmp_path):
    target = tmp_path / "a_leafwood.laz"
    with subprocess.Popen([sys.executable, "-c", WRITER, target], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout.readline() == "writing\n"
        running.send_signal(signal.SIGKILL)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".leafwood-")
    shutil.copy(scans / "a.laz", tmp_path / "a.laz")
    done = leafwood("segment", tmp_path / "a.laz")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.laz", "a_leafwood.laz"]


@unix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT", "SIGKILL"])
def test_a_run_that_is_ended_leaves_whole_files_and_goes_on(scans, tmp_path, name):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(6):
        shutil.copy(scans / "a.laz", folder / f"{number}.laz")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    command = [sys.executable, "-m", "leafwood", "segment", folder, "-o", tmp_path / "out"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as running:
        assert "points" in running.stdout.readline()
        running.send_signal(getattr(signal, name))
        said = running.communicate(timeout=120)[1]
    assert running.returncode != 0
    assert "Traceback" not in said
    until = time.monotonic() + 60
    while time.monotonic() < until and any(_runs_in(running.pid)):
        time.sleep(0.2)
    assert not any(_runs_in(running.pid))
    again = leafwood("segment", folder, "-o", tmp_path / "out", "--resume")
    assert again.returncode == 0, again.stderr
    assert sorted(path.name for path in (tmp_path / "out").glob("*.laz")) == [f"{n}_leafwood.laz" for n in range(6)]
    assert {path.read_bytes() for path in (tmp_path / "out").glob("*.laz")} == {
        (tmp_path / "out" / "0_leafwood.laz").read_bytes()
    }
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def _runs_in(group):
    """A truth for each process of a group that is still there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return
    yield True


@unix
def test_workers_without_a_temporary_folder_are_one_line(scans, tmp_path):
    pytest.importorskip("distributed")
    prefix = f"export TMPDIR={tmp_path / 'none'} TEMP=/none TMP=/none; cd /proc"
    done = leafwood(
        "segment", scans / "a.laz", scans / "b.xyz", "-o", tmp_path / "out", "--workers", "1", prefix=prefix
    )
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1)
