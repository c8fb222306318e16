"""The shipped models: they load, they are small, and the data that they learnt from is credited."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leafwood.evaluate.left_out import learnt_from
from leafwood.inference.model_file import load_model
from leafwood.weights import shipped_models

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "leafwood" / "weights"


def test_the_default_and_the_one_without_real_trees_are_shipped():
    assert {"uav", "virtual"} <= set(shipped_models())


@pytest.mark.parametrize("name", shipped_models())
def test_every_shipped_model_loads_and_its_card_says_what_it_learnt_from(name: str):
    assert load_model(name).name == name
    card = WEIGHTS / f"{name}.json"
    assert learnt_from(card, Path("weiser_QuePet_BR01_01_TLS-on.laz")) == (name != "virtual")


def test_they_fit_into_the_wheel():
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < 12_000_000


@pytest.mark.parametrize("file", ["README.md", "CITATION.cff", "leafwood/weights/README.md"])
def test_the_real_trees_are_credited(file: str):
    text = (ROOT / file).read_text(encoding="utf-8")
    assert "10.11588/data/UUMEDI" in text
    assert "CC-BY" in text


def test_the_default_has_learnt_in_the_stages_that_its_recipe_says():
    provenance = json.loads((WEIGHTS / "uav.json").read_text(encoding="utf-8"))["provenance"]
    assert provenance["stage"] == "settled"
    assert provenance["config"]["stages"]["settled"]["learners"]["uav"]["start"] == "paths/uav"
    assert "paths" in provenance["config"]["model"]["graph"]["features"]
    assert sum(name.startswith("weiser_") for name in provenance["learnt_from"]) == 7


def test_it_began_with_the_mean_of_two_trainings_that_began_with_the_weights_of_virtual_stands():
    card = json.loads((WEIGHTS / "uav.json").read_text(encoding="utf-8"))
    second = card["provenance"]["started_from"]["started_from"]
    first = second["averaged"]["provenance"]
    assert second["averaged"]["share_of_tuned"] == 0.5
    learner = second["config"]["stages"]["bare"]["learners"]["uav"]
    assert (learner["start"], learner["teacher"]) == ("kept/uav", "leafwood/weights/virtual.safetensors")
    assert first["config"]["start"] == "leafwood/weights/virtual.safetensors"
