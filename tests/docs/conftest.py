"""A folder as the documentation's readers have it: a scan, its labels, and two plots with labels of their own."""

import shutil
from pathlib import Path

import laspy
import numpy as np
import pytest

from leafwood.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


def _cut(source: Path, target: Path, middle: float) -> None:
    """A piece of a sample of some thousand points."""
    las = laspy.read(source)
    x, y = las.x - las.x.min(), las.y - las.y.min()
    las.points = las.points[np.flatnonzero((abs(x - middle) < 2.5) & (abs(y - middle) < 2.5))[::4]]
    las.write(target)


def _relabel(source: Path, target: Path) -> None:
    """The scan with `lw` (1 wood, 2 leaf, 0 neither) in place of leafwood's own truth."""
    las = laspy.read(source)
    ground = np.asarray(las.classification) == 2
    codes = np.where(ground, 0, np.where(np.asarray(las["gt_wood"]) == 1, 1, 2)).astype(np.uint8)
    las.remove_extra_dims([name for name in las.point_format.extra_dimension_names if name.startswith("gt_")])
    las.add_extra_dim(laspy.ExtraBytesParams("lw", np.uint8))
    las["lw"] = codes
    las.write(target)


@pytest.fixture(scope="session")
def _desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    _cut(ROOT / "data_samples" / "single_tree.laz", folder / "scan.laz", 5.0)
    (folder / "mine").mkdir()
    _relabel(folder / "scan.laz", folder / "mine" / "plot1.laz")
    _cut(ROOT / "data_samples" / "uav_plot.laz", folder / "mine" / "plot2.laz", 9.0)
    _relabel(folder / "mine" / "plot2.laz", folder / "mine" / "plot2.laz")
    (folder / "scans").mkdir()
    shutil.copy(folder / "scan.laz", folder / "scans" / "first.laz")
    assert main(["segment", str(folder / "scan.laz")]) == 0
    xyz = laspy.read(folder / "scan.laz").xyz
    np.savetxt(folder / "tree.abc", np.column_stack([xyz, np.ones(len(xyz))]), fmt="%.3f", header="abc", comments="!")
    return folder


@pytest.fixture
def desk(_desk, tmp_path, monkeypatch):
    """A copy of that folder, which is the working folder."""
    shutil.copytree(_desk, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def leafwood(capsys):
    """Runs a command and gives what it printed; it must succeed."""

    def run(*words):
        status = main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert status == 0, err
        return out

    return run
