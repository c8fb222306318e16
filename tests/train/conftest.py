"""A tiny network and graphs it can read."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

from leafwood.graph.batching import Example, build_example
from leafwood.graph.config import GraphConfig
from leafwood.nn.structure import UNetConfig
from leafwood.nn.unet import PyramidUNet

GRAPH = GraphConfig(n_levels=3, k=6, scales=(5, 8))
SHAPE = UNetConfig(widths=(8, 8, 8), encoder_convs=(1, 1, 1), decoder_convs=(0, 1), dropout=0.3)


def poles_and_balls(seed: int, n: int = 150) -> Example:
    """Upright poles of wood under a ball of leaves."""
    rng = np.random.default_rng(seed)
    pole = np.column_stack([rng.normal(1, 0.03, (n, 2)), rng.uniform(0, 2, n)])
    ball = rng.normal((1, 1, 2.5), 0.3, (3 * n, 3))
    xyz = np.concatenate([pole, ball]).astype(np.float32)
    xyz -= xyz.min(axis=0)
    graph, node = build_example(xyz, np.full(len(xyz), np.nan, dtype=np.float32), GRAPH)
    wood = np.bincount(node, weights=np.repeat([1, 0], (n, 3 * n)), minlength=len(graph.pos0))
    graph.y = torch.from_numpy((wood / np.bincount(node) > 0.5).astype(np.int64))
    graph.y[::17] = -1
    return graph


@pytest.fixture(scope="session")
def graphs() -> list[Example]:
    return [poles_and_balls(seed) for seed in range(4)]


@pytest.fixture
def batch(graphs):
    return Batch.from_data_list(graphs[:2])


@pytest.fixture
def network():
    torch.manual_seed(0)
    return PyramidUNet(GRAPH, SHAPE)
