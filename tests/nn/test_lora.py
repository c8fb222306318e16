"""Low-rank adapters: nothing changes at first, only they learn, and they melt into the weights."""

import copy

import pytest
import torch
from torch import nn

from leafwood.errors import BadConfig
from leafwood.graph.config import GraphConfig
from leafwood.nn.lora import LoRAConfig, add_adapters, merged
from leafwood.nn.structure import UNetConfig
from leafwood.nn.unet import PyramidUNet

GRAPH = GraphConfig(n_levels=3, k=6, scales=(5, 8))
SHAPE = UNetConfig(widths=(8, 8, 8), encoder_convs=(1, 1, 1), decoder_convs=(0, 1))


class Net(nn.Sequential):
    """Layers one after the other; the last one gives the logits."""

    @property
    def last_layer(self):
        return self[-1]


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Net(nn.Linear(5, 12), nn.ReLU(), nn.Linear(12, 7), nn.ReLU(), nn.Linear(7, 2))


def moved(network, x):
    """The network after some steps on whatever."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.05)
    for _ in range(5):
        optimiser.zero_grad()
        network(x).square().mean().backward()
        optimiser.step()
    return network


def test_adapters_change_nothing_at_first(net):
    x, before = torch.randn(9, 5), copy.deepcopy(net)
    add_adapters(net, LoRAConfig(rank=3))
    assert torch.equal(net(x), before(x))


def test_only_adapters_and_the_last_layer_learn(net):
    x, before = torch.randn(9, 5), copy.deepcopy(net)
    add_adapters(net, LoRAConfig(rank=3))
    moved(net, x)
    learning = {name for name, value in net.named_parameters() if value.requires_grad}
    assert learning == {
        *(f"{layer}.parametrizations.weight.0.{factor}" for layer in (0, 2) for factor in "ab"),
        "4.weight",
        "4.bias",
    }
    for layer in (0, 2):
        assert torch.equal(net[layer].parametrizations.weight.original, before[layer].weight)
        assert torch.equal(net[layer].bias, before[layer].bias)
    assert not torch.equal(net[4].weight, before[4].weight)


def test_melted_weights_do_what_the_adapters_do(net):
    x, plain = torch.randn(9, 5), copy.deepcopy(net)
    add_adapters(net, LoRAConfig(rank=3, alpha=5.0))
    moved(net, x)
    before = plain[0].weight.clone()
    plain.load_state_dict(merged(net))
    torch.testing.assert_close(plain(x), net(x))
    difference = plain[0].weight - before
    assert 0 < torch.linalg.matrix_rank(difference, rtol=1e-4) <= 3
    adapter = net[0].parametrizations.weight[0]
    torch.testing.assert_close(difference, 5.0 / 3 * adapter.b @ adapter.a)


def test_without_adapters_weights_are_as_they_are(net):
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in merged(net).items())


def test_the_segmenter_takes_them_and_gives_its_own_names_back():
    network = PyramidUNet(GRAPH, SHAPE)
    names = list(network.state_dict())
    add_adapters(network, LoRAConfig(rank=4))
    assert sorted(merged(network)) == sorted(names)
    assert {
        name for name, value in network.named_parameters() if value.requires_grad and "parametrizations" not in name
    } == {
        "head.4.weight",
        "head.4.bias",
    }


def test_rank_0_leaves_the_last_layer_alone_to_learn(net):
    x, before = torch.randn(9, 5), copy.deepcopy(net)
    add_adapters(net, LoRAConfig(rank=0))
    moved(net, x)
    assert {name for name, value in net.named_parameters() if value.requires_grad} == {"4.weight", "4.bias"}
    assert merged(net).keys() == before.state_dict().keys()
    assert torch.equal(net[0].weight, before[0].weight)
    assert not torch.equal(net[4].weight, before[4].weight)


@pytest.mark.parametrize("bad", [{"rank": -1}, {"alpha": 0.0}])
def test_bad_settings(bad):
    with pytest.raises(BadConfig, match=f"lora.{next(iter(bad))}"):
        LoRAConfig(**bad)
