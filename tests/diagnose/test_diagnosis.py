"""What `leafwood diagnose` says of voxels whose answer is known, and of a scan."""

import json
from pathlib import Path

import numpy as np
import pytest

from leafwood.cli.main import main
from leafwood.diagnose.diagnosis import Voxels, difficulty, learnt
from leafwood.errors import BadCloud

SAMPLE = Path(__file__).resolve().parents[2] / "data_samples" / "uav_plot.laz"


def voxels(delta=2.0, share=0.1, crops=40, each=500, made=4.0, seed=0):
    """Two Gaussian classes `delta` apart in 3 features, `made` apart in 8 channels."""
    rng = np.random.default_rng(seed)
    n = crops * each
    wood, third = rng.random(n) < share, rng.integers(0, 3, n)
    features, channels = rng.normal(size=(n, 3)), rng.normal(size=(n, 8))
    features[wood, 0] += delta
    channels[wood, 1] += made
    channels[np.arange(n), 2 + third] += wood * 2.0  # the thirds' wood differs
    return Voxels(features.astype(np.float32), channels.astype(np.float32), wood, third, np.arange(n) // each)


def test_delta_eta_and_regime_are_found():
    found = difficulty(voxels())
    assert found.eta == pytest.approx(9, rel=0.1)
    assert (found.crops, found.dimensions) == (40, 3)
    for delta in (found.apart.naive, found.apart.corrected, found.apart.robust):
        assert delta == pytest.approx(2, abs=0.1)
    assert found.made > 4
    assert found.regime == "Extreme"
    assert difficulty(voxels(delta=5.0, share=0.4)).regime == "Normal"


def test_the_rarer_class_may_be_leaf():
    assert difficulty(voxels(share=0.9)).eta == pytest.approx(9, rel=0.1)


def test_too_few_crops_are_refused():
    with pytest.raises(BadCloud, match="wood in 5 crops"):
        difficulty(voxels(crops=5))


def test_geometry_has_leaf_and_the_thirds_of_wood():
    found, names, counts = learnt(voxels())
    assert names == ["leaf", "wood, lowest third", "wood, middle third", "wood, highest third"]
    assert counts[0] > 20 * counts[1] > 0
    assert found.means.shape == (4, 4)
    np.testing.assert_allclose(found.means.sum(axis=1), 0, atol=1e-9)
    assert 0 < found.to_etf < found.to_seli < 2  # laid out without regard to the counts


def test_geometry_needs_wood():
    with pytest.raises(BadCloud, match="too little wood"):
        learnt(voxels(share=0.0))


def test_the_command_on_a_sample(tmp_path, capsys):
    out = tmp_path / "found.json"
    assert main(["diagnose", str(SAMPLE), "--crops", "12", "--json", str(out)]) == 0
    said = capsys.readouterr().out
    heads, all_voxels = (line for line in said.splitlines() if "voxels of" in line or "│ all" in line)
    assert heads.count("┃") == all_voxels.count("│")
    for word in ("log eta", "kappa", "lowest third", "SELI", "NC1"):
        assert word in said
    found = json.loads(out.read_text())
    assert found["difficulty"]["all"]["crops"] == 12
    assert found["difficulty"]["all"]["eta"] > 5
    assert 0 < found["learnt"]["to_etf"] < 2
    again = tmp_path / "again.json"
    main(["diagnose", str(SAMPLE), "--crops", "12", "--json", str(again)])
    assert again.read_text() == out.read_text()


def test_a_scan_without_labels_is_one_line(capsys):
    assert main(["diagnose", str(SAMPLE), "--labels", "soul"]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert main(["diagnose", str(SAMPLE), "--labels", "none"]) == 2
