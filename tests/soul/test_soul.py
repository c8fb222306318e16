"""SOUL end to end, untrained or trained for a few steps: what must hold whatever the weights are."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Subset
from torch_geometric.data import Batch

from leafwood.cloud import PointCloud
from leafwood.datasets.stands import LabelledStand
from leafwood.errors import BadCloud, BadConfig
from leafwood.losses.rebalanced import Rebalanced
from leafwood.models import load_segmenter
from leafwood.nn.pointnet2 import PointNet2
from leafwood.samplers.gvd import GVDConfig
from leafwood.soul.samples import SoulConfig, SoulSamples, epochs, prepare_cloud
from leafwood.soul.segmenter import SoulModel, SoulSegmenter, load_soul, save_soul

CONFIG = SoulConfig(points=1100, gvd=GVDConfig(min_points=50))


def trees(n=2400):
    """Crowns on stems with their labels, and a few stray points far above."""
    rng = np.random.default_rng(4)
    centre = rng.uniform(0, 12, (5, 2))
    crown = np.c_[centre[rng.integers(0, 5, n)], np.full(n, 7.0)] + rng.normal(0, 0.9, (n, 3))
    stem = np.c_[centre[rng.integers(0, 5, n // 4)], rng.uniform(0, 6, n // 4)]
    stem[:, :2] += rng.normal(0, 0.06, (len(stem), 2))
    stray = rng.uniform(20, 30, (5, 3))
    wood = np.repeat([0, 1, 0], [len(crown), len(stem), len(stray)]).astype(np.int8)
    return np.concatenate([crown, stem, stray]).astype(np.float32), wood


def stand(xyz, label, ground=None):
    n = len(xyz)
    zeros = np.zeros(n, dtype=np.int64)
    ground = np.zeros(n, dtype=bool) if ground is None else ground
    height, ones = np.full(n, np.nan, np.float32), np.ones(n, dtype=np.uint8)
    return LabelledStand(xyz, height, label, ground, zeros, zeros, ones, ones, Path("made.laz"))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    return SoulModel(PointNet2().eval(), CONFIG, {"why": "a test"})


def test_samples_hold_every_point_that_has_a_shape():
    xyz, _ = trees()
    prepared = prepare_cloud(xyz, CONFIG)
    assert set(prepared.chunks.index.ravel().tolist()) == set(range(len(prepared.kept)))
    assert np.isfinite(prepared.features).all()
    assert not np.isin(np.arange(len(xyz) - 5, len(xyz)), prepared.kept).any()


def test_training_samples_carry_the_labels_of_their_points():
    xyz, wood = trees()
    samples = SoulSamples([stand(xyz[:100], wood[:100]), stand(xyz, wood)], CONFIG.for_training())
    seen = [samples[number] for number in range(len(samples))]
    assert {tuple(s.x.shape) for s in seen} == {(1100, 12)}
    prepared = prepare_cloud(xyz, CONFIG.for_training())
    last = seen[-1]
    np.testing.assert_array_equal(last.y, wood[prepared.kept][last.point])
    with pytest.raises(IndexError):
        samples[len(samples)]


def test_ground_and_unknown_points_are_left_out():
    xyz, wood = trees()
    ground, label = np.arange(len(xyz)) % 3 == 0, wood.copy()
    label[1::3] = -1
    samples = SoulSamples([stand(xyz, label, ground)], CONFIG)
    expected = SoulSamples([stand(xyz[2::3], wood[2::3])], CONFIG)
    assert len(samples) == len(expected)
    torch.testing.assert_close(samples[0].x, expected[0].x)


def test_nothing_to_learn_from_is_refused():
    with pytest.raises(BadCloud, match="no labelled"):
        SoulSamples([stand(*trees()[:1], np.full(3005, -1, np.int8))], CONFIG)


def test_statistics_are_those_of_all_points():
    xyz, wood = trees()
    mean, std = SoulSamples([stand(xyz, wood)], CONFIG).statistics()
    features = prepare_cloud(xyz, CONFIG).features
    np.testing.assert_allclose(mean, features.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(std, features.std(axis=0), rtol=1e-3)


def test_epochs_show_everything_once_before_anything_twice():
    drawn = epochs(7, 18, np.random.default_rng(0))
    assert len(drawn) == 18
    assert sorted(drawn[:7]) == sorted(drawn[7:14]) == list(range(7))
    assert drawn[:7] != drawn[7:14]
    assert epochs(7, 0, np.random.default_rng(0)) == []


def test_every_vegetation_point_gets_a_label(model):
    xyz, _ = trees()
    done = []
    result = SoulSegmenter(model, threads=1).segment(PointCloud.from_xyz(xyz), lambda a, b: done.append((a, b)))
    assert np.isin(result.columns["leafwood"], (1, 2)).all()
    assert ((result.columns["wood_prob"] > 0) & (result.columns["wood_prob"] < 1)).all()
    assert done[-1][0] == done[-1][1] > 1


def test_strays_take_their_neighbours_label(model):
    xyz, _ = trees()
    xyz[-1] = xyz[xyz[:, 2].argmax()] + [0, 0, 0.5]
    result = SoulSegmenter(model, threads=1).segment(PointCloud.from_xyz(xyz))
    kept = prepare_cloud(result.xyz, CONFIG).kept
    near = kept[np.linalg.norm(result.xyz[kept] - result.xyz[-1], axis=1).argmin()]
    assert len(xyz) - 1 not in kept
    assert result.columns["wood_prob_equal"][-1] == result.columns["wood_prob_equal"][near]


@pytest.mark.parametrize("xyz", [np.empty((0, 3)), np.array([[0, 0, 0], [40.0, 0, 0], [0, 40, 9]])])
def test_clouds_without_neighbourhoods_are_leaf(model, xyz):
    result = SoulSegmenter(model, threads=1).segment(PointCloud.from_xyz(xyz))
    assert result.columns["leafwood"].tolist() == [1] * len(xyz)


def test_saving_and_loading_changes_nothing(model, tmp_path):
    xyz, _ = trees(1200)
    save_soul(model, tmp_path / "soul.safetensors")
    loaded = load_soul(tmp_path / "soul.safetensors")
    assert (loaded.config, loaded.provenance) == (CONFIG, {"why": "a test"})
    before, after = (SoulSegmenter(m, threads=1).segment(PointCloud.from_xyz(xyz)) for m in (model, loaded))
    np.testing.assert_array_equal(before.columns["wood_prob"], after.columns["wood_prob"])


def test_it_labels_by_either_rule_and_has_no_choice_of_quality(model, tmp_path):
    save_soul(model, tmp_path / "soul.safetensors")
    for rule in ("overlap", "balanced"):
        assert load_segmenter(tmp_path / "soul.safetensors", rule=rule).rule == rule
    with pytest.raises(BadConfig, match="no choice of quality"):
        load_segmenter(tmp_path / "soul.safetensors", quality="high")


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "net.safetensors"
    with pytest.raises(BadConfig, match=r"net\.safetensors: not a SOUL model"):
        load_soul(path)
    path.write_bytes(b"?")
    path.with_suffix(".json").write_text('{"format": 1}')
    with pytest.raises(BadConfig, match="kind None"):
        load_soul(path)


def test_it_learns():
    """A few steps, as a training loop takes them, bring the loss of one batch down."""
    torch.manual_seed(3)
    samples = SoulSamples([stand(*trees())], CONFIG.for_training())
    network = PointNet2()
    network.set_statistics(*samples.statistics())
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    batch = next(iter(DataLoader(Subset(samples, [0, len(samples) // 2]), 2, collate_fn=Batch.from_data_list)))
    criterion = Rebalanced(torch.bincount(batch.y).tolist())
    losses = []
    for _ in range(5):
        loss = criterion(network(batch), batch.y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
