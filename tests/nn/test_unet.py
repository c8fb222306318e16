"""The network reads what the graph builds."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

from leafwood.graph.batching import build_example
from leafwood.graph.config import GraphConfig
from leafwood.nn.structure import UNetConfig
from leafwood.nn.unet import PyramidUNet, begin_with

GRAPH = GraphConfig(n_levels=3, k=4, scales=(4, 6))
MORE = replace(GRAPH, features=(*GRAPH.features, "returns"))
SHAPE = UNetConfig(widths=(8, 12, 16), encoder_convs=(1, 1, 1), decoder_convs=(0, 1))


def cloud(n, seed=0):
    return np.random.default_rng(seed).uniform(0, 2, (n, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    return PyramidUNet(GRAPH, SHAPE).eval()


@pytest.mark.parametrize("n", [1, 2, 300])
def test_two_logits_a_voxel(network, n):
    graph, node = build_example(cloud(n), np.full(n, np.nan, dtype=np.float32), GRAPH)
    logits = network(graph)
    assert logits.shape == (len(graph.pos0), 2)
    assert torch.isfinite(logits).all()
    assert node.max() == len(graph.pos0) - 1


def test_a_batch_is_the_same_as_one_by_one(network):
    graphs = [build_example(cloud(n, n), np.zeros(n, dtype=np.float32), GRAPH)[0] for n in (40, 90, 7)]
    together = network(Batch.from_data_list(graphs))
    torch.testing.assert_close(together, torch.cat([network(g) for g in graphs]), atol=1e-5, rtol=1e-4)


def test_gradients_reach_every_weight(network):
    graph, _ = build_example(cloud(200), np.zeros(200, dtype=np.float32), GRAPH)
    trained = PyramidUNet(GRAPH, SHAPE)
    trained(graph).square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in trained.parameters())


def test_height_is_read(network):
    xyz = cloud(200)
    low, _ = build_example(xyz, np.zeros(200, dtype=np.float32), GRAPH)
    high, _ = build_example(xyz, np.full(200, 30, dtype=np.float32), GRAPH)
    assert not torch.allclose(network(low), network(high))


def test_nothing_is_made_on_another_device():
    graph, _ = build_example(cloud(100), np.zeros(100, dtype=np.float32), GRAPH)
    logits = PyramidUNet(GRAPH, SHAPE).to("meta")(graph.to("meta"))  # a tensor of the processor would be refused
    logits.sum().backward()
    assert logits.device.type == "meta"


def test_a_deeper_network_begins_as_the_one_it_starts_from(network):
    deeper = PyramidUNet(GRAPH, replace(SHAPE, encoder_convs=(1, 2, 1), decoder_convs=(1, 1))).eval()
    begin_with(deeper, network.state_dict())
    graph, _ = build_example(cloud(200), np.zeros(200, dtype=np.float32), GRAPH)
    torch.testing.assert_close(deeper(graph), network(graph), atol=1e-5, rtol=1e-4)
    deeper(graph).square().sum().backward()
    assert deeper.up[0][0].mlp[-1].weight.grad.abs().sum() > 0


def test_a_network_that_reads_returns_begins_as_the_one_it_starts_from(network):
    more = PyramidUNet(MORE, SHAPE).eval()
    begin_with(more, network.state_dict(), GRAPH)
    returns = np.tile(np.array([[1, 3], [3, 3]], dtype=np.uint8), (100, 1))
    xyz, height = cloud(200), np.zeros(200, dtype=np.float32)
    plain, full = (build_example(xyz, height, net.graph, returns)[0] for net in (network, more))
    torch.testing.assert_close(more(full), network(plain))
    more(full).square().sum().backward()
    for n, layers in enumerate(more.read):
        own = GRAPH.n_features(n)
        assert layers[0].weight.grad[:, own : own + 5].abs().sum() > 0
    again = PyramidUNet(MORE, SHAPE).eval()
    begin_with(again, more.state_dict(), MORE)
    torch.testing.assert_close(again(full), more(full))


def test_a_wider_or_shallower_network_cannot_start_from_it(network):
    for other in (replace(SHAPE, widths=(8, 12, 20)), replace(SHAPE, encoder_convs=(0, 1, 1))):
        with pytest.raises(RuntimeError, match="state_dict"):
            begin_with(PyramidUNet(GRAPH, other), network.state_dict())
