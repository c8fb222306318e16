"""Small scans for tests at the shell, and the command in a process of its own."""

import subprocess
import sys
from pathlib import Path

import laspy
import numpy as np
import pytest

SAMPLE = Path(__file__).resolve().parents[2] / "data_samples" / "single_tree.laz"


@pytest.fixture(scope="session")
def small_scan(tmp_path_factory):
    """The middle of a sample: 7,544 points, 300 to the square metre, ground below."""
    las = laspy.read(SAMPLE)
    x, y = las.x - las.x.min(), las.y - las.y.min()
    las.points = las.points[np.flatnonzero((abs(x - 5) < 2.5) & (abs(y - 5) < 2.5))[::4]]
    path = tmp_path_factory.mktemp("small") / "small.laz"
    las.write(path)
    return path


@pytest.fixture(scope="session")
def shell():
    """Runs leafwood as at a shell; `prefix` is a line of bash before it, such as a limit."""

    def run(*words, prefix="", cwd=None, timeout=600):
        command = [sys.executable, "-m", "leafwood", *map(str, words)]
        if prefix:
            command = ["bash", "-c", f'{prefix}; exec "$@"', "bash", *command]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=cwd, check=False)

    return run


def errors_of(done):
    """Lines on stderr that are no warnings."""
    return [line for line in done.stderr.splitlines() if "warning:" not in line]
