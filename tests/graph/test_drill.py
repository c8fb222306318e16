"""The worked example of CONTRIBUTING: a new input channel is one class and one registration."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
import torch

from leafwood.graph import build, config, features
from leafwood.graph.batching import build_example
from leafwood.graph.config import GraphConfig
from leafwood.graph.features import FeatureGroup
from leafwood.nn.structure import UNetConfig
from leafwood.nn.unet import PyramidUNet, begin_with

PLAIN = GraphConfig(n_levels=3, k=4, scales=(4, 6))
SHAPE = UNetConfig(widths=(8, 12, 16), encoder_convs=(1, 1, 1), decoder_convs=(0, 1))


class Centimetres(FeatureGroup):
    """The mean of the heights of a voxel's points, in centimetres: a channel that nobody needs."""

    name = "centimetres"

    def columns(self, scales):
        return ("centimetres",)

    def of_points(self, points):
        return 100 * points.height[:, None]

    def of_nodes(self, nodes):
        return (nodes.sums / nodes.count[:, None]).astype(np.float32)


@pytest.fixture
def registered(monkeypatch):
    table = MappingProxyType({**features.FEATURE_GROUPS, "centimetres": Centimetres()})
    for module in (build, config):
        monkeypatch.setattr(module, "FEATURE_GROUPS", table)
    return replace(PLAIN, features=(*PLAIN.features, "centimetres"))


def test_the_channel_has_its_columns_on_every_level(registered):
    xyz = np.random.default_rng(0).uniform(0, 2, (400, 3)).astype(np.float32)
    graph, node = build_example(xyz, xyz[:, 2], registered)
    for level in range(3):
        column = graph[f"x{level}"][:, registered.columns("centimetres", level)]
        assert column.shape == (len(graph[f"pos{level}"]), 1)
        assert registered.column_names(level)[-1] == "centimetres"
    of_first = xyz[node == node[0], 2].mean()
    assert graph["x0"][node[0], -1].item() == pytest.approx(100 * of_first, rel=1e-4)


def test_weights_that_do_not_know_it_begin_as_they_were(registered):
    torch.manual_seed(0)
    before, after = PyramidUNet(PLAIN, SHAPE).eval(), PyramidUNet(registered, SHAPE).eval()
    begin_with(after, before.state_dict(), PLAIN)
    xyz = np.random.default_rng(1).uniform(0, 2, (300, 3)).astype(np.float32)
    plain, more = (build_example(xyz, xyz[:, 2], graph)[0] for graph in (PLAIN, registered))
    torch.testing.assert_close(after(more), before(plain))
