"""SOUL as released: its partition, the points it leaves out, and its checkpoints."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

from leafwood.errors import BadConfig
from leafwood.nn.pointnet2 import PointNet2
from leafwood.samplers.gvd import GVDConfig, decompose
from leafwood.soul.checkpoint import import_release
from leafwood.soul.features import soul_features
from leafwood.soul.released import decompose_as_released
from leafwood.soul.samples import SoulConfig, prepare_cloud
from leafwood.soul.segmenter import load_soul, save_soul

ANY = GVDConfig(voxel=1.0, min_voxels=1, min_points=1)


def at(*cells):
    """A point in the middle of each voxel of size 1."""
    return np.array(cells, dtype=float) + 0.5


def column(height, x=0, base=0):
    return [(x, 0, base + z) for z in range(height)]


def test_a_piece_that_begins_beside_another_goes_on_counting():
    """A column of 25, high up: after ten steps the next piece begins at eleven, and so every voxel above is a piece."""
    found = decompose_as_released(at((9, 9, 0), *column(25, base=30)), ANY)
    assert found.gd[1:].tolist() == list(range(25))
    assert np.bincount(found.component).tolist() == [1, 11, *[1] * 14]
    mended = decompose(at(*column(25)), ANY)
    assert np.bincount(mended.component).tolist() == [11, 11, 3]


@pytest.mark.parametrize(
    ("cell", "first", "ratio"),
    [((0, 0, 3), (0, 0, 2), np.nan), ((1, 0, 4), (0, 0, 2), 1.0), ((0, 0, 5), (0, 0, 2), 1.0)],
)
def test_the_released_distance(cell, first, ratio):
    from leafwood.soul.released import _released_ratio

    np.testing.assert_equal(_released_ratio(1, cell, first), ratio)


HOOK = [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (4, 1), (4, 2), (3, 2), (2, 2), (1, 2)]


def test_tortuous_places_end_a_piece_at_the_ground_only():
    """At z = 0 the released distance is right, and a hook is cut where it turns back; high up nothing is compared."""
    low = decompose_as_released(at(*[(x, y, 0) for x, y in HOOK]), ANY)
    high = decompose_as_released(at((20, 20, 0), *[(x, y, 20) for x, y in HOOK]), ANY)
    assert np.bincount(low.component).tolist() == [8, 2]
    assert np.bincount(high.component).tolist() == [1, 10]


def test_small_pieces_go_into_the_next_large_one_wherever_it_is():
    config = GVDConfig(voxel=1.0, min_voxels=10, min_points=10)
    far = [(50, 0, 0), (50, 0, 1)]
    found = decompose_as_released(at(*far, *column(12, base=20)), config)
    assert found.component[:2].tolist() == [0, 0]  # below, and so first
    assert (found.component[2:13] == 0).all()  # the column's first eleven
    assert found.component[13] == 1  # what is left at the end is a piece of its own
    assert decompose_as_released(np.empty((0, 3)), config).count == 0


def test_every_point_is_in_one_piece():
    xyz = np.random.default_rng(0).uniform(0, 6, (3000, 3))
    found = decompose_as_released(xyz, GVDConfig())
    assert np.array_equal(np.unique(found.component), np.arange(found.count))
    assert (found.gd >= 0).all()


def test_only_points_that_are_alone_are_left_out():
    rng = np.random.default_rng(0)
    xyz = np.concatenate([rng.normal(0, 0.1, (50, 3)), [[5, 0, 0], [5.1, 0, 0], [9, 9, 9]]])
    assert np.isnan(soul_features(xyz)[-3:]).all()
    kept = np.isfinite(soul_features(xyz, fewest=2)).all(axis=1)
    assert kept[:-1].all()
    assert not kept[-1]
    released, ours = (prepare_cloud(xyz, SoulConfig(points=60, released=flag)) for flag in (True, False))
    assert len(released.kept) == len(ours.kept) + 2
    np.testing.assert_allclose(released.features.mean(axis=0), 0, atol=1e-3)


NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def released_state(network):
    """The network's state under the names and in the shapes of the release."""
    own, state = network.state_dict(), {}
    for level, layers in enumerate([3] * 4):
        for layer in range(layers):
            lin, norm = f"down.{level}.conv.local_nn.lins.{layer}", f"down.{level}.conv.local_nn.norms.{layer}.module"
            weight = own[f"{lin}.weight"]
            if layer == 0:
                weight = torch.cat([weight[:, -3:], weight[:, :-3]], dim=1)
            base = f"point_base_model.sa{level + 1}"
            state[f"{base}.mlp_convs.{layer}.weight"] = weight[:, :, None, None]
            state[f"{base}.mlp_convs.{layer}.bias"] = own[f"{lin}.bias"]
            state |= {f"{base}.mlp_bns.{layer}.{name}": own[f"{norm}.{name}"] for name in NORM}
    for level, layers in enumerate([3, 2, 2, 2]):
        for layer in range(layers):
            base = f"point_base_model.fp{level + 1}"
            state[f"{base}.mlp_convs.{layer}.weight"] = own[f"up.{level}.lins.{layer}.weight"][:, :, None]
            state[f"{base}.mlp_convs.{layer}.bias"] = own[f"up.{level}.lins.{layer}.bias"]
            state |= {f"{base}.mlp_bns.{layer}.{n}": own[f"up.{level}.norms.{layer}.module.{n}"] for n in NORM}
    state |= {"point_base_model.conv1.weight": torch.zeros(128, 128, 1), "point_base_model.bn1.weight": torch.ones(128)}
    for ours, theirs in (("head.0", "fc_0"), ("head.2", "fc_1"), ("head.4", "fc_out")):
        for name in ("weight", "bias"):
            value = own[f"{ours}.{name}"]
            value = value.flip(0) if theirs == "fc_out" else value  # wood comes first there
            state[f"{theirs}.{name}"] = value[:, :, None] if name == "weight" else value
    return state


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return PointNet2().eval()


