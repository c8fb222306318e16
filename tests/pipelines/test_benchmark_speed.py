"""The benchmark runs on a sample, and its numbers are of what they say."""

import sys
from pathlib import Path

import benchmark_speed
import laspy
import numpy as np
import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "data_samples"


@pytest.fixture
def scan(tmp_path):
    """A piece of a sample."""
    las = laspy.read(SAMPLES / "uav_plot.laz")
    las.points = las.points[(las.x < las.x.min() + 6) & (las.y < las.y.min() + 6)]
    las.write(tmp_path / "scan.laz")
    return tmp_path / "scan.laz"


def test_tables_of_a_sample(scan, monkeypatch, capsys):
    monkeypatch.setattr(
        sys, "argv", ["benchmark_speed.py", str(scan), "--runs", "1", "--labels", "gt_wood", "--geodesic"]
    )
    benchmark_speed.main()
    said = capsys.readouterr().out
    rows = {line.split(" | ")[0].removeprefix("| "): line.split(" | ")[1:] for line in said.splitlines()}
    assert {"leafwood", "leafwood, NumPy", "floor"} | set(benchmark_speed.STAGES) <= rows.keys()
    assert rows["leafwood"][4] == "1.00"
    assert rows["floor"][5].rstrip(" |") == "1.0"
    shares = [float(rows[name][1].rstrip("%")) for name in [*benchmark_speed.STAGES, "start-up and the rest"]]
    assert sum(shares) == pytest.approx(100, abs=len(shares) / 2)
    assert float(rows["network"][3].rstrip(" |") or 0) >= 0
    assert "labels: wood recall 0." in said
    assert "geodesic voxelisation: " in said


def test_copies_lie_side_by_side(scan, tmp_path):
    one, four = laspy.read(scan), laspy.read(benchmark_speed.side_by_side(scan, 4, tmp_path / "four.laz"))
    assert len(four) == 4 * len(one)
    assert np.ptp(four.x) == pytest.approx(2 * np.ptp(one.x) + 1, abs=0.01)
    with pytest.raises(SystemExit, match="no square"):
        benchmark_speed.side_by_side(scan, 3, tmp_path / "three.laz")


def test_a_failure_is_told(tmp_path):
    with pytest.raises(SystemExit, match="nothing there"):
        benchmark_speed.timed([sys.executable, "-c", "raise SystemExit('nothing there')"])
    cost = benchmark_speed.timed([sys.executable, "-c", "bytearray(300_000_000)"])
    assert cost.peak > 0.25
    assert cost.cpu > 0
