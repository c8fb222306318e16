"""A survey that is killed leaves no output that is not whole, and the next run takes away what it kept on disk."""

import os
import signal
import subprocess
import sys
import time

import laspy
import numpy as np
import pytest

from leafwood.batch.leftovers import clear_leftovers


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_a_survey_that_is_killed_leaves_nothing_behind(plot, tmp_path, name):
    las, jobs = laspy.read(plot), []
    x = np.asarray(las.x)
    for side, inside in (("west", x < np.median(x)), ("east", x >= np.median(x))):
        laspy.LasData(las.header, las.points[np.flatnonzero(inside)]).write(tmp_path / f"{side}.laz")
        jobs.append(tmp_path / f"{side}.laz")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "leafwood", "segment", *jobs, "-o", out, "--memory", "500MB", "--threads", "1"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*map(str, command)], start_new_session=True, **quiet) as running:
        deadline = time.monotonic() + 120
        while not list(out.glob(".leafwood-*/tile_*")) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert list(out.glob(".leafwood-*/tile_*")), "no tile was seen"
        if name == "SIGKILL":
            os.killpg(running.pid, signal.SIGKILL)
        else:
            running.send_signal(signal.SIGTERM)
    assert running.returncode != 0
    assert not list(out.glob("*.laz"))
    deadline = time.monotonic() + 30
    while (
        list(out.glob(".leafwood-*")) and time.monotonic() < deadline
    ):  # a process with much memory takes a while to end
        clear_leftovers([out])
        time.sleep(0.1)
    assert not list(out.glob(".leafwood-*"))
