"""Variants of the network: each builds, reads the same crops, and what it changes is what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from leafwood.config import load
from leafwood.datasets.crops import CropConfig
from leafwood.graph.batching import build_example
from leafwood.graph.config import GraphConfig
from leafwood.nn.structure import UNetConfig
from leafwood.train.config import TrainConfig
from leafwood.train.pyramid import PyramidSpec
from leafwood.train.trials.methods import of_fixed_length
from leafwood.train.trials.networks import cut_crops, run_variant
from leafwood.train.trials.variants import SHIPPED, VARIANTS, dilated, nearest_k, rewired, within

ROOT = Path(__file__).resolve().parents[3]
BASE = TrainConfig(
    train=(),
    validation=(),
    model=PyramidSpec(
        graph=GraphConfig(n_levels=2, k=6, scales=(5, 8)),
        network=UNetConfig(widths=(8, 8), encoder_convs=(1, 1), decoder_convs=(0,)),
        crops=CropConfig(max_points=400, min_points=200),
    ),
    batch=2,
)


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    return cut_crops([ROOT / "data_samples" / "uav_plot.laz"], BASE, 3, tmp_path_factory.mktemp("crops"))


@pytest.fixture(scope="module")
def graph():
    xyz = np.random.default_rng(0).uniform(0, 2, (500, 3)).astype(np.float32)
    return build_example(xyz, xyz[:, 2], BASE.model.graph)[0]


@pytest.mark.parametrize("name", [SHIPPED, "8 neighbours", "voxels of 10 cm", "attention (Point Transformer)"])
def test_a_variant_is_trained_and_scored_on_points(crops, name):
    row = run_variant(name, of_fixed_length(BASE, 2, 1), crops, crops)
    assert (row["variant"], row["seed"], row["steps"]) == (name, 1, 2)
    assert 0 <= row["auroc"] <= 1
    assert row["train_seconds"] > 0


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_gives_logits_of_the_shipped_networks_size(name, graph):
    variant = VARIANTS[name]
    shipped = load(ROOT / "configs" / "train" / "virtual.yaml", TrainConfig)
    assert len(variant.configured(shipped).model.network.widths) == (variant.levels or shipped.model.graph.n_levels)
    if not variant.levels:  # the small network has two levels
        small = variant.configured(BASE).model
        network = variant.build(replace(small.graph, size=BASE.model.graph.size), small.network)
        with torch.inference_mode():
            assert network(graph).shape == (len(graph.pos0), 2)


def test_rules_choose_neighbours():
    places = np.arange(40, dtype=np.float32)[:, None] * np.array([1, 0, 0], dtype=np.float32)
    assert nearest_k(3)(places, 1.0)[10].tolist()[0] == 10
    far = [np.abs(rule(places, 1.0)[20] - 20).max() for rule in (nearest_k(5), dilated(5))]
    assert far == [2, 4]
    near = within(1.5, 5)(places, 1.0)
    assert set(near[20].tolist()) == {19, 20, 21}


def test_rewiring_changes_neighbours_and_nothing_else(graph):
    other = rewired(graph, BASE.model.graph.size, 2, nearest_k(4))
    assert other.neighbours0.shape[1] == 4
    assert graph.neighbours0.shape[1] == 6
    assert torch.equal(other.x0, graph.x0)
