"""The geometry of a last layer, measured as training goes on."""

import csv

import numpy as np
import pytest
import torch

from leafwood.diagnose.seli import geometry
from leafwood.diagnose.watch import GeometryLog, measure
from leafwood.errors import BadConfig
from leafwood.graph.batching import build_example
from leafwood.graph.build import build_graph
from leafwood.graph.config import GraphConfig
from leafwood.nn.structure import UNetConfig
from leafwood.nn.trained import TrainedUNet
from leafwood.nn.unet import PyramidUNet

COUNTS = (900, 60, 30, 10)
GRAPH = GraphConfig(n_levels=3, k=6, scales=(5, 8))
SHAPE = UNetConfig(widths=(8, 8, 8), encoder_convs=(1, 1, 1), decoder_convs=(0, 1), outputs="parts")


def layer(counts, noise=0.0):
    """Classifiers and features that lie as SELI has them for these counts."""
    expected, rng = geometry(counts), np.random.default_rng(0)

    def rows(gram):
        values, vectors = np.linalg.eigh(gram)
        return vectors * np.sqrt(np.maximum(values, 0))

    means = np.linalg.pinv(rows(expected.classifiers)) @ expected.logits
    label = np.repeat(np.arange(4), 50)
    return rows(expected.classifiers), means.T[label] + noise * rng.normal(size=(200, 4)), label


def test_a_layer_that_lies_as_seli_says_is_at_no_distance():
    seen = measure(*layer(COUNTS), COUNTS)
    for distance in (seen.classifiers_to_seli, seen.means_to_seli, seen.logits_to_seli):
        assert distance == pytest.approx(0, abs=1e-6)
    assert seen.classifiers_to_etf > 0.2
    assert seen.within == pytest.approx(0, abs=1e-9)
    assert measure(*layer(COUNTS, noise=0.3), COUNTS).within > 0.01


def test_equal_counts_are_the_simplex_and_collapsed_rare_classes_are_seen():
    seen = measure(*layer((7, 7, 7, 7)), (7, 7, 7, 7))
    assert seen.classifiers_to_etf == pytest.approx(0, abs=1e-6)
    assert seen.minority_cosine == pytest.approx(-1 / 3)
    classifiers, features, label = layer(COUNTS)
    classifiers[2] = classifiers[3]
    assert measure(classifiers, features, label, COUNTS).minority_cosine == pytest.approx(1)


def test_two_classes_are_refused():
    with pytest.raises(BadConfig, match="same geometry at every imbalance"):
        measure(np.eye(2), np.eye(2), np.arange(2), (9, 1))


def parts_graph():
    rng = np.random.default_rng(0)
    xyz = rng.uniform(0, 3, (600, 3)).astype(np.float32)
    graph, _ = build_example(xyz, np.full(600, np.nan, np.float32), GRAPH)
    graph.y = torch.from_numpy(rng.integers(-1, 4, len(graph.pos0)))
    return graph


def test_a_row_is_written_at_every_look(tmp_path):
    torch.manual_seed(0)
    network, log = PyramidUNet(GRAPH, SHAPE), GeometryLog(tmp_path / "geometry.csv")
    for step in (10, 20):
        log(step, network, [parts_graph()], COUNTS)
    assert network.training
    with (tmp_path / "geometry.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["10", "20"]
    assert 0 < float(rows[0]["classifiers_to_seli"]) < 2


def test_leaf_and_wood_follow_from_the_parts():
    """The chances of stem and branch are added, and the trained network in NumPy agrees with torch."""
    torch.manual_seed(0)
    network, rng = PyramidUNet(GRAPH, SHAPE).eval(), np.random.default_rng(0)
    xyz = rng.uniform(0, 3, (600, 3)).astype(np.float32)
    graph, _ = build_graph(xyz, np.full(600, np.nan, np.float32), GRAPH)
    tensors = {name: torch.from_numpy(value) for name, value in graph.items()}
    with torch.inference_mode():
        wood = torch.softmax(network(tensors), dim=1)[:, 1:3].sum(dim=1).numpy()
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    trained = TrainedUNet(weights, GRAPH, SHAPE)
    logits, _ = trained(graph, 1)
    assert logits.shape == (len(wood), 2)
    np.testing.assert_allclose(1 / (1 + np.exp(logits[:, 0] - logits[:, 1])), wood, atol=1e-4)
    assert trained.classifiers.shape == (4, 32)
