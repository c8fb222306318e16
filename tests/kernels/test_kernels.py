"""Each compiled kernel against the NumPy that it replaces, for each set of instructions and number of threads."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood import kernels
from leafwood.errors import BadCloud, BadConfig
from leafwood.graph.build import build_graph
from leafwood.graph.config import GraphConfig
from leafwood.graph.features import eigen_features, tree_paths
from leafwood.graph.features.neighbourhood import max_over, mean_over
from leafwood.nn import trained
from leafwood.nn.structure import UNetConfig, unet_structure
from leafwood.nn.trained import TrainedUNet
from leafwood.postprocess import regularize
from leafwood.spatial import neighbours as neighbours_module
from leafwood.spatial import order as order_module
from leafwood.spatial import voxels as voxels_module
from leafwood.spatial.neighbours import nearest, nearest_in_voxels
from leafwood.spatial.order import MAX_CELLS, morton_codes, morton_order, voxel_cells
from leafwood.spatial.voxels import build_pyramid

GRAPH = GraphConfig(
    n_levels=3, k=16, scales=(10, 24), features=("eigen", "spacing", "count", "height", "returns", "paths")
)
SHAPE = UNetConfig(widths=(24, 40, 13), encoder_convs=(1, 2, 1), decoder_convs=(1, 1))
INSTRUCTIONS = ("baseline", "avx2", "avx512")

compiled = kernels.compiled()
needs_kernels = pytest.mark.skipif(compiled is None, reason=f"nothing is compiled: {kernels.in_use()}")


@pytest.fixture(params=INSTRUCTIONS)
def instructions(request):
    """The kernels with a set of instructions, where the processor has it."""
    if compiled.use(request.param) != request.param:
        pytest.skip(f"this processor has no {request.param}")
    yield compiled
    compiled.use("best")


@pytest.fixture
def numpy_path(monkeypatch):
    """Makes every module that asks for the kernels find none."""

    def leave_out():
        for module in (trained, regularize, neighbours_module, order_module, voxels_module):
            monkeypatch.setattr(module, "compiled", lambda: None)
        for name in ("eigen", "neighbourhood", "paths"):
            monkeypatch.setattr(sys.modules[f"leafwood.graph.features.{name}"], "compiled", lambda: None)

    return leave_out


def cloud(n, seed=0):
    """Points of a stem, a crown and a few strays: dense, sparse, and far away."""
    rng = np.random.default_rng(seed)
    stem = rng.normal((5, 5, 0), (0.1, 0.1, 0.0), (n // 2, 3)) + np.outer(rng.uniform(0, 9, n // 2), (0, 0, 1))
    crown = rng.normal((5, 5, 9), 1.5, (n - n // 2 - n // 50, 3))
    strays = rng.uniform(0, 200, (n // 50, 3))
    xyz = np.concatenate([stem, crown, strays])
    return np.maximum(np.round(xyz, 3), 0).astype(np.float32)


def sorted_voxels(xyz, size):
    level = build_pyramid(xyz, size, 1).levels[0]
    return level.xyz, level.codes


def assert_nearest(xyz, codes, size, k, threads=1):
    found, distance = nearest_in_voxels(xyz, codes, size, k, threads)
    _, expected = nearest(xyz, k)
    assert distance.tobytes() == expected.tobytes()
    apart = np.square(xyz[found] - xyz[:, None])
    squared = (apart[:, :, 0] + apart[:, :, 1]) + apart[:, :, 2]
    np.testing.assert_array_equal(np.sqrt(squared), distance)
    if k <= len(xyz):  # of equal ones the first comes first
        assert ((squared[:, 1:] > squared[:, :-1]) | (found[:, 1:] > found[:, :-1])).all()
        assert all(len(set(row)) == k for row in found.tolist())


@needs_kernels
@pytest.mark.parametrize(("n", "k"), [(2, 1), (300, 16), (5000, 24)])
def test_nearest_voxels_are_those_that_nanoflann_finds(instructions, n, k):
    xyz, codes = sorted_voxels(cloud(max(n, 60))[:n], 0.06)
    assert_nearest(xyz, codes, 0.06, min(k, len(xyz)))


@needs_kernels
@settings(max_examples=60, deadline=None)
@given(st.integers(1, 80), st.integers(1, 30), st.sampled_from([0.01, 0.3, 50.0]), st.integers(0, 10**6))
def test_nearest_points_in_any_voxels(n, k, size, seed):
    rng = np.random.default_rng(seed)
    xyz = (np.round(rng.uniform(0, 3, (n, 3)) ** 3, 1) * rng.choice([0.1, 1.0, 30.0])).astype(np.float32)
    codes = morton_codes(voxel_cells(xyz, size))
    order = np.argsort(codes, kind="stable")
    assert_nearest(xyz[order], codes[order], size, k)


@needs_kernels
def test_nearest_of_many_equal_points():
    xyz = np.repeat(cloud(100), 30, axis=0)
    codes = morton_codes(voxel_cells(xyz, 0.1))
    order = np.argsort(codes, kind="stable")
    assert_nearest(xyz[order], codes[order], 0.1, 24)


@needs_kernels
@pytest.mark.parametrize(("n", "far"), [(1, 0), (300, 0), (5000, 0), (5000, 90_000)])
def test_the_pyramid_is_that_of_numpy(numpy_path, n, far):
    xyz = np.repeat(cloud(max(n, 60))[:n], 2, axis=0)[::-1].copy()  # in no order, several of them at one place
    xyz[0] += np.float32(far)
    found, order = build_pyramid(xyz, 0.06, 4), morton_order(xyz, 0.06)
    numpy_path()
    expected = build_pyramid(xyz, 0.06, 4)
    for one, other in zip(order, morton_order(xyz, 0.06), strict=True):
        np.testing.assert_array_equal(one, other)
    for level, other in zip(found.levels, expected.levels, strict=True):
        for name in ("xyz", "codes", "children", "parent"):
            assert getattr(level, name).tobytes() == getattr(other, name).tobytes()
    np.testing.assert_array_equal(found.node, expected.node)
    np.testing.assert_array_equal(found.count, expected.count)


@needs_kernels
@pytest.mark.parametrize("types", [(np.float32, np.int64), (np.float64, np.int64), (np.float64, np.int32)])
@pytest.mark.parametrize("columns", [0, 1, 5])
def test_sums_of_groups_are_those_of_numpy(numpy_path, types, columns):
    rng = np.random.default_rng(0)
    values, group = rng.normal(size=(3000, columns)).astype(types[0]), rng.integers(0, 400, 3000).astype(types[1])
    found = voxels_module.sums_of_groups(values, group, 500)
    numpy_path()
    expected = voxels_module.sums_of_groups(values, group, 500)
    assert found.shape == expected.shape == (500, columns)
    assert found.tobytes() == expected.tobytes()


@needs_kernels
@pytest.mark.parametrize("place", [-0.1, MAX_CELLS * 0.06 + 1, np.nan])
def test_points_without_a_voxel_are_refused(place):
    with pytest.raises(BadCloud), np.errstate(invalid="ignore"):
        morton_order(np.array([[1, 2, place], [0, 0, 0]], np.float32), 0.06)


@needs_kernels
@pytest.mark.parametrize("threads", [1, 3])
def test_eigen_features_are_those_of_pgeof(instructions, numpy_path, threads):
    xyz = sorted_voxels(cloud(5000), 0.06)[0]
    neighbours, _ = nearest(xyz, 24)
    found = eigen_features(xyz, neighbours, (10, 24), threads)
    numpy_path()
    np.testing.assert_allclose(found, eigen_features(xyz, neighbours, (10, 24)), atol=2e-4)


@needs_kernels
def test_eigen_features_of_some_places_are_those_of_pgeof(instructions, numpy_path):
    xyz = sorted_voxels(cloud(5000), 0.06)[0]
    neighbours, _ = nearest(xyz, 24, xyz[100:900])
    found = eigen_features(xyz, neighbours, (10, 24))
    assert found.shape == (800, 10)
    numpy_path()
    np.testing.assert_allclose(found, eigen_features(xyz, neighbours, (10, 24)), atol=2e-4)


@needs_kernels
def test_points_on_one_place_have_no_shape():
    features = compiled.eigen_features(np.ones((3, 3), np.float32), np.zeros((3, 4), np.int32), [4], 1)
    assert features.tolist() == [[0, 0, 0, 0, 1]] * 3


@needs_kernels
@pytest.mark.parametrize("threads", [1, 3])
def test_means_and_smoothing_are_those_of_numpy(numpy_path, threads):
    xyz = sorted_voxels(cloud(9000), 0.06)[0]
    neighbours, _ = nearest(xyz, 16)
    values = np.random.default_rng(1).normal(size=(len(xyz), 5)).astype(np.float32)
    means, maxima = (over(neighbours, values, threads) for over in (mean_over, max_over))
    smooth = regularize.smooth(values[:, 0], xyz, neighbours, threads)
    numpy_path()
    assert means.tobytes() == mean_over(neighbours, values).tobytes()
    assert maxima.tobytes() == max_over(neighbours, values).tobytes()
    np.testing.assert_allclose(smooth, regularize.smooth(values[:, 0], xyz, neighbours), atol=1e-5)


@needs_kernels
@pytest.mark.parametrize(("n", "k"), [(1, 1), (2, 3), (700, 4), (9000, 13)])
def test_tree_paths_are_those_of_scipy(numpy_path, n, k):
    xyz = sorted_voxels(cloud(max(n, 60)), 0.06)[0][:n]
    neighbours, _ = nearest(xyz, k + 1)
    height, mass = xyz[:, 2] - xyz[:, 2].min(), np.random.default_rng(0).random(len(xyz)).astype(np.float32)
    found = tree_paths(xyz, neighbours[:, 1:], height, mass)
    numpy_path()
    np.testing.assert_allclose(found, tree_paths(xyz, neighbours[:, 1:], height, mass), rtol=1e-3, atol=1e-4)


def network(seed=0):
    rng = np.random.default_rng(seed)
    shapes = unet_structure(GRAPH, SHAPE).tensors()
    weights = {
        name: rng.normal(scale=0.3, size=shape).astype(np.float32) + np.float32(len(shape) == 1 and "norm" in name)
        for name, shape in shapes.items()
    }
    return TrainedUNet(weights, GRAPH, SHAPE)


@needs_kernels
@pytest.mark.parametrize("n", [1, 60, 9000])
def test_the_network_is_that_of_numpy(instructions, numpy_path, n):
    xyz = cloud(max(n, 60))[:n]
    graph, _ = build_graph(xyz, xyz[:, 2], GRAPH, np.ones((n, 2), np.uint8))
    both = [np.concatenate(network()(dict(graph), 2), axis=1)]
    numpy_path()
    both.append(np.concatenate(network()(dict(graph), 2), axis=1))
    np.testing.assert_allclose(*both, rtol=1e-3, atol=1e-3)


@needs_kernels
def test_the_number_of_threads_changes_no_bit():
    xyz = cloud(20_000)
    runs = []
    for threads in (1, 2, 5):
        graph, _ = build_graph(xyz, xyz[:, 2], GRAPH, np.ones((len(xyz), 2), np.uint8), threads)
        margin = network()(dict(graph), threads)[0][:, 0].copy()
        smooth = regularize.smooth(margin, graph["pos0"], graph["neighbours0"], threads)
        runs.append([*(part.tobytes() for part in graph.values()), margin.tobytes(), smooth.tobytes()])
    assert runs[0] == runs[1] == runs[2]


@needs_kernels
def test_what_does_not_fit_is_refused():
    points, links = np.zeros((3, 3), np.float32), np.zeros((3, 2), np.int32)
    with pytest.raises(ValueError, match="leads out"):
        compiled.mean_over(points, links + 3, 1)
    with pytest.raises(ValueError, match="leads out"):
        compiled.mean_over(points, links - 1, 1)
    with pytest.raises(ValueError, match="ascend"):
        compiled.nearest(points, np.array([1, 0, 2], np.uint64), 0.1, 1, 1)
    with pytest.raises(ValueError, match="no number"):
        compiled.in_morton_order(points - 1, 0.1, 0.0)
    with pytest.raises(ValueError, match="no such group"):
        compiled.sums_of_groups(points, np.array([0, 3, 1]), 3)
    with pytest.raises(ValueError, match="no such group"):
        compiled.sums_of_groups(points, np.array([0, -1, 1]), 3)
    with pytest.raises(ValueError, match="needs its group"):
        compiled.sums_of_groups(points, np.array([0, 1]), 3)
    with pytest.raises(ValueError, match="between 1 and"):
        compiled.nearest(points, np.zeros(3, np.uint64), 0.1, 4, 1)
    with pytest.raises(ValueError, match="scales"):
        compiled.eigen_features(points, links, [3], 1)
    with pytest.raises(ValueError, match="a cost and a mass"):
        compiled.tree_paths(points, links, points[:, 0].copy(), np.ones(2, np.float32), [1.0])
    with pytest.raises(ValueError, match="leads out"):
        compiled.tree_paths(points, links + 3, points[:, 0].copy(), np.ones(3, np.float32), [1.0])
    with pytest.raises(TypeError):
        compiled.mean_over(points.astype(np.float64), links, 1)


def version(value):
    environment = os.environ | {"LEAFWOOD_KERNELS": value}
    words = [sys.executable, "-m", "leafwood", "--version", "--verbose"]
    return subprocess.run(words, capture_output=True, text=True, env=environment, check=False)


def test_the_command_says_what_computes():
    assert version("numpy").stdout.splitlines()[1] == "NumPy (LEAFWOOD_KERNELS=numpy)"
    best = version("best").stdout.splitlines()[1]
    assert best == kernels.in_use()
    if compiled is not None:
        assert version("baseline").stdout.splitlines()[1] == "compiled kernels, baseline instructions"


def test_a_choice_that_does_not_exist_is_refused(monkeypatch):
    monkeypatch.setenv("LEAFWOOD_KERNELS", "fast")
    with pytest.raises(BadConfig, match="there are best, numpy"):
        kernels.in_use()
