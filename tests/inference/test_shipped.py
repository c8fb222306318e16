"""The shipped models: they load, they are small, and the data that they learnt from is credited."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leafwood.inference.model_file import load_model
from leafwood.weights import shipped_models

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "leafwood" / "weights"


def test_the_default_and_the_one_without_real_trees_are_shipped():
    assert {"uav", "virtual"} <= set(shipped_models())


@pytest.mark.parametrize("name", shipped_models())
def test_every_shipped_model_loads_and_its_card_says_what_it_learnt_from(name: str):
    config = load_model(name).provenance["config"]
    patterns = [*config["train"], *(file for source in config.get("sources", ()) for file in source["files"])]
    assert any("weiser" in pattern for pattern in patterns) == (name != "virtual")


def test_they_fit_into_the_wheel():
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < 12_000_000


@pytest.mark.parametrize("file", ["README.md", "CITATION.cff", "leafwood/weights/README.md"])
def test_the_real_trees_are_credited(file: str):
    text = (ROOT / file).read_text(encoding="utf-8")
    assert "10.11588/data/UUMEDI" in text
    assert "CC-BY" in text


def test_the_default_began_with_the_weights_of_virtual_stands():
    card = json.loads((WEIGHTS / "uav.json").read_text(encoding="utf-8"))
    assert card["provenance"]["config"]["start"] == "leafwood/weights/virtual.safetensors"
