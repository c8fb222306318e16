"""Pipelines as modules: they are scripts, so they are loaded from their files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from leafwood.cloud import PointCloud
from leafwood.io.loaders import read
from leafwood.simulate.surveys.deliver import write_scan

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def pipeline() -> Callable[[str], ModuleType]:
    """Loads a pipeline by its name."""

    def load(name: str) -> ModuleType:
        spec = spec_from_file_location(f"pipeline_{name}", ROOT / "pipelines" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def samples() -> Path:
    """The sample scans."""
    return ROOT / "data_samples"


@pytest.fixture(scope="session")
def stands(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corner of two sample plots, one in leaf and one leafless, named as held-out stands are."""
    folder = tmp_path_factory.mktemp("stands")
    for sample, name in (("uav_plot", "conifer_7001"), ("leaf_off_plot", "leaf_off_7012")):
        cloud = read(samples / f"{sample}.laz")
        cloud = cloud.select((cloud.xyz[:, :2] < cloud.xyz[:, :2].min(axis=0) + 9).all(axis=1))
        write_scan(PointCloud.from_xyz(cloud.xyz, cloud.columns), folder / f"{name}.laz")
    return folder
