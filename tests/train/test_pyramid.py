"""What training examples carry: weights that undo the decay, and how they meet the other weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

from leafwood.datasets.crops import CropConfig
from leafwood.datasets.stands import load_stand
from leafwood.graph.config import GraphConfig
from leafwood.losses import LossConfig, build_all
from leafwood.nn.structure import UNetConfig
from leafwood.nn.unet import PyramidUNet
from leafwood.train.balance import Balance
from leafwood.train.loop import TrainConfig, train
from leafwood.train.pyramid import PyramidSpec, PyramidTask
from leafwood.train.steps import Step

ROOT = Path(__file__).resolve().parents[2]
SAMPLE, OTHER = ROOT / "data_samples" / "uav_plot.laz", ROOT / "data_samples" / "single_tree.laz"
GRAPH = GraphConfig(n_levels=3, k=6, scales=(5, 8))
SHAPE = UNetConfig(widths=(8, 8, 8), encoder_convs=(1, 1, 1), decoder_convs=(0, 1))
CROPS = CropConfig(max_points=2000, min_points=2000, single_tree=0.0, decay=0.0, patches=0.0)


@pytest.fixture(scope="module")
def stands():
    return [load_stand(SAMPLE)]


def spec(**options):
    return PyramidSpec(graph=GRAPH, network=SHAPE, crops=CROPS, **options)


def graphs(stands, density_weights, n=4):
    examples = PyramidTask(spec(density_weights=density_weights)).examples(stands, (1, 0), n)
    return [examples[number] for number in range(n)]


def step(losses, balance=None):
    torch.manual_seed(0)
    network = PyramidUNet(GRAPH, SHAPE)
    criterion = build_all(losses, (900, 100))
    return Step(network, criterion, torch.optim.AdamW(network.parameters()), balance)


def test_weights_come_only_when_asked_for(stands):
    without, with_ = graphs(stands, False), graphs(stands, True)
    for one, two in zip(without, with_, strict=True):
        assert "weight" not in one
        assert one.pos0.equal(two.pos0)
        assert one.y.equal(two.y)


def test_the_lower_canopy_weighs_more_and_the_mean_is_one(stands):
    for graph in graphs(stands, True):
        low, high = np.quantile(graph.pos0[:, 2], (0.25, 0.75))
        assert graph.weight.shape == graph.y.shape
        assert graph.weight.min() > 0
        assert graph.weight.mean().item() == pytest.approx(1, abs=1e-3)
        assert graph.weight[graph.pos0[:, 2] < low].mean() > 1.5 * graph.weight[graph.pos0[:, 2] > high].mean()


def test_a_batch_keeps_each_voxels_weight(stands):
    parts = graphs(stands, True)
    assert Batch.from_data_list(parts).weight.equal(torch.cat([graph.weight for graph in parts]))


def test_weights_of_balance_and_density_multiply(stands):
    batch = Batch.from_data_list(graphs(stands, True))
    balance = Balance.of(graphs(stands, True), GRAPH)
    losses = (LossConfig("cross_entropy"),)
    assert step(losses, balance).weights(batch).equal(balance.of_points(batch) * batch.weight)
    assert step(losses).weights(batch).equal(batch.weight)
    assert step(losses).weights(Batch.from_data_list(graphs(stands, False))) is None


def test_leaf_and_wood_have_the_same_mass_after_density(stands):
    parts = graphs(stands, True, 8)
    balance = Balance.of(parts, GRAPH, strata=2)
    batch = Batch.from_data_list(parts)
    weight = step((LossConfig("cross_entropy"),), balance).weights(batch)
    leaf, wood = (weight[batch.y == label].sum() for label in (0, 1))
    torch.testing.assert_close(leaf, wood, rtol=1e-3, atol=0)


@pytest.mark.parametrize("name", ["cross_entropy", "focal", "lovasz", "rebalanced", "gla"])
def test_weights_reach_every_family_of_losses(stands, name):
    batch = Batch.from_data_list(graphs(stands, True, 2))
    taken = step((LossConfig(name),))
    taken.network.eval()
    weighted = taken.loss(batch).item()
    del batch["weight"]
    assert np.isfinite(weighted)
    assert weighted != taken.loss(batch).item()


def test_even_crops_compose_with_density_weights(stands):
    crops = [
        PyramidTask(spec(density_weights=density, even_crops=even)).examples(stands, (1, 0), 1)[0]
        for density, even in ((True, False), (False, True), (True, True))
    ]
    assert torch.equal(crops[2].weight, crops[0].weight * crops[1].weight)


def test_a_run_with_density_weights(tmp_path):
    config = TrainConfig(
        train=(str(SAMPLE),),
        validation=(str(OTHER),),
        model=replace(spec(density_weights=True), crops=replace(CROPS, max_points=800, min_points=300)),
        steps=2,
        batch=2,
        validate_every=2,
        validation_crops=2,
        loader_processes=0,
    )
    assert train(config, tmp_path, report=lambda line: None)["points"] > 0
