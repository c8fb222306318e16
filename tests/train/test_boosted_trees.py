"""Boosted trees learn from a training run's crops and label clouds as the network does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from leafwood.config import load
from leafwood.errors import BadConfig, ModelWarning
from leafwood.evaluate.echoes import clear_echoes
from leafwood.evaluate.evaluation import evaluate
from leafwood.io.loaders import read
from leafwood.train.boosted_trees import fit_boosted_trees
from leafwood.train.config import TrainConfig
from leafwood.train.soul import SoulSpec

ROOT = Path(__file__).resolve().parents[2]


def test_they_tell_leaf_from_wood_where_they_have_learnt_it(monkeypatch):
    monkeypatch.chdir(ROOT)
    config = replace(load(ROOT / "configs" / "train" / "samples" / "plain.yaml", TrainConfig), loader_processes=0)
    cloud = read(ROOT / "data_samples" / "uav_plot.laz")
    corner = cloud.xyz[:, :2].min(axis=0) + 8
    cloud = cloud.select((cloud.xyz[:, :2] < corner).all(axis=1))
    segmenter = fit_boosted_trees(config, 8).segmenter(smoothing=False, threads=1)
    with pytest.warns(ModelWarning, match="not calibrated"):
        result = segmenter.segment(cloud)
    assert evaluate(result, clear_echoes(cloud)).overall.auroc > 0.6  # eight crops teach little


def test_crops_of_another_kind_of_model_are_refused():
    with pytest.raises(BadConfig, match="own network"):
        fit_boosted_trees(TrainConfig(train=(), validation=(), model=SoulSpec()), 1)
