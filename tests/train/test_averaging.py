"""Weights between those that a training started from and those that it ended with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from leafwood.errors import BadConfig
from leafwood.inference.model_file import load_model
from leafwood.train.averaging import averaged, save_averaged

FOLDS = Path(__file__).resolve().parents[2] / "pipelines" / "folds"


def test_ends_are_the_weights_and_the_middle_is_the_mean(tmp_path):
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    save_file({"a": np.array([1.0, 2.0], dtype=np.float16)}, one)
    save_file({"a": np.array([3.0, 2.0], dtype=np.float16)}, two)
    for share, expected in ((0.0, [1.0, 2.0]), (0.5, [2.0, 2.0]), (1.0, [3.0, 2.0])):
        assert averaged(one, two, share)["a"].tolist() == expected


def test_other_networks_and_shares_are_refused(tmp_path):
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    save_file({"a": np.zeros(2, dtype=np.float16)}, one)
    save_file({"a": np.zeros(3, dtype=np.float16)}, two)
    with pytest.raises(BadConfig, match="different networks"):
        averaged(one, two, 0.5)
    with pytest.raises(BadConfig, match="share"):
        averaged(one, one, 1.5)


def test_the_card_says_the_share_and_is_not_calibrated(tmp_path):
    out = tmp_path / "averaged.safetensors"
    start, tuned = FOLDS / "a.safetensors", FOLDS / "b.safetensors"
    save_averaged(start, tuned, 0.25, out)
    model = load_model(out)
    assert not model.calibrated
    averaged_with = model.provenance["averaged"]
    assert (averaged_with["with"], averaged_with["share_of_tuned"]) == ("a", 0.25)
    assert averaged_with["provenance"] == load_model(start).provenance
    assert json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))["kind"] == "pyramid"
    assert load_file(out).keys() == load_file(tuned).keys()
