"""The network in torch, as it labels on a GPU, gives what the network in NumPy gives."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from leafwood.errors import BadConfig
from leafwood.graph.build import build_graph
from leafwood.inference.model_file import load_model, weights_file
from leafwood.inference.segmenter import Segmenter
from leafwood.io.loaders import read
from leafwood.models import load_segmenter
from leafwood.nn.on_device import DeviceUNet

SAMPLE = Path(__file__).parents[2] / "data_samples" / "single_tree.laz"
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")
DEVICES = ["cpu", pytest.param("cuda", marks=GPU)]


@pytest.fixture(scope="module")
def model():
    return load_model("uav")


@pytest.fixture(scope="module")
def graph(model):
    rng = np.random.default_rng(0)
    xyz = rng.uniform(0, 4, (5000, 3)).astype(np.float32)
    returns = rng.integers(0, 4, (5000, 2)).astype(np.uint8)
    return build_graph(xyz, xyz[:, 2], model.graph, returns)[0]


@pytest.mark.parametrize("device", DEVICES)
def test_logits_and_channels_are_those_of_the_processor(model, graph, device):
    network = DeviceUNet(load_file(weights_file("uav")), model.graph, model.config, device)
    logits, channels = network(dict(graph), 1)
    expected, expected_channels = model.network(dict(graph), 1)
    np.testing.assert_allclose(logits, expected, atol=2e-3)
    np.testing.assert_allclose(channels, expected_channels, atol=2e-3)
    np.testing.assert_array_equal(network.classifiers, model.network.classifiers)


@pytest.mark.parametrize("device", DEVICES)
def test_labels_of_a_scan_agree(model, device):
    cloud = read(SAMPLE)
    network = DeviceUNet(load_file(weights_file("uav")), model.graph, model.config, device)
    found = Segmenter(replace(model, network=network)).segment(cloud).columns["leafwood"]
    assert (found != Segmenter(model).segment(cloud).columns["leafwood"]).mean() <= 0.001


@GPU
def test_a_gpu_that_is_asked_for_is_used():
    assert isinstance(load_segmenter("uav", device="cuda").model.network, DeviceUNet)


def test_a_gpu_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadConfig, match="torch sees no GPU"):
        load_segmenter("uav", device="cuda")


def test_a_device_of_no_known_name_is_one_line():
    with pytest.raises(BadConfig, match="no device 'tpu'; there are cpu and cuda"):
        load_segmenter("uav", device="tpu")
