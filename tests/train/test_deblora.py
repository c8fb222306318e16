"""debLoRA: the golden toy, what its step teaches, and what it leaves alone."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.data import Batch, Data

from leafwood.errors import BadBatch, BadConfig
from leafwood.losses import build
from leafwood.nn.lora import LoRAConfig, add_adapters
from leafwood.train.deblora import DebloraConfig, DebloraStep, debiased_centre, strength, tail_classes, towards

CENTRES = np.array([[0.0, 0], [4, 0], [0, 4], [4, 4]])
SIZES, RARE = np.array([100, 60, 30, 10]), np.array([2, 6, 9, 3])


def test_the_centre_of_the_toy():
    centre = debiased_centre(CENTRES, SIZES, RARE)
    assert centre == pytest.approx((2.222222, 3.333333), abs=1e-6)


@pytest.mark.parametrize(
    ("gamma", "moved"), [(5, (1, 1)), (20, (1.611111, 2.166667)), (38, (1.900585, 2.719298)), (100, (2.1, 3.1))]
)
def test_the_rarer_the_farther(gamma, moved):
    centre = debiased_centre(CENTRES, SIZES, RARE)
    assert towards(np.array([[1.0, 1.0]]), centre, strength(gamma))[0] == pytest.approx(moved, abs=1e-6)


def test_all_the_way_is_one_point_and_no_way_is_none():
    features = np.random.default_rng(0).normal(size=(5, 2))
    np.testing.assert_array_equal(towards(features, CENTRES[1], 0.0), features)
    np.testing.assert_array_equal(towards(features, CENTRES[1], 1.0), np.tile(CENTRES[1], (5, 1)))


def test_no_wood_has_no_centre():
    with pytest.raises(BadBatch, match="no wood"):
        debiased_centre(CENTRES, SIZES, RARE * 0)


class Network(nn.Module):
    """As the segmenter is built: channels, then a head whose last layer gives logits."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 6)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 2))

    @property
    def last_layer(self):
        return self.head[-1]

    def channels(self, graph):
        return self.head[:-1](self.body(graph.x))

    def forward(self, graph):
        return self.head[-1](self.channels(graph))


def batch(n=600, share=0.02, seed=0):
    rng = np.random.default_rng(seed)
    wood = rng.random(n) < share
    x = rng.normal(size=(n, 4)) + wood[:, None]
    y = np.where(rng.random(n) < 0.1, -1, wood)
    places = torch.tensor(rng.uniform(0, 9, (n, 3)), dtype=torch.float32)
    return Data(x=torch.tensor(x, dtype=torch.float32), y=torch.tensor(y), pos0=places, num_nodes=n)


@pytest.fixture
def step():
    torch.manual_seed(0)
    network = Network()
    add_adapters(network, LoRAConfig(rank=2))
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01)
    config = DebloraConfig(clusters=8)
    return DebloraStep(
        network,
        build("cross_entropy", class_counts=(50, 1)),
        optimiser,
        config=config,
        sample=[batch(seed=i) for i in range(4)],
    )


def test_wood_moves_towards_the_centres_and_leaves_stay(step):
    data = batch(seed=9)
    before = step.before.channels(data)
    assert step.shares.tolist() == [0, 0.5, 0.5, 0.5]  # over a hundred to one, but never more than half of the way
    for _ in range(400):
        step(data)
    step.network.eval()
    after = step.network.channels(data)
    label = tail_classes(data, 3)
    wood, leaf = label > 0, label == 0

    def away(features):
        return ((features - step.centres[label.clamp(min=0)]) / step.spread).norm(dim=1)

    assert (away(after)[wood] < away(before)[wood]).float().mean() > 0.8
    drift = ((after - before) / step.spread).norm(dim=1)
    assert drift[leaf].median() < drift[wood].median()


def test_the_second_stage_brings_the_features_nearer_to_their_targets(step):
    """Measured as a model is used, without dropout; with dropout in the adapted features it ends farther away."""
    data = batch(seed=9)

    def distance():
        with torch.inference_mode():
            return step.distance(step.network.eval().channels(data), data).item()

    start = distance()
    step.network.train()
    for _ in range(150):
        step(data)
    assert step.network.training
    assert distance() < 0.8 * start


def test_adapters_that_do_nothing_are_at_the_leaves_targets(step):
    data = batch(seed=9, share=0.0)
    assert step.distance(step.network.eval().channels(data), data).item() == 0


def test_tail_classes_are_slices_of_each_crop():
    one = Data(pos0=torch.tensor([[0, 0, z] for z in (0.0, 1, 2, 3)]), y=torch.tensor([1, 1, 0, 1]), num_nodes=4)
    two = Data(pos0=torch.tensor([[0, 0, z] for z in (50.0, 53, 56)]), y=torch.tensor([1, -1, 1]), num_nodes=3)
    assert tail_classes(one, 3).tolist() == [1, 2, 0, 3]
    assert tail_classes(Batch.from_data_list([one, two]), 3).tolist() == [1, 2, 0, 3, 1, -1, 3]
    assert tail_classes(one, 1).tolist() == [1, 1, 0, 1]


def test_a_class_that_is_common_stays_and_a_rare_one_moves():
    """Wood that is plentiful at the bottom and rare at the top, as in a tree in leaf."""
    torch.manual_seed(0)
    network = Network()
    add_adapters(network, LoRAConfig(rank=2))
    sample = [batch(share=0.3, seed=i) for i in range(3)]
    for data in sample:
        high = (data.pos0[:, 2] > 6) & (torch.arange(len(data.y)) % 25 > 0)
        data.y[high & (data.y == 1)] = 0
    step = DebloraStep(
        network,
        build("cross_entropy", class_counts=(50, 1)),
        torch.optim.AdamW(network.parameters()),
        config=DebloraConfig(clusters=8),
        sample=sample,
    )
    assert step.shares[:3].tolist() == [0, 0, 0]
    assert step.shares[3] == 0.5


def test_no_wood_in_the_sample_is_refused(step):
    with pytest.raises(BadBatch, match="no wood"):
        DebloraStep(step.network, step.criterion, step.optimiser, config=DebloraConfig(), sample=[batch(share=0.0)])


def test_adapters_do_not_hear_the_labels_loss_and_the_last_layer_nothing_else(step):
    data = batch(seed=9)
    loss = step.loss(data)
    assert torch.isfinite(loss)
    loss.backward()
    assert step.network.head[-1].weight.grad.abs().sum() > 0
    assert step.network.body.parametrizations.weight[0].b.grad.abs().sum() > 0
    alone = copy.deepcopy(step.network)
    alone.zero_grad()
    logits = alone.head[-1](alone.eval().channels(data).detach())
    step.criterion(logits, data.y, None).backward()
    torch.testing.assert_close(step.network.head[-1].weight.grad, alone.head[-1].weight.grad)
    assert all(value.grad is None for value in step.before.parameters())


def test_a_batch_without_labels_moves_nothing(step):
    data = batch(seed=9)
    data.y[:] = -1
    before = copy.deepcopy(step.network.state_dict())
    assert step(data) == 0
    for name, value in step.network.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=1e-3, atol=1e-3)  # but for the optimiser's weight decay


@pytest.mark.parametrize("bad", [{"clusters": 1}, {"smallest": 0}, {"slices": 0}, {"free": 0.5}, {"most": 1.5}])
def test_bad_settings(bad):
    with pytest.raises(BadConfig, match=f"method.{next(iter(bad))}"):
        DebloraConfig(**bad)
