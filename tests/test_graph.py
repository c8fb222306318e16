"""Graphs of clouds: how sparse ones are shrunk."""

from __future__ import annotations

import numpy as np
import pytest

from leafwood.graph import GraphConfig, shrinkage


@pytest.mark.parametrize(("spacing", "factor"), [(0.05, 1.0), (0.3, 0.9), (1.0, 0.5)])
def test_sparse_clouds_are_shrunk_and_dense_ones_are_not(spacing, factor):
    grid = np.stack(np.meshgrid(*[np.arange(14)] * 3), axis=-1).reshape(-1, 3)
    config = GraphConfig(spacing=0.45, least=0.5)
    assert shrinkage((grid * spacing).astype(np.float32), config) == pytest.approx(factor)


def test_hardly_any_points_are_not_shrunk():
    assert shrinkage(np.zeros((3, 3), dtype=np.float32), GraphConfig()) == 1.0