def test_the_release_has_as_many_parameters_in_use(network):
    names = [name for name in released_state(network) if name.endswith(("weight", "bias")) and ".conv1." not in name]
    assert sum(released_state(network)[name].numel() for name in names if ".bn1." not in name) == 1_016_194


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_released_checkpoint_gives_the_same_logits(network, wrapped, tmp_path):
    state = released_state(network)
    if wrapped:
        state = {"epoch": 3161, "model_state_dict": {f"module.{name}": value for name, value in state.items()}}
    torch.save(state, tmp_path / "soul.pth")
    model = import_release(tmp_path / "soul.pth")
    assert model.config.released
    xyz = np.random.default_rng(0).uniform(0, 3, (1500, 3))
    prepared = prepare_cloud(xyz, SoulConfig(points=1100, released=True))
    batch = Batch.from_data_list([prepared.sample(0)])
    with torch.inference_mode():
        assert torch.equal(model.network(batch), network(batch))
    save_soul(model, tmp_path / "model.safetensors")
    assert load_soul(tmp_path / "model.safetensors").config == model.config


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.pop("fc_1.weight"), "there is no fc_1.weight"),
        (lambda state: state.update({"extra.weight": torch.ones(2)}), "it has no extra.weight"),
        (lambda state: state.update({"fc_0.bias": torch.ones(3)}), r"fc_0.bias is \(3,\) and not \(256,\)"),
        (lambda state: state.update({"epoch": 3}), "no state of a network"),
    ],
)
def test_other_networks_are_refused_in_one_line(network, change, words, tmp_path):
    state = released_state(network)
    change(state)
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(BadConfig, match=words) as caught:
        import_release(tmp_path / "other.pth")
    assert "\n" not in str(caught.value)


def test_code_is_never_run_and_no_file_is_one_line(tmp_path):
    path = tmp_path / "evil.pth"
    torch.save({"fc": print}, path)
    with pytest.raises(BadConfig, match="cannot be read as weights"):
        import_release(path)
    with pytest.raises(BadConfig, match="cannot be read as weights"):
        import_release(tmp_path / "none.pth")
