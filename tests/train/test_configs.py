"""Every loss and every method is switched on by a YAML file, and trains."""

from __future__ import annotations

import csv
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from leafwood.config import load
from leafwood.datasets.stands import load_scan, load_stand
from leafwood.graph.config import GraphConfig
from leafwood.losses import LOSSES
from leafwood.nn.structure import UNetConfig
from leafwood.train import data as training_set
from leafwood.train.joint import JointConfig
from leafwood.train.loop import TrainConfig, fit
from leafwood.train.meta_weight import MetaWeightConfig
from leafwood.train.pretext import PretextConfig
from leafwood.train.sam import SAMConfig

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / "configs" / "train" / "imbalance").glob("*.yaml"))


@pytest.fixture(scope="module", autouse=True)
def quick_to_prepare():
    """Each sample is read once, and classes are counted in few crops."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_set, "load_stand", cache(load_stand))
        patch.setattr(training_set, "load_scan", cache(load_scan))
        patch.setattr(training_set, "_SAMPLE", 8)
        yield


def tiny(path: Path) -> TrainConfig:
    """The configuration of a file on tiny samples, crops and network."""
    config = load(path, TrainConfig)
    method = config.method
    if isinstance(method, MetaWeightConfig):
        method = replace(method, files=(sample("leaf_off_plot"),), trees=2, batch=1)
    return replace(
        config,
        train=(sample("uav_plot"),),
        validation=(sample("single_tree"),),
        method=method,
        start=None,
        model=replace(
            config.model,
            graph=GraphConfig(n_levels=3, k=6, scales=(5, 8)),
            network=UNetConfig(
                widths=(8, 8, 8),
                encoder_convs=(1, 1, 1),
                decoder_convs=(0, 1),
                outputs=config.model.network.outputs,
            ),
            crops=replace(config.model.crops, max_points=600, min_points=300),
        ),
        batch=2,
        steps=2,
        validate_every=2,
        validation_crops=1,
        loader_processes=0,
    )


def sample(name: str) -> str:
    return str(ROOT / "data_samples" / f"{name}.laz")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_two_steps(path, tmp_path):
    config = tiny(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fit(config, training_set.load_training_set(config), tmp_path, report=lambda line: None)
    assert (tmp_path / "model.safetensors").exists()
    with (tmp_path / "log.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert float(row["points"]) > 0
    assert 0 < float(row["loss"]) < 100


def test_every_loss_and_method_has_its_file():
    configs = [load(path, TrainConfig) for path in CONFIGS]
    assert {term.name for config in configs for term in config.loss} == set(LOSSES)
    methods = [config.method for config in configs]
    assert {method.ascent for method in methods if isinstance(method, SAMConfig)} == {"plain", "weighted", "per_class"}
    assert {method.form for method in methods if isinstance(method, MetaWeightConfig)} == {"last_layer", "exact"}
    assert any(isinstance(method, PretextConfig) for method in methods)
    assert any(isinstance(method, JointConfig) for method in methods)
    assert {config.model.network.outputs for config in configs} == {"wood", "parts"}
    assert any(config.start for config in configs)


SAMPLES = sorted((ROOT / "configs" / "train" / "samples").glob("*.yaml"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_runs_on_the_samples_find_their_files(path):
    config = load(path, TrainConfig)
    for pattern in (*config.train, *config.validation, *config.method.clean_files()):
        assert (ROOT / pattern).exists()
    assert config.steps <= 200
