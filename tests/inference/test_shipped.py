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


def test_the_default_has_learnt_as_its_recipe_says():
    provenance = json.loads((WEIGHTS / "uav.json").read_text(encoding="utf-8"))["provenance"]
    assert provenance["stage"] == "both"
    learner = provenance["config"]["stages"]["both"]["learners"]["uav"]
    assert (learner["start"], learner["teacher"]) == (
        "runs/both/start/uav.safetensors",
        "runs/teacher/mean.safetensors",
    )
    assert "paths" in provenance["config"]["model"]["graph"]["features"]
    assert sum(name.startswith("weiser_") for name in provenance["learnt_from"]) == 7


def test_its_last_trainings_began_with_means_of_the_teacher_and_of_what_was_before():
    mean = json.loads((WEIGHTS / "uav.json").read_text(encoding="utf-8"))["provenance"]["started_from"]
    for stage, share in (("real", 0.6), ("settled", 0.5)):
        assert mean["stage"] == stage
        assert mean["averaged"]["share_of_tuned"] == share
        assert mean["averaged"]["provenance"]["stage"] == "virtual"
        before, mean = mean, mean["started_from"]
    assert before["config"]["stages"]["settled"]["learners"]["uav"]["start"] == "paths/uav"


def test_the_teacher_saw_no_real_tree():
    mean = json.loads((WEIGHTS / "uav.json").read_text(encoding="utf-8"))["provenance"]["started_from"]
    taught_by = mean["averaged"]["provenance"]["learnt_from"]
    assert len(taught_by) > 60
    assert not [name for name in taught_by if name.startswith(("weiser_", "stand_84", "stand_85", "stand_86"))]


def test_the_first_of_them_began_with_the_mean_of_two_trainings_that_began_with_the_weights_of_virtual_stands():
    settled = json.loads((WEIGHTS / "uav.json").read_text(encoding="utf-8"))["provenance"]["started_from"][
        "started_from"
    ]
    second = settled["started_from"]["started_from"]
    first = second["averaged"]["provenance"]
    assert second["averaged"]["share_of_tuned"] == 0.5
    learner = second["config"]["stages"]["bare"]["learners"]["uav"]
    assert (learner["start"], learner["teacher"]) == ("kept/uav", "leafwood/weights/virtual.safetensors")
    assert first["config"]["start"] == "leafwood/weights/virtual.safetensors"
