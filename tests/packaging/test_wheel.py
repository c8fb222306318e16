"""sdist and wheel: built, checked, small enough, complete, and at work in an environment without extras."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from leafwood._version import __version__
from leafwood.errors import EXTRAS

ROOT = Path(__file__).resolve().parents[2]
KERNELS = ROOT / "leafwood" / "kernels"
LARGEST = 15_000_000  # bytes
pytestmark = pytest.mark.slow


def run(*words, cwd=None, env=None):
    return subprocess.run(
        [*map(str, words)], capture_output=True, text=True, cwd=cwd, env=env, timeout=1800, check=False
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    pytest.importorskip("build", reason="build is not installed: pip install leafwood[dev]")
    out = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT)
    assert done.returncode == 0, done.stderr
    (wheel,), (source,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, source


def test_both_are_small_and_pass_the_check(built):
    pytest.importorskip("twine", reason="twine is not installed: pip install leafwood[dev]")
    assert all(path.stat().st_size < LARGEST and __version__ in path.name for path in built)
    done = run(sys.executable, "-m", "twine", "check", "--strict", *built)
    assert done.returncode == 0, done.stdout


def test_what_the_documentation_names_is_in_the_wheel(built):
    with zipfile.ZipFile(built[0]) as wheel:
        there = set(wheel.namelist())
    wanted = [f"leafwood/{path.relative_to(ROOT)}" for path in (ROOT / "configs").rglob("*.yaml")]
    wanted += [f"leafwood/{path.relative_to(ROOT)}" for path in (ROOT / "data_samples").glob("*.laz")]
    wanted += [f"leafwood/weights/{path.name}" for path in (ROOT / "leafwood" / "weights").glob("*.safetensors")]
    wanted += [str(path.relative_to(ROOT)) for path in (ROOT / "leafwood").rglob("*.yaml")]
    assert not set(wanted) - there
    with tarfile.open(built[1]) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    assert {"CITATION.cff", "CHANGELOG.md", "docs/index.md", "configs/train/own.yaml", "setup.py"} <= names
    assert {f"leafwood/kernels/{path.name}" for path in KERNELS.glob("*.[ch]pp")} <= names
    assert not [name for name in names | there if name.endswith((".so", ".pyd")) and "_compiled" not in name]
    assert not [name for name in there if name.endswith(("pp", ".pyc"))]


@pytest.mark.skipif(shutil.which("c++") is None, reason="no compiler")
def test_kernels_are_compiled_into_the_wheel_where_there_is_a_compiler(built):
    with zipfile.ZipFile(built[0]) as wheel:
        assert [name for name in wheel.namelist() if name.startswith("leafwood/kernels/_compiled.c")]


def test_from_source_without_a_compiler_numpy_does_the_work(built, tmp_path):
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    nowhere = env | {"CC": str(tmp_path / "cc"), "CXX": str(tmp_path / "c++"), "PATH": ""}
    words = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, built[1]]
    done = run(sys.executable, "-m", "pip", *words, env=nowhere, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "unpacked")
    env["PYTHONPATH"] = str(tmp_path / "unpacked")
    done = run(sys.executable, "-m", "leafwood", "--version", "--verbose", env=env, cwd=tmp_path)
    assert done.stdout.splitlines()[1] == "NumPy (the kernels were not compiled)"


def test_the_core_works_in_an_environment_without_extras(built, tmp_path):
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    folder = home / ("Scripts" if os.name == "nt" else "bin")
    done = run(folder / "python", "-m", "pip", "install", "--quiet", built[0])
    if done.returncode and "No matching distribution" in done.stderr:
        pytest.skip(f"no registry to install from: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    code = f"from importlib.util import find_spec; print([name for name in {sorted(EXTRAS)!r} if find_spec(name)])"
    assert run(folder / "python", "-c", code, env=env).stdout.strip() == "[]"
    for words in (
        ["samples", "s"],
        ["segment", "s/single_tree.laz"],
        ["info", "s/single_tree.laz"],
        ["evaluate", "s/single_tree.laz"],
        ["profile", "s/single_tree_leafwood.laz", "--force"],
        ["render", "s/single_tree_leafwood.laz"],
        ["report", "s/single_tree_leafwood.laz"],
        ["models"],
        ["labels"],
    ):
        done = run(folder / "leafwood", *words, cwd=tmp_path, env=env)
        assert done.returncode == 0, (words, done.stderr)
    done = run(folder / "leafwood", "train", "own", "-o", "run", cwd=tmp_path, env=env)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert 'pip install "leafwood[train]"' in done.stderr
