"""The core labels, scores, measures and draws without any extra; what needs one says so in one line."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import laspy
import numpy as np
import pytest

from leafwood.errors import EXTRAS, MissingExtra, missing_extra, require

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data_samples" / "single_tree.laz"
WITHOUT = f"import sys\nsys.modules |= dict.fromkeys({sorted(EXTRAS)!r})\nfrom leafwood.cli.main import main\n"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Names of packages as they are imported, where that differs from the name they are installed by.
IMPORTED = {"torch-geometric": "torch_geometric", "scikit-learn": "sklearn", "modular-tree": "m_tree"}
ALSO = {"dask": "cluster"}  # comes with distributed


def test_the_table_of_extras_is_that_of_the_project():
    extras = PROJECT["optional-dependencies"]
    listed = dict(ALSO)
    for extra in ("train", "tensorboard", "simulate", "formats", "cluster", "remote"):
        for line in extras[extra]:
            name = line.partition(">")[0]
            listed[IMPORTED.get(name, name)] = extra
    assert dict(EXTRAS) == listed
    assert extras["all"] == ["leafwood[train,tensorboard,simulate,formats,cluster,remote]"]
    assert not {line.partition(">")[0] for line in PROJECT["dependencies"]} & {"torch", "open3d", "scikit-learn"}


def test_a_missing_package_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "open3d", None)
    with pytest.raises(MissingExtra, match=r'^drawing needs open3d, .* pip install "leafwood\[simulate\]"$'):
        require("open3d", "drawing")
    error = missing_extra(ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn"))
    assert str(error) == 'torch is not installed: pip install "leafwood[train]"'
    assert missing_extra(ModuleNotFoundError("No module named 'ours'", name="ours")) is None


def test_nothing_of_the_extras_is_imported_at_import_time_outside_of_their_folders():
    folders = {"train", "simulate", "losses", "nn", "diagnose", "soul"}
    allowed = {"graph/batching.py"}  # what the networks read, as torch has it
    found = []
    for path in sorted((ROOT / "leafwood").rglob("*.py")):
        place = path.relative_to(ROOT / "leafwood")
        if place.parts[0] in folders or place.as_posix() in allowed:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{place}: {name}" for name in names if name.partition(".")[0] in EXTRAS]
    assert found == []


def without_extras(lines: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT + "\n".join(lines)],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=900,
        check=False,
    )


@pytest.fixture
def scan(tmp_path):
    """A piece of a sample."""
    las = laspy.read(SAMPLE)
    x, y = las.x - las.x.min(), las.y - las.y.min()
    las.points = las.points[np.flatnonzero((abs(x - 5) < 2.5) & (abs(y - 5) < 2.5))[::4]]
    las.write(tmp_path / "scan.laz")
    return tmp_path


def test_the_core_works_without_any_extra(scan):
    commands = [
        ["segment", "scan.laz"],
        ["info", "scan_leafwood.laz"],
        ["evaluate", "scan.laz"],
        ["profile", "scan_leafwood.laz", "--force"],
        ["render", "scan_leafwood.laz"],
        ["report", "scan_leafwood.laz"],
        ["segment", "scan.laz", "-o", "with_page.laz", "--report"],
        ["models"],
        ["labels"],
        ["samples", "samples"],
    ]
    done = without_extras([f"assert main({words!r}) == 0, {words!r}" for words in commands], scan)
    assert done.returncode == 0, done.stderr
    assert (scan / "scan_leafwood.png").stat().st_size > 10_000
    for page in ("scan_leafwood_report.html", "with_page_report.html"):
        assert (scan / page).stat().st_size > 100_000
    assert (scan / "scan_leafwood_profile.csv").exists()
    assert (scan / "samples" / "uav_plot.laz").exists()


def test_without_the_cloth_a_scan_is_labelled_and_a_line_says_that_no_ground_was_looked_for(scan):
    las = laspy.read(scan / "scan.laz")
    las.classification[:] = 1
    las.write(scan / "unclassified.laz")
    lines = ["sys.modules['CSF_3DFin'] = None"]
    lines += [f"assert main({['segment', name]!r}) == 0" for name in ("unclassified.laz", "scan.laz")]
    done = without_extras(lines, scan)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "csf-3dfin" in line] == [
        "leafwood: warning: ground that no class tells is not looked for, since csf-3dfin is not installed: "
        "classify ground, or pip install csf-3dfin"
    ]
    ground = np.asarray(laspy.read(scan / "scan.laz").classification) == 2
    assert not np.asarray(laspy.read(scan / "scan_leafwood.laz")["leafwood"])[ground].any()
    assert np.asarray(laspy.read(scan / "unclassified_leafwood.laz")["leafwood"])[ground].all()


def test_what_needs_an_extra_says_so_in_one_line_each(scan):
    (scan / "scan.e57").write_bytes(b"ASTM-E57")
    (scan / "other.laz").write_bytes((scan / "scan.laz").read_bytes())
    needs = {
        "train": ["train", "own", "-o", "run"],
        "diagnose": ["diagnose", "scan.laz"],
        "adapt": ["adapt", "scan.laz", "--validation", "scan.laz", "-o", "adapted"],
        "simulate": ["simulate", "conifer", "-o", "stands"],
        "workers": ["segment", "scan.laz", "other.laz", "-o", "out", "--workers", "2"],
        "e57": ["info", "scan.e57"],
        "address": ["segment", "https://localhost/a.laz", "-o", "out"],
        "grid": ["profile", "scan.laz", "--labels", "gt_wood", "--grid", "5"],
    }
    done = without_extras([f"assert main({words!r}) == 1, {name!r}" for name, words in needs.items()], scan)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if "pip install" in line]
    wanted = ["train", "train", "train", "simulate", "cluster", "formats", "remote", "formats"]
    assert [line.rpartition("leafwood[")[2] for line in lines] == [f'{extra}]"' for extra in wanted]
