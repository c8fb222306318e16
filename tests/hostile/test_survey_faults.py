"""What happens to runs of many scans, done for real: kills, full disks, scans that change, runs side by side."""

import json
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

SAMPLE = Path(__file__).resolve().parents[2] / "data_samples" / "single_tree.laz"
COMMAND = [sys.executable, "-m", "leafwood", "segment"]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits and signals of Unix")


def segment(*words, prefix=""):
    command = [*COMMAND, *map(str, words)]
    if prefix:
        command = ["bash", "-c", f'{prefix}; exec "$@"', "bash", *command]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def started(*words):
    pipe = subprocess.PIPE
    return subprocess.Popen([*COMMAND, *map(str, words)], stdout=pipe, stderr=pipe, text=True, start_new_session=True)


def lines(folder):
    """What the manifest says of files; lines that are none, as a kill leaves them, apart."""
    found = []
    for path in folder.glob("leafwood_manifest*.jsonl"):
        for line in path.read_bytes().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
    return [line for line in found if "state" in line]


def made(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*.laz")}


def errors(done):
    return [line for line in done.stderr.splitlines() if "warning:" not in line]


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Four small scans that are not equal."""
    folder = tmp_path_factory.mktemp("scans")
    las = laspy.read(SAMPLE)
    x, y = las.x - las.x.min(), las.y - las.y.min()
    near = np.flatnonzero((abs(x - 5) < 2.5) & (abs(y - 5) < 2.5))
    points = las.points
    for number in range(4):
        las.points = points[near[number::4]]
        las.write(folder / f"{number}.laz")
    return folder


@pytest.fixture(scope="module")
def whole(scans, tmp_path_factory):
    """What an undisturbed run makes of them."""
    folder = tmp_path_factory.mktemp("whole")
    done = segment(scans, "-o", folder)
    assert done.returncode == 0, done.stderr
    return made(folder)


@pytest.mark.parametrize("after", [0.0, 0.3, 0.8, 1.5])
@pytest.mark.parametrize("workers", [0, 2])
def test_killed_at_any_moment_and_resumed_it_is_the_same_bytes(scans, whole, tmp_path, after, workers):
    words = [scans, "-o", tmp_path / "out", *(["--workers", workers] if workers else [])]
    with started(*words) as running:
        assert running.stdout.readline()  # the first of four is there
        time.sleep(after)
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
    names = [line["output"] for line in lines(tmp_path / "out") if line["state"] == "done"]
    kept = {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in names}
    again = segment(*words, "--resume")
    assert again.returncode == 0, again.stderr
    assert made(tmp_path / "out") == whole
    assert {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in names} == kept  # and not made again
    assert not list((tmp_path / "out").glob(".leafwood-*"))


def test_resume_does_again_what_is_not_done_and_nothing_else(scans, whole, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(scans, tmp_path / "in")
    assert segment(tmp_path / "in", "-o", out).returncode == 0
    (out / "0_leafwood.laz").write_bytes(b"LASF cut short")
    os.utime(out / "0_leafwood.laz", (2**32, 2**32))  # it looks new
    shutil.copy(scans / "3.laz", tmp_path / "in" / "1.laz")
    os.utime(tmp_path / "in" / "1.laz", (1, 1))  # it looks old
    os.utime(tmp_path / "in" / "2.laz", (2**32, 2**32))  # it looks new and is as it was
    before = (out / "2_leafwood.laz").stat().st_mtime_ns
    segment_again = segment(tmp_path / "in", "-o", out, "--resume", "--overwrite")  # to overwrite is to do it all
    assert segment_again.returncode == 0
    assert (out / "2_leafwood.laz").stat().st_mtime_ns > before
    (out / "0_leafwood.laz").write_bytes(b"LASF cut short, leafwood wood_prob")
    before = (out / "2_leafwood.laz").stat().st_mtime_ns
    done = segment(tmp_path / "in", "-o", out, "--resume")
    assert done.returncode == 0, done.stderr
    assert (out / "2_leafwood.laz").stat().st_mtime_ns == before
    assert (out / "0_leafwood.laz").read_bytes() == whole["0_leafwood.laz"]
    assert (out / "1_leafwood.laz").read_bytes() == whole["3_leafwood.laz"]


def test_other_settings_are_not_done_yet(scans, whole, tmp_path):
    out = tmp_path / "out"
    assert segment(scans, "-o", out).returncode == 0
    done = segment(scans, "-o", out, "--rule", "balanced")
    assert done.returncode == 0
    assert "left alone: 4 labelled files that no run with these settings has noted; --resume" in done.stderr
    assert made(out) == whole
    done = segment(scans, "-o", out, "--rule", "balanced", "--resume")
    assert done.returncode == 0, done.stderr
    assert all(content != whole[name] for name, content in made(out).items())
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.laz")}
    assert "there already" in segment(scans, "-o", out, "--rule", "balanced", "--resume", "--threads", "1").stdout
    assert {path: path.stat().st_mtime_ns for path in out.glob("*.laz")} == before


def test_what_somebody_else_wrote_is_not_replaced(scans, tmp_path):
    (tmp_path / "0_leafwood.laz").write_bytes(b"mine")
    done = segment(scans, "-o", tmp_path, "--resume")
    assert done.returncode == 1
    assert "leafwood did not write it; --overwrite replaces it" in done.stderr
    assert (tmp_path / "0_leafwood.laz").read_bytes() == b"mine"
    assert len(list(tmp_path.glob("*.laz"))) == 4


@pytest.mark.parametrize("how", ["changed", "gone"])
def test_a_scan_that_changes_meanwhile_is_not_done(scans, whole, tmp_path, how):
    shutil.copytree(scans, tmp_path / "in")
    last, out = tmp_path / "in" / "3.laz", tmp_path / "out"
    with started(tmp_path / "in", "-o", out) as running:
        assert running.stdout.readline()
        if how == "changed":
            shutil.copy(scans / "0.laz", tmp_path / "in" / "new")
            (tmp_path / "in" / "new").replace(last)
        else:
            last.unlink()
        said = running.communicate(timeout=300)[1]
    assert running.returncode == 1
    assert any(
        "3.laz" in line and ("changed or taken away" in line or "No such file" in line) for line in said.splitlines()
    )
    assert not (out / "3_leafwood.laz").exists()
    (line,) = (line for line in lines(out) if line["output"] == "3_leafwood.laz")
    assert line["state"] == "failed"
    assert (out / "leafwood_failed.lst").read_text() == f"{last}\n"
    shutil.copy(scans / "3.laz", last)
    assert segment(tmp_path / "in", "-o", out, "--resume").returncode == 0
    assert made(out) == whole


def test_a_disk_that_fills_up_is_a_line_a_file_and_resumed_when_there_is_room(scans, whole, tmp_path):
    sizes = sorted(len(content) for content in whole.values())
    limit = sizes[1] // 1024  # some fit and some do not
    done = segment(scans, "-o", tmp_path / "out", prefix=f"ulimit -f {limit}")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    states = [line["state"] for line in lines(tmp_path / "out")]
    assert states.count("failed") == sum("ulimit -f" in line for line in done.stderr.splitlines()) > 0
    again = segment(scans, "-o", tmp_path / "out", "--resume")
    assert again.returncode == 0, again.stderr
    assert made(tmp_path / "out") == whole


def test_on_a_full_disk_of_its_own(scans, whole, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    size = sum(map(len, whole.values())) * 6 // 10
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", disk]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        done = segment(scans, "-o", disk / "out")
        assert done.returncode == 1
        assert "is full" in done.stderr
        assert "Traceback" not in done.stderr
        assert not list(disk.rglob(".leafwood-*"))
        subprocess.run(["mount", "-o", f"remount,size={size * 4}", disk], check=True)
        again = segment(scans, "-o", disk / "out", "--resume")
        assert again.returncode == 0, again.stderr
        assert made(disk / "out") == whole
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_ctrl_c_is_a_line_and_what_was_done_stays(scans, whole, tmp_path):
    with started(scans, "-o", tmp_path / "out") as running:
        assert running.stdout.readline()
        os.killpg(running.pid, signal.SIGINT)
        said = running.communicate(timeout=60)[1]
    assert running.returncode == 130
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "leafwood: stopped"
    assert any(line["state"] == "done" for line in lines(tmp_path / "out"))
    assert segment(scans, "-o", tmp_path / "out", "--resume").returncode == 0
    assert made(tmp_path / "out") == whole


def test_of_two_runs_on_a_folder_the_second_is_refused_by_one_line(scans, whole, tmp_path):
    with started(scans, "-o", tmp_path / "out") as running:
        assert running.stdout.readline()
        os.killpg(running.pid, signal.SIGSTOP)  # it takes as long as the second needs
        second = segment(scans, "-o", tmp_path / "out")
        os.killpg(running.pid, signal.SIGCONT)
        running.communicate(timeout=300)
    assert running.returncode == 0
    assert second.returncode == 1
    (line,) = errors(second)
    assert f"process {running.pid} on " in line
    assert line.endswith("is labelling into this folder; wait for it, or choose another -o")
    assert made(tmp_path / "out") == whole


def test_parts_at_the_same_time_make_what_one_run_makes(scans, whole, tmp_path):
    parts = [started(scans, "-o", tmp_path / "out", "--part", f"{number}/3") for number in (1, 2, 3)]
    for part in parts:
        said = part.communicate(timeout=600)[1]
        assert part.returncode == 0, said
    assert made(tmp_path / "out") == whole
    none = segment(scans, "-o", tmp_path / "out", "--part", "5/5")
    assert none.returncode == 0
    assert "part 5 of 5: no files are left for it" in none.stdout
    again = segment(scans, "-o", tmp_path / "out", "--resume")
    assert again.returncode == 0
    assert "files there already" in again.stdout
    assert len([line for line in lines(tmp_path / "out") if line["state"] == "done"]) == 4


def workers_of(process):
    """Processes that a run has started to label in."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            words = path.with_name("cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if parent == process.pid and b"spawn_main" in words:
            found.append(int(path.parent.name))
    return sorted(found)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_killed_worker_costs_nothing_but_time(scans, whole, tmp_path):
    with started(scans, "-o", tmp_path / "out", "--workers", "2") as running:
        assert running.stdout.readline()
        os.kill(workers_of(running)[-1], signal.SIGKILL)
        said = running.communicate(timeout=300)[1]
    assert running.returncode == 0, said
    assert made(tmp_path / "out") == whole
    assert sorted(line["state"] for line in lines(tmp_path / "out")) == ["done"] * 4


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_without_workers_a_killed_process_is_one_failed_scan_that_is_resumed(scans, whole, tmp_path):
    with started(scans, "-o", tmp_path / "out") as running:
        assert running.stdout.readline()
        os.kill(workers_of(running)[-1], signal.SIGKILL)
        said = running.communicate(timeout=300)[1]
    assert running.returncode == 1
    assert "SIGKILL" in said
    assert sorted(line["state"] for line in lines(tmp_path / "out")) == ["done"] * 3 + ["failed"]
    again = segment(scans, "-o", tmp_path / "out", "--resume")
    assert again.returncode == 0, again.stderr
    assert made(tmp_path / "out") == whole
    assert not (tmp_path / "out" / "leafwood_failed.lst").exists()


def cut_in_two(folder):
    """Two files that touch."""
    las = laspy.read(SAMPLE)
    points, x = las.points, np.asarray(las.x)
    folder.mkdir()
    for name, side in (("left", x < np.median(x)), ("right", x >= np.median(x))):
        las.points = points[side]
        las.write(folder / f"{name}.laz")


def test_a_scan_that_gets_a_neighbour_is_not_done_yet(tmp_path):
    cut_in_two(tmp_path / "in")
    out, right = tmp_path / "out", tmp_path / "in" / "right.laz"
    right.rename(tmp_path / "right.laz")
    assert segment(tmp_path / "in", "-o", out, "--resume").returncode == 0
    alone = made(out)
    (tmp_path / "right.laz").rename(right)
    assert segment(tmp_path / "in", "-o", out, "--resume").returncode == 0
    assert segment(tmp_path / "in", "-o", tmp_path / "afresh").returncode == 0
    assert made(out) == made(tmp_path / "afresh")
    assert made(out)["left_leafwood.laz"] != alone["left_leafwood.laz"]


def test_a_part_sees_the_scans_beside_its_own(tmp_path):
    cut_in_two(tmp_path / "in")
    assert segment(tmp_path / "in", "-o", tmp_path / "one").returncode == 0
    for number in (1, 2):
        done = segment(tmp_path / "in", "-o", tmp_path / "two", "--part", f"{number}/2")
        assert done.returncode == 0, done.stderr
    assert made(tmp_path / "two") == made(tmp_path / "one")
