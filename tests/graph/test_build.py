"""Graphs of clouds: how sparse ones are shrunk, and what is known of heights and returns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leafwood.graph.build import build_graph
from leafwood.graph.config import GraphConfig
from leafwood.graph.features import HEIGHT_NAMES, RETURN_NAMES, height_features, return_features
from leafwood.graph.scale import scale_normalisation
from leafwood.spatial.voxels import build_pyramid


@pytest.mark.parametrize(("spacing", "factor"), [(0.05, 1.0), (0.3, 0.9), (1.0, 0.5)])
def test_sparse_clouds_are_shrunk_and_dense_ones_are_not(spacing, factor):
    grid = np.stack(np.meshgrid(*[np.arange(14)] * 3), axis=-1).reshape(-1, 3)
    config = GraphConfig(spacing=0.45, least=0.5)
    assert scale_normalisation((grid * spacing).astype(np.float32), config) == pytest.approx(factor)


PLAIN = GraphConfig(n_levels=3, k=4, scales=(4, 6))
FULL = replace(PLAIN, features=(*PLAIN.features, "returns"))


def scan(n):
    """Places, heights and returns."""
    rng = np.random.default_rng(2)
    return (
        rng.uniform(0, 1, (n, 3)).astype(np.float32),
        rng.uniform(0, 30, n).astype(np.float32),
        rng.integers(0, 5, (n, 2)).astype(np.uint8),
    )


@pytest.mark.parametrize("n", [1, 3, 2000])
def test_returns_are_columns_more_and_nothing_else(n):
    xyz, height, returns = scan(n)
    (plain, _), (full, _) = build_graph(xyz, height, PLAIN, returns), build_graph(xyz, height, FULL, returns)
    for name in plain:
        np.testing.assert_array_equal(
            full[name][:, : plain[name].shape[1]] if name[0] == "x" else full[name], plain[name]
        )
    for level in range(3):
        assert full[f"x{level}"].shape[1] == FULL.n_features(level) == PLAIN.n_features(level) + len(RETURN_NAMES)


def test_returns_of_a_voxel_are_means_over_its_neighbourhood():
    xyz, height, returns = scan(2000)
    graph, node = build_graph(xyz, height, FULL, returns)
    of_points, levels = return_features(returns), build_pyramid(xyz, FULL.size, 3).levels
    for level in range(3):
        m = len(graph[f"pos{level}"])
        counts = np.bincount(node, minlength=m)
        means = np.stack([np.bincount(node, weights=c, minlength=m) / counts for c in of_points.T], axis=1)
        near = means[graph[f"neighbours{level}"]].mean(axis=1)
        np.testing.assert_allclose(graph[f"x{level}"][:, -len(RETURN_NAMES) :], near, atol=1e-5)
        node = levels[level].parent[node] if level < 2 else node


def test_returns_that_nobody_knows_are_all_zero():
    xyz, height, _ = scan(500)
    for returns in (None, np.zeros((500, 2), dtype=np.uint8)):
        graph, _ = build_graph(xyz, height, FULL, returns)
        assert all((graph[f"x{level}"][:, -len(RETURN_NAMES) :] == 0).all() for level in range(3))


@pytest.mark.parametrize("config", [PLAIN, FULL, replace(FULL, scales=(6,)), replace(PLAIN, scales=(4, 6, 8))])
def test_heights_are_found_among_the_columns(config):
    rng = np.random.default_rng(2)
    xyz = (np.arange(60).reshape(20, 3) * 7.0).astype(np.float32)  # each in a voxel of its own
    height = np.append(rng.uniform(0, 30, 19), np.nan).astype(np.float32)
    graph, node = build_graph(xyz, height, config)
    found = graph["x0"][:, config.columns("height")]
    assert found.shape == (20, len(HEIGHT_NAMES))
    np.testing.assert_allclose(found[node], height_features(height), atol=1e-6)


def test_hardly_any_points_are_not_shrunk():
    assert scale_normalisation(np.zeros((3, 3), dtype=np.float32), GraphConfig()) == 1.0
