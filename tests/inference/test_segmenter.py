"""The segmenter with an untrained network: what must hold whatever the weights are."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud, BadConfig
from leafwood.graph.config import GraphConfig
from leafwood.graph.scale import scale_normalisation
from leafwood.inference.model_file import Model, load_model, save_model
from leafwood.inference.segmenter import Segmenter
from leafwood.nn.structure import UNetConfig
from leafwood.nn.trained import TrainedUNet
from leafwood.nn.unet import PyramidUNet
from leafwood.postprocess.calibration import Calibration
from leafwood.postprocess.likeness import describe_pieces
from leafwood.weights import DEFAULT_MODEL

RNG = np.random.default_rng(4)


@pytest.fixture(scope="module")
def model():
    graph = GraphConfig(n_levels=4, k=8, scales=(6, 10), features=("eigen", "spacing", "count", "height", "returns"))
    shape = UNetConfig(widths=(8, 8, 12, 12), encoder_convs=(1, 1, 1, 1), decoder_convs=(0, 1, 1))
    return Model(TrainedUNet(weights(graph, shape), graph, shape), graph, shape)


def weights(graph, shape):
    torch.manual_seed(2)
    return {name: value.numpy() for name, value in PyramidUNet(graph, shape).state_dict().items()}


def plot(n=20_000, side=15.0):
    """Blobs of leaves on stems over a floor of class 2."""
    rng = np.random.default_rng(4)
    floor = np.column_stack([rng.uniform(0, side, (n // 4, 2)), rng.normal(0, 0.01, n // 4)])
    centre = rng.uniform(0, side, (12, 2))
    crown = np.column_stack([centre[rng.integers(0, 12, n // 2)], np.full(n // 2, 8.0)]) + rng.normal(0, 1, (n // 2, 3))
    stem = np.column_stack([centre[rng.integers(0, 12, n // 4)], rng.uniform(0.5, 7, n // 4)])
    xyz = np.concatenate([floor, crown, stem + rng.normal(0, [0.08, 0.08, 0], stem.shape)]).round(3)
    return xyz, np.repeat([2, 1, 1], [len(floor), len(crown), len(stem)]).astype(np.uint8)


def test_moving_a_scan_by_a_thousand_kilometres_changes_nothing(model):
    xyz, classes = plot()
    columns = {"classification": classes}
    here = Segmenter(model).segment(PointCloud.from_xyz(xyz, columns))
    there = Segmenter(model).segment(PointCloud.from_xyz(xyz + np.array([1e6, 6.8e6, 0]), columns))
    np.testing.assert_array_equal(here.columns["leafwood"], there.columns["leafwood"])


def test_order_of_points_hardly_matters(model):
    rng = np.random.default_rng(4)
    xyz, classes = plot()
    order = rng.permutation(len(xyz))
    one = Segmenter(model).segment(PointCloud.from_xyz(xyz, {"classification": classes})).columns["leafwood"]
    two = Segmenter(model).segment(PointCloud.from_xyz(xyz[order], {"classification": classes[order]}))
    assert (one[order] != two.columns["leafwood"]).mean() < 0.002


def test_same_input_same_output(model):
    xyz, classes = plot()
    cloud = PointCloud.from_xyz(xyz, {"classification": classes})
    one, two = (Segmenter(model).segment(cloud).columns["wood_prob"] for _ in range(2))
    assert one.tobytes() == two.tobytes()


def test_traits_are_means_over_the_points_that_are_owned(model):
    xyz = plot()[0].astype(np.float32)
    xyz -= xyz.min(axis=0)
    height, left, returns = xyz[:, 2].copy(), xyz[:, 0] < 4, np.zeros((len(xyz), 2), dtype=np.uint8)
    segmenter = Segmenter(model, smoothing=False)
    whole, one, other = (segmenter.forward(xyz, height, returns, 1.0, owned) for owned in (slice(None), left, ~left))
    np.testing.assert_allclose(
        one.descriptor * left.mean() + other.descriptor * (~left).mean(), whole.descriptor, rtol=1e-6, atol=1e-9
    )
    assert whole.descriptor[0] == pytest.approx(whole.margin.mean(), abs=1e-5)
    assert one.descriptor[0] == pytest.approx(one.margin.mean(), abs=1e-5)
    assert len(one.margin) == left.sum()


def test_a_scan_that_is_found_leafless_has_more_wood(model):
    xyz, classes = plot()
    cloud = PointCloud.from_xyz(xyz, {"classification": classes})
    descriptor = (4.0, *[0.0] * (len(model.graph.described()) + 32))
    found = [replace(model, calibration=Calibration(leafless=c, descriptor=descriptor)) for c in (0.0, 2.0)]
    plain, bare = (Segmenter(m).segment(cloud).columns["wood_prob_equal"][classes != 2] for m in found)
    moved = np.log(bare / (1 - bare)) - np.log(plain / (1 - plain))
    share = 0.5 + 0.45 / (1 + np.exp(-4.0))
    np.testing.assert_allclose(moved, 2.0 * np.log(share / (1 - share)), atol=1e-3)


def test_returns_are_read_where_a_file_says_more_than_one_of_one(model):
    rng = np.random.default_rng(4)
    xyz, classes = plot()
    one = np.ones(len(xyz), dtype=np.uint8)
    number = rng.integers(1, 3, len(xyz)).astype(np.uint8)
    silent, ones, two = (
        Segmenter(model).segment(PointCloud.from_xyz(xyz, {"classification": classes, **columns})).columns["wood_prob"]
        for columns in (
            {},
            {"return_number": one, "number_of_returns": one},
            {"return_number": number, "number_of_returns": 2 * one},
        )
    )
    np.testing.assert_array_equal(ones, silent)
    assert (two != silent)[classes != 2].mean() > 0.9


def test_bare_coordinates_are_enough(model):
    rng = np.random.default_rng(4)
    prob = Segmenter(model).predict_proba(rng.normal(0, 1, (500, 3)))
    assert prob.shape == (500,)
    assert prob.dtype == np.float32
    assert ((prob >= 0) & (prob <= 1)).all()


@pytest.mark.parametrize("n", [0, 1, 2, 50])
def test_hardly_any_points(model, n):
    rng = np.random.default_rng(4)
    result = Segmenter(model).segment(PointCloud.from_xyz(rng.uniform(0, 1, (n, 3))))
    assert len(result.columns["leafwood"]) == n


def test_all_points_in_one_place(model):
    result = Segmenter(model).segment(PointCloud.from_xyz(np.full((100, 3), 7.0)))
    assert len(np.unique(result.columns["leafwood"])) == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_coordinates_that_are_not_numbers_are_refused(model, bad):
    rng = np.random.default_rng(4)
    xyz = rng.uniform(0, 1, (10, 3))
    xyz[3, 1] = bad
    with pytest.raises(BadCloud, match="1 of 10"):
        Segmenter(model).predict_proba(xyz)


def test_feet_are_labelled_as_metres(model):
    xyz, classes = plot()
    metres = Segmenter(model).segment(PointCloud.from_xyz(xyz, {"classification": classes}))
    feet = PointCloud.from_xyz(xyz / 0.3048, {"classification": classes}, unit=(0.3048, 0.3048))
    labelled = Segmenter(model).segment(feet)
    assert (metres.columns["leafwood"] != labelled.columns["leafwood"]).mean() < 0.002


def test_a_saved_model_predicts_the_same(model, tmp_path):
    rng = np.random.default_rng(4)
    save_model(weights(model.graph, model.config), model.graph, model.config, {}, tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    xyz = rng.normal(0, 1, (500, 3))
    np.testing.assert_allclose(Segmenter(again).predict_proba(xyz), Segmenter(model).predict_proba(xyz), atol=2e-3)
    assert len(again.sha256) == 64


def test_an_unknown_model_is_named_with_those_there_are():
    with pytest.raises(BadConfig, match=f"no model 'nosuch'.*{DEFAULT_MODEL}"):
        load_model("nosuch")


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"not weights")
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(BadConfig, match=r"x\.safetensors: not a leafwood model"):
        load_model(tmp_path / "x.safetensors")


def returns_that_tell_wood(xyz, classes):
    """Single returns on stems and several in crowns."""
    crown = (classes == 1) & (xyz[:, 2] > 7.5)
    of = np.where(crown, RNG.integers(2, 4, len(xyz)), 1).astype(np.uint8)
    return {"return_number": np.minimum(RNG.integers(1, 4, len(xyz)), of).astype(np.uint8), "number_of_returns": of}


def test_evidence_moves_only_scans_that_can_teach_it(model):
    xyz, classes = plot()
    known = PointCloud.from_xyz(xyz, {"classification": classes, **returns_that_tell_wood(xyz, classes)})
    silent = PointCloud.from_xyz(xyz, {"classification": classes})
    for cloud, sure, expected in ((known, 40.0, True), (known, 0.01, False), (silent, 40.0, False)):
        slope = (sure, 0.0, 0.0, 0.0)  # an untrained network is sure of nothing
        of = replace(model, calibration=Calibration(slope=slope, scan=-sure))
        found = Segmenter(of).segment_with_account(cloud)
        assert found.view.with_evidence == expected
        plain = Segmenter(of, evidence=0.0).segment(cloud).columns["wood_prob_equal"]
        assert (plain != found.cloud.columns["wood_prob_equal"]).any() == expected


def test_high_quality_is_the_mean_of_five_scales(model):
    xyz = plot()[0].astype(np.float32)
    xyz -= xyz.min(axis=0)
    height, returns = np.full(len(xyz), np.nan, dtype=np.float32), np.zeros((len(xyz), 2), dtype=np.uint8)
    high = Segmenter(model, quality="high").look(xyz, height, returns).prob
    scale = scale_normalisation(xyz, model.graph)
    one = Segmenter(model)
    margins = [one.forward(xyz, height, returns, scale * vote).margin for vote in (1.0, 0.85, 1.18, 0.72, 1.4)]
    np.testing.assert_allclose(high, 1 / (1 + np.exp(-np.mean(margins, axis=0))), atol=1e-4)


@pytest.mark.parametrize("option", [{"rule": "best"}, {"quality": "low"}])
def test_unknown_options_are_refused(model, option):
    with pytest.raises(BadConfig, match="there are"):
        Segmenter(model, **option)


def test_the_account_says_how_a_scan_was_labelled(model):
    xyz, classes = plot()
    known = describe_pieces(RNG.normal(size=(50, 1 + len(model.graph.described()) + 32)))
    found = Segmenter(replace(model, descriptors=known)).segment_with_account(
        PointCloud.from_xyz(xyz, {"classification": classes})
    )
    assert found.unlike > 0
    assert found.leafless == 0
    assert 0 < found.decision.threshold < 0.5
    assert ((found.decision.share > 0) & (found.decision.share < 1)).all()
    wood = found.cloud.columns["leafwood"] == 2
    assert found.cloud.columns["wood_prob"][wood].min() > found.cloud.columns["wood_prob"][~wood & (classes != 2)].max()
