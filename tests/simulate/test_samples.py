"""The samples that come with leafwood: whole, small, and what their configs say."""

import hashlib
import json
from pathlib import Path

import laspy
import numpy as np
import pytest

from leafwood.config import load
from leafwood.simulate.surveys.production import tasks
from leafwood.simulate.surveys.survey import SurveyConfig

FOLDER = Path(__file__).parents[2] / "data_samples"
NAMES = ("drone_plot", "leaf_off_plot", "single_tree", "uav_plot")


def test_hashes_and_sizes() -> None:
    lines = (FOLDER / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}
    assert set(listed) == {path.name for path in FOLDER.iterdir()} - {"SHA256SUMS"}
    for name, digest in listed.items():
        content = (FOLDER / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, name
        assert len(content) < 2_000_000, name


@pytest.mark.parametrize("name", NAMES)
def test_sample_was_made_from_its_config(name: str) -> None:
    config = load(FOLDER / f"{name}.yaml", SurveyConfig)
    (task,) = tasks(config, name, FOLDER)
    record = json.loads((FOLDER / f"{name}.json").read_text())
    assert record["config"] == task.recipe["config"]
    assert laspy.read(FOLDER / f"{name}.laz").header.point_count == record["points"]


def test_samples_are_what_they_are_called() -> None:
    wood = {}
    for name in NAMES:
        las = laspy.read(FOLDER / f"{name}.laz")
        above = np.asarray(las.gt_part) != 0
        wood[name] = float(np.asarray(las.gt_wood)[above].mean())
    assert wood["leaf_off_plot"] > 0.6
    assert all(0.03 < wood[name] < 0.5 for name in ("drone_plot", "uav_plot"))
    tree = laspy.read(FOLDER / "single_tree.laz")
    assert len(np.setdiff1d(tree.gt_tree, [0])) == 1
