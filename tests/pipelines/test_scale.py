"""Scans of any size for the benchmark, and the choice of the buffer."""

import sys

import laspy
import numpy as np
import pytest


@pytest.fixture
def small(samples, tmp_path):
    las = laspy.read(samples / "single_tree.laz")
    las.points = las.points[np.arange(0, len(las), 10)]
    las.write(tmp_path / "small.laz")
    return tmp_path / "small.laz"


def test_a_periodic_scan_has_copies_side_by_side(pipeline, small, tmp_path):
    one, many = (
        laspy.read(small),
        laspy.read(pipeline("benchmark_scale").periodic(small, 4 * len(laspy.read(small)), tmp_path / "many.laz")),
    )
    assert len(many) == 4 * len(one)
    for axis in "XY":
        wide, narrow = np.ptp(many[axis]), np.ptp(one[axis])
        assert wide == 2 * narrow + 1
    end = one.X.max(), one.Y.max()
    assert np.count_nonzero((end[0] >= many.X) & (end[1] >= many.Y)) == len(one)


def test_the_memory_of_a_command_is_that_of_all_its_processes(pipeline):
    waste = "import time; x = bytearray(200_000_000); time.sleep(1.5)"
    start = f"import subprocess, sys, threading as t; waste = [sys.executable, '-c', {waste!r}]; "
    start += "t.Thread(target=lambda: subprocess.run(waste)).start()"  # Dask starts its workers from a thread as well
    seconds, _, peak = pipeline("benchmark_scale").run([sys.executable, "-c", start])
    assert seconds > 1.5
    assert 0.2 < peak < 0.4


def test_buffers_are_compared_by_the_labels_that_change(pipeline, small, capsys):
    pipeline("choose_buffer").main([str(small), "--tile", "0.6", "--buffers", "3+8", "1"])
    row = capsys.readouterr().out.splitlines()[-1]
    assert row.startswith(f"| small.laz | {len(laspy.read(small)):,} |")
    assert row.count("%") == 2
