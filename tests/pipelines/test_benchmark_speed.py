"""The benchmark runs on a sample, and its numbers are of what they say."""

import sys

import laspy
import numpy as np
import pytest


@pytest.fixture
def speed(pipeline):
    """The pipeline."""
    return pipeline("benchmark_speed")


@pytest.fixture
def scan(samples, tmp_path):
    """A piece of a sample."""
    las = laspy.read(samples / "uav_plot.laz")
    las.points = las.points[(las.x < las.x.min() + 6) & (las.y < las.y.min() + 6)]
    las.write(tmp_path / "scan.laz")
    return tmp_path / "scan.laz"


def test_tables_of_a_sample(speed, scan, capsys):
    speed.main([str(scan), "--runs", "1", "--labels", "gt_wood", "--geodesic"])
    said = capsys.readouterr().out
    rows = {line.split(" | ")[0].removeprefix("| "): line.split(" | ")[1:] for line in said.splitlines()}
    assert {"leafwood", "leafwood, NumPy", "floor"} | set(speed.STAGES) <= rows.keys()
    assert rows["leafwood"][4] == "1.00"
    assert rows["floor"][5].rstrip(" |") == "1.0"
    shares = [float(rows[name][1].rstrip("%")) for name in [*speed.STAGES, "start-up and the rest"]]
    assert sum(shares) == pytest.approx(100, abs=len(shares) / 2)
    assert float(rows["network"][3].rstrip(" |") or 0) >= 0
    assert "labels: wood recall 0." in said
    assert "geodesic voxelisation: " in said


def test_copies_lie_side_by_side(speed, scan, tmp_path):
    one, four = laspy.read(scan), laspy.read(speed.side_by_side(scan, 4, tmp_path / "four.laz"))
    assert len(four) == 4 * len(one)
    assert np.ptp(four.x) == pytest.approx(2 * np.ptp(one.x) + 1, abs=0.01)
    with pytest.raises(SystemExit, match="no square"):
        speed.side_by_side(scan, 3, tmp_path / "three.laz")


def test_a_failure_is_told(speed):
    with pytest.raises(SystemExit, match="nothing there"):
        speed.timed([sys.executable, "-c", "raise SystemExit('nothing there')"])
    cost = speed.timed([sys.executable, "-c", "bytearray(300_000_000)"])
    assert cost.peak > 0.25
    assert cost.cpu > 0
