"""Stands for training: real trees planted and flown over have labels, returns and ground."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import training_stands

from leafwood.datasets.stands import load_stand
from leafwood.io.loaders import read
from leafwood.simulate.stands.config import StandConfig

TREE = Path(__file__).resolve().parents[2] / "data_samples" / "single_tree.laz"


def small(rng: np.random.Generator, size: float) -> StandConfig:
    """A patch with a tree or two and little on the ground."""
    drawn = training_stands.draw_stand(rng, size, "open_woodland")
    return dataclasses.replace(drawn, stems_per_ha=200, min_distance=2.0, branches_per_m2=0.1, logs_per_ha=0)


def test_planted_trees_are_seen_with_returns_and_labels(tmp_path: Path):
    path = tmp_path / "stand.laz"
    training_stands.fly(path, 1, 10.0, small, 0.0, (TREE,))
    cloud, stand = read(path), load_stand(path)
    assert cloud.columns["number_of_returns"].max() > 1
    assert set(np.unique(cloud.columns["gt_wood"])) == {0, 1}
    assert stand.ground.any()
    assert len(stand.trees) >= 1


def test_scanned_trees_have_no_surface_to_sample(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(
        "sys.argv", ["training_stands.py", str(tmp_path / "out"), "--all-round", "--from-trees", str(TREE)]
    )
    with pytest.raises(SystemExit) as ended:
        training_stands.main()
    assert ended.value.code == 2
    assert not (tmp_path / "out").exists()
