"""What is in a model's card is checked before anything is built from it."""

import json
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import leafwood
from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig
from leafwood.inference.model_file import kind_of, load_model
from leafwood.inference.segmenter import Segmenter
from leafwood.models import load_segmenter

WEIGHTS = Path(leafwood.__file__).parent / "weights" / "uav.safetensors"
CARD = json.loads(WEIGHTS.with_suffix(".json").read_text())


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A function that gives the shipped weights another card."""
    path = tmp_path_factory.mktemp("card") / "m.safetensors"
    shutil.copy(WEIGHTS, path)

    def with_card(text):
        path.with_suffix(".json").write_text(text if isinstance(text, str) else json.dumps(text))
        return path

    return with_card


def changed(*places):
    """The shipped card with values put at dotted places."""
    card = json.loads(json.dumps(CARD))
    for place, value in places:
        *parents, last = place.split(".")
        target = card
        for parent in parents:
            target = target[parent]
        target[last] = value
    return card


def test_the_shipped_card_loads(model):
    assert load_model(model(CARD)).graph == load_model("uav").graph


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("graph.k", 0),
        ("graph.k", 10**9),
        ("graph.k", -16),
        ("graph.k", 16.5),
        ("graph.k", True),
        ("graph.k", "16"),
        ("graph.k", None),
        ("graph.k", [16]),
        ("graph.scales", "10, 24"),
        ("graph.scales", ["10", "24"]),
        ("graph.scales", [10**9, 24]),
        ("graph.scales", []),
        ("graph.scales", [10] * 100),
        ("graph.scales", {"a": 1}),
        ("graph.size", 0),
        ("graph.size", -0.06),
        ("graph.size", 1e-300),
        ("graph.size", 10**400),
        ("graph.n_levels", 0),
        ("graph.n_levels", 10**6),
        ("graph.spacing", float("nan")),
        ("graph.least", float("inf")),
        ("graph.returns", "yes"),
        ("graph.colour", 1),
        ("graph", []),
        ("graph", None),
        ("graph", "graph"),
        ("network.widths", [24]),
        ("network.widths", [10**9] * 6),
        ("network.widths", 24),
        ("network.encoder_convs", [0, 1, 2, 2, 2, 10**9]),
        ("network.decoder_convs", [1, 1]),
        ("network.decoder_convs", [[1], 1, 2, 2, 2]),
        ("network.dropout", "0.1"),
        ("network.outputs", "part"),
        ("network.outputs", 4),
        ("network.outputs", "parts"),
        ("network", 3),
        ("calibration.slope", [1.0]),
        ("calibration.slope", [1.0, 0.0, 0.0, "0"]),
        ("calibration.slope", [1.0, 0.0, 0.0, float("nan")]),
        ("calibration.bias", {}),
        ("calibration.scan", []),
        ("calibration.scan", 10**400),
        ("calibration.leafless", float("-inf")),
        ("calibration.traits", [1.0, 2.0]),
        ("calibration.traits", 1.0),
        ("calibration", [1]),
        ("provenance", []),
        ("provenance", {"config": [1]}),
    ],
)
def test_an_absurd_value_is_one_line(model, place, value):
    path = model(changed((place, value)))
    started = time.process_time()
    with pytest.raises(BadConfig, match=r"m\.safetensors: not a leafwood model") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "null", "{", "[" * 100_000, '{"a":' * 100_000, "\x00", '{"graph": 1e999}']
)
def test_what_is_no_card_is_one_line(model, text):
    path = model(text)
    with pytest.raises(BadConfig, match="not a leafwood model"):
        load_model(path)
    assert kind_of(path) == "pyramid"  # whose reader says what is wrong


@pytest.mark.parametrize("kind", [3, [], {}, None, "", "pyramids"])
def test_a_kind_that_there_is_not_is_refused(model, kind):
    with pytest.raises(BadConfig, match="its card says kind"):
        load_segmenter(model(CARD | {"kind": kind}))


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    import numpy as np
    from safetensors.numpy import load_file, save_file

    tensors = load_file(WEIGHTS)
    name = next(iter(tensors))
    tensors[name] = np.full_like(tensors[name], np.nan)
    save_file(tensors, tmp_path / "nan.safetensors")
    shutil.copy(WEIGHTS.with_suffix(".json"), tmp_path / "nan.json")
    with pytest.raises(BadConfig, match="no numbers"):
        load_model(tmp_path / "nan.safetensors")


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PLACES = st.sampled_from([f"{part}.{name}" for part in ("graph", "network", "calibration") for name in CARD[part]])


@settings(max_examples=60, deadline=None)
@given(places=st.lists(st.tuples(PLACES, ODD), min_size=1, max_size=3))
def test_any_card_is_refused_or_labels(model, places):
    import numpy as np

    path = model(changed(*places))
    try:
        loaded = load_model(path)
    except BadConfig:
        return
    xyz = np.random.default_rng(0).uniform(0, 3, (60, 3))
    prob = Segmenter(loaded).segment(PointCloud.from_xyz(xyz)).columns["wood_prob"]
    assert np.isfinite(prob).all()


def test_soul_cards_are_checked_too(tmp_path):
    pytest.importorskip("torch_geometric")
    from leafwood.nn.pointnet2 import PointNet2
    from leafwood.soul.segmenter import SoulModel, load_soul, save_soul

    path = tmp_path / "s.safetensors"
    save_soul(SoulModel(PointNet2()), path)
    assert load_soul(path).config.points == 3000
    card = json.loads(path.with_suffix(".json").read_text())
    for value in (0, 10**9, "3000", [3000]):
        path.with_suffix(".json").write_text(json.dumps(card | {"samples": card["samples"] | {"points": value}}))
        with pytest.raises(BadConfig, match="not a SOUL model"):
            load_soul(path)
