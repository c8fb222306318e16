"""The network without torch is the network that was trained."""

import numpy as np
import pytest
import torch

from leafwood.graph.batching import build_example
from leafwood.graph.build import build_graph
from leafwood.graph.config import GraphConfig
from leafwood.nn.structure import UNetConfig
from leafwood.nn.trained import TrainedUNet, neighbour_max
from leafwood.nn.unet import PyramidUNet

GRAPH = GraphConfig(n_levels=3, k=4, scales=(4, 6), features=("eigen", "spacing", "count", "height", "returns"))
SHAPE = UNetConfig(widths=(8, 12, 16), encoder_convs=(1, 2, 1), decoder_convs=(1, 1))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    network = PyramidUNet(GRAPH, SHAPE).eval()
    for value in network.parameters():  # norms are not the identity, biases not 0
        value.data += 0.1 * torch.randn_like(value)
    return network


@pytest.fixture(scope="module")
def weights(network):
    return {name: value.numpy() for name, value in network.state_dict().items()}


@pytest.mark.parametrize("n", [1, 2, 300, 10_000])
@pytest.mark.parametrize("threads", [1, 2])
def test_it_gives_the_logits_of_the_torch_network(network, weights, n, threads):
    rng = np.random.default_rng(0)
    xyz = rng.uniform(0, 3, (n, 3)).astype(np.float32)
    height = np.where(xyz[:, 0] < 1.5, xyz[:, 2], np.nan).astype(np.float32)
    returns = rng.integers(0, 4, (n, 2)).astype(np.uint8)
    found, channels = TrainedUNet(weights, GRAPH, SHAPE)(build_graph(xyz, height, GRAPH, returns)[0], threads)
    assert found.dtype == np.float32
    with torch.inference_mode():
        expected = network(build_example(xyz, height, GRAPH, returns)[0])
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4, rtol=1e-4)
    assert channels.shape == (len(found), 32)
    read = channels @ weights["head.4.weight"].T + weights["head.4.bias"]
    np.testing.assert_allclose(read, expected.numpy(), atol=1e-4, rtol=1e-4)


def test_the_number_of_threads_changes_nothing(weights):
    rng = np.random.default_rng(0)
    graph, _ = build_graph(rng.uniform(0, 3, (20_000, 3)).astype(np.float32), np.zeros(20_000, np.float32), GRAPH)
    one, two = (TrainedUNet(weights, GRAPH, SHAPE)(dict(graph), threads) for threads in (1, 2))
    assert [x.tobytes() for x in one] == [x.tobytes() for x in two]


@pytest.mark.parametrize("k", [1, 2, 16])
def test_neighbour_max_is_gather_and_maximum(k):
    rng = np.random.default_rng(0)
    x, index = rng.normal(size=(200, 7)).astype(np.float32), rng.integers(0, 200, (500, k)).astype(np.int32)
    np.testing.assert_array_equal(neighbour_max(x, index), x[index].max(axis=1))


def test_weights_of_another_network_are_refused(weights):
    missing = {name: value for name, value in weights.items() if name != "head.4.bias"}
    with pytest.raises(KeyError, match=r"head\.4\.bias"):
        TrainedUNet(missing, GRAPH, SHAPE)
    with pytest.raises(ValueError, match="belongs to another network"):
        TrainedUNet(weights | {"more": np.zeros(3)}, GRAPH, SHAPE)
    with pytest.raises(ValueError, match=r"is \(.*\) and not \("):
        TrainedUNet(weights, GRAPH, UNetConfig(widths=(8, 12, 20), encoder_convs=(1, 2, 1), decoder_convs=(1, 1)))
