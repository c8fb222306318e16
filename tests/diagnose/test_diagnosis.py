"""What `leafwood diagnose` says of voxels whose answer is known, and of a scan."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from leafwood.cli.main import main
from leafwood.diagnose.diagnosis import Voxels, difficulty, learnt
from leafwood.errors import BadCloud, BadConfig
from leafwood.graph.config import GraphConfig
from leafwood.inference.model_file import Model
from leafwood.nn.structure import UNetConfig

SAMPLE = Path(__file__).resolve().parents[2] / "data_samples" / "uav_plot.laz"


def voxels(delta=2.0, share=0.1, crops=40, each=500, made=4.0, seed=0, units=None):
    """Two Gaussian classes `delta` apart in 3 features, `made` apart in 8 channels."""
    rng = np.random.default_rng(seed)
    n = crops * each
    wood, third = rng.random(n) < share, rng.integers(0, 3, n)
    features, channels = rng.normal(size=(n, 3)), rng.normal(size=(n, 8))
    features[wood, 0] += delta
    channels[wood, 1] += made
    channels[np.arange(n), 2 + third] += wood * 2.0  # the thirds' wood differs
    crop = np.arange(n) // each
    unit = crop if units is None else rng.integers(0, units, n)
    label = np.where(wood, 1 + third % 2, rng.choice([0, 3], n))
    return Voxels(features.astype(np.float32), channels.astype(np.float32), label, wood, third, crop, unit)


def test_delta_eta_and_regime_are_found():
    found = difficulty(voxels(), (400, 400))
    assert found.eta == pytest.approx(9, rel=0.1)
    assert (found.units, found.dimensions) == ((400, 400), 3)
    for delta in (found.apart.naive, found.apart.corrected, found.apart.robust):
        assert delta == pytest.approx(2, abs=0.1)
    assert found.made > 4
    assert found.regime == "Extreme"
    assert found.plain.recall == pytest.approx(0.46, abs=0.06)  # the closed form for Delta 2 at 9 to 1
    for name, value in (("log_eta", np.log(found.eta)), ("robust", found.apart.robust), ("recall", found.plain.recall)):
        low, high = found.intervals[name]
        assert low < value < high
    assert difficulty(voxels(delta=5.0, share=0.4), (400, 400)).regime == "Normal"


def test_the_rarer_class_may_be_leaf():
    assert difficulty(voxels(share=0.9), (40, 40)).eta == pytest.approx(9, rel=0.1)


def test_too_few_units_are_refused():
    with pytest.raises(BadCloud, match="in 5 trees or blocks"):
        difficulty(voxels(crops=5), (40, 40))
    with pytest.raises(BadCloud, match="wood in 3 trees or blocks"):
        difficulty(voxels(), (40, 3))


def test_more_crops_of_the_same_units_are_not_more_samples():
    found = [difficulty(voxels(crops=crops, units=12), (12, 12)) for crops in (20, 60, 240)]
    assert {one.units for one in found} == {(12, 12)}
    assert [one.r for one in found] == pytest.approx([found[0].r] * 3, rel=0.2)
    assert len({one.regime for one in found}) == 1


def model(outputs, **provenance):
    """A model of which only the last layer is asked."""
    classifiers = np.random.default_rng(1).normal(size=(4, 8)).astype(np.float32)
    config, network = UNetConfig(outputs=outputs), SimpleNamespace(classifiers=classifiers)
    return Model(network, GraphConfig(), config, provenance=provenance, name="mine")


def test_the_last_layer_is_measured_by_the_counts_of_training():
    counts = [9000, 500, 300, 200]
    seen, told = learnt(voxels(), model("parts", class_counts=counts))
    assert told == counts
    assert 0 < seen.means_to_seli < 2
    other, _ = learnt(voxels(), model("parts", class_counts=[10, 10, 10, 10]))
    assert other.means_to_seli == pytest.approx(other.means_to_etf) == pytest.approx(seen.means_to_etf)


def test_two_outputs_say_nothing():
    with pytest.raises(BadConfig, match="mine has two outputs"):
        learnt(voxels(), model("wood", class_counts=[9, 1]))
    with pytest.raises(BadConfig, match="how common"):
        learnt(voxels(), model("parts"))


def test_every_class_has_to_be_there():
    some = voxels()
    with pytest.raises(BadCloud, match="no ground"):
        learnt(some.take(some.label < 3), model("parts", class_counts=[9, 1, 1, 1]))


def test_the_command_on_a_sample(tmp_path, capsys):
    out = tmp_path / "found.json"
    assert main(["diagnose", str(SAMPLE), "--crops", "12", "--json", str(out)]) == 0
    said = capsys.readouterr().out
    for word in ("log eta", "kappa", "lowest third", "usable Delta", "two outputs"):
        assert word in said
    found = json.loads(out.read_text())
    assert found["difficulty"]["all heights"]["eta"] > 5
    assert found["difficulty"]["all heights"]["usable"] < found["difficulty"]["all heights"]["apart"]["robust"]
    again = tmp_path / "again.json"
    main(["diagnose", str(SAMPLE), "--crops", "12", "--json", str(again)])
    assert again.read_text() == out.read_text()


def test_a_scan_without_labels_is_one_line(capsys):
    assert main(["diagnose", str(SAMPLE), "--labels", "soul"]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert main(["diagnose", str(SAMPLE), "--labels", "none"]) == 2
