"""Joint self-supervision: two losses in one step, and what is saved and resumed."""

import copy

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

from leafwood.datasets.crops import CropConfig
from leafwood.errors import BadConfig
from leafwood.losses import build
from leafwood.train.joint import JointConfig, JointStep, JointTask
from leafwood.train.pretext import PretextConfig, beside_hidden
from leafwood.train.pyramid import PyramidSpec


def make_step(network, **options):
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01)
    return JointStep(network, build("cross_entropy", (900, 100)), optimiser, None, config=JointConfig(**options))


@pytest.fixture
def holed(graphs):
    """Graphs that say where something is missing: above a height."""
    found = [copy.copy(graph) for graph in graphs[:2]]
    for graph in found:
        graph.beside = (graph.pos0[:, 2] > 2).long()
    return Batch.from_data_list(found)


def test_both_losses_are_learnt_and_the_gradient_is_their_sum(network, holed):
    step = make_step(network, weight=0.7)
    network.eval()
    channels = network.channels(holed)
    supervised = step.criterion(network.last_layer(channels), holed.y)
    found = torch.nn.functional.cross_entropy(step.answer(channels), holed.beside)
    assert step.loss(holed).item() == pytest.approx((supervised + 0.7 * found).item(), rel=1e-5)
    network.train()
    step.figures()
    first = [step(holed) for _ in range(3)]
    early = step.figures()["pretext_loss"]
    for _ in range(30):
        last = step(holed)
    assert last < first[0]
    assert step.figures()["pretext_loss"] < early


def test_the_layer_of_the_pretext_task_has_the_rate_of_the_network(network, holed):
    step = make_step(network)
    step.optimiser.param_groups[0]["lr"] = 0.0
    before = step.answer.weight.detach().clone()
    step(holed)
    assert torch.equal(step.answer.weight, before)
    assert set(step.parts()) == {"pretext_layer", "pretext_optimiser"}
    assert not any("answer" in name for name in network.state_dict())


def test_beside_is_within_reach(graphs):
    graph = graphs[0]
    found = beside_hidden(graph, graph.pos0[:1].numpy(), PretextConfig(reach=0.3))
    near = (graph.pos0 - graph.pos0[0]).norm(dim=1) < 0.3
    assert torch.equal(found, near.long())
    assert beside_hidden(graph, np.empty((0, 3), np.float32), PretextConfig()).sum() == 0


def test_bad_settings():
    with pytest.raises(BadConfig, match=r"method\.weight"):
        JointConfig(weight=0.0)
    with pytest.raises(BadConfig, match="joint needs leafwood"):
        JointConfig().check("soul", started=False)


def test_the_task_keeps_its_pretext_on_other_crops():
    task = JointTask(PyramidSpec(), PretextConfig(reach=0.5))
    other = task.with_crops(CropConfig(max_points=1600))
    assert isinstance(other, JointTask)
    assert other.config.reach == 0.5
    assert other.spec.crops.max_points == 1600
    assert task.spec.crops == CropConfig()
