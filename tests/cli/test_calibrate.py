"""`leafwood calibrate`: a model's card gets the calibration of labelled stands, whatever stands there are."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from leafwood.cli.main import main
from leafwood.cloud import PointCloud
from leafwood.errors import ModelWarning
from leafwood.inference.model_file import load_model, save_model, weights_file
from leafwood.inference.segmenter import Segmenter
from leafwood.io.loaders import write
from leafwood.train import calibrate as calibrating

SAMPLES = Path(__file__).resolve().parents[2] / "data_samples"


@pytest.fixture
def model(tmp_path):
    """The shipped weights with a card that has no calibration."""
    shipped = weights_file("uav")
    shutil.copy(shipped, tmp_path / "mine.safetensors")
    card = json.loads(shipped.with_suffix(".json").read_text())
    card |= {"calibration": None, "descriptors": None}
    (tmp_path / "mine.json").write_text(json.dumps(card))
    return tmp_path / "mine.safetensors"


def cloud():
    return PointCloud.from_xyz(np.random.default_rng(0).uniform(0, (4, 4, 10), (3000, 3)))


def test_an_uncalibrated_model_says_so_and_a_calibrated_one_does_not(model, monkeypatch, capsys, recwarn):
    monkeypatch.setattr(calibrating, "_DENSITIES", (100.0, 300.0))
    with pytest.warns(ModelWarning, match=r"mine is not calibrated: `leafwood calibrate`"):
        before = Segmenter(load_model(model)).segment_with_account(cloud())
    assert np.isnan(before.unlike)
    stands = [str(SAMPLES / name) for name in ("uav_plot.laz", "leaf_off_plot.laz", "single_tree.laz")]
    assert main(["calibrate", str(model), *stands]) == 0
    said = capsys.readouterr().out
    for word in ("plot, 100 points/m²", "leafless", "in leaf", "balanced accuracy", "single_tree.laz: "):
        assert word in said
    known = load_model(model)
    assert known.calibrated
    recwarn.clear()
    after = Segmenter(known).segment_with_account(cloud())
    assert not [warning for warning in recwarn if issubclass(warning.category, ModelWarning)]
    assert after.unlike > 0.5  # a box full of points at random is not in the middle of any forests


def test_stands_that_are_all_in_leaf_and_few_are_said_and_not_a_traceback(model, monkeypatch, capsys):
    monkeypatch.setattr(calibrating, "_DENSITIES", (100.0,))
    assert main(["calibrate", str(model), str(SAMPLES / "uav_plot.laz")]) == 0
    said = capsys.readouterr().out
    assert "none of them leafless" in said
    assert "a single stand" in said
    assert load_model(model).calibration.descriptor == ()
    assert load_model(model).descriptors.pieces >= 1


def test_stands_without_wood_are_refused_in_one_line(model, tmp_path, capsys):
    leaves = cloud().with_columns(leafwood=np.ones(3000), wood_prob=np.zeros(3000), gt_wood=np.zeros(3000, np.uint8))
    write(leaves, tmp_path / "leaves.laz")
    assert main(["calibrate", str(model), str(tmp_path / "leaves.laz")]) == 2
    assert "nothing to calibrate on" in capsys.readouterr().err


def test_weights_are_saved_without_a_calibration(tmp_path):
    known = load_model("uav")
    save_model(load_file(weights_file("uav")), known.graph, known.config, {}, tmp_path / "new.safetensors")
    assert json.loads((tmp_path / "new.json").read_text())["calibration"] is None
    assert not load_model(tmp_path / "new.safetensors").calibrated


def test_labelling_needs_no_learning_library():
    code = (
        "import sys, numpy, leafwood; leafwood.Segmenter.from_pretrained().predict_proba(numpy.random.rand(500, 3));"
        "sys.exit('sklearn' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
