"""The recipes of configs/together: they load, begin with what is there, and their folds leave out what they should."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from leafwood.config import load
from leafwood.evaluate.left_out import leaving_out
from leafwood.train.together.config import TogetherConfig

ROOT = Path(__file__).resolve().parents[3]
RECIPES = sorted((ROOT / "configs" / "together").glob("*.yaml"))
FOLDS = ROOT / "pipelines" / "folds"
TREES = [f"weiser_{code}_XX01.laz" for code in ("AcePse", "FagSyl", "PicAbi", "PinSyl", "PseMen", "QuePet", "QueRub")]
PLANTED = {"a": "stand_84", "b": "stand_85", "c": "stand_86"}  # by `make planted-stands`


def unseen(patterns: tuple[str, ...], names: list[str]) -> list[str]:
    return [name for name in names if any(fnmatch(name, pattern) for pattern in patterns)]


def is_made(learner: str, weights: str) -> bool:
    """Whether a make target makes these weights of a learner."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    model = weights.replace(f"/{learner}/", "/$$model/").replace(f"/{learner}.", "/$$model.")
    return any(re.search(rf"-o {re.escape(name)}(\s|$)", makefile) for name in (weights, model))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_weights_that_a_recipe_names_are_shipped_or_made_by_an_earlier_stage(path: Path):
    made: set[str] = set()
    for name, stage in load(path, TogetherConfig).stages.items():
        for own, learner in stage.learners.items():
            for weights in filter(None, (learner.start, learner.teacher)):
                assert weights in made or (ROOT / weights).is_file() or is_made(own, weights)
        made |= {f"{name}/{learner}" for learner in stage.learners}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_folds_leave_out_what_the_published_ones_leave_out_and_the_shipped_weights_nothing(path: Path):
    for stage in load(path, TogetherConfig).stages.values():
        for name, learner in stage.learners.items():
            planted = [f"{prefix}00.laz" for prefix in PLANTED.values()]
            if name not in PLANTED:
                assert not learner.without
                continue
            assert unseen(learner.without, TREES) == [t for t in TREES if leaving_out(Path(t), FOLDS).stem == name]
            assert unseen(learner.without, planted) == [f"{p}00.laz" for fold, p in PLANTED.items() if fold != name]


@pytest.mark.parametrize(("recipe", "stage"), [("kept", "bare"), ("real", "real")])
def test_nobody_is_taught_about_leafless_or_planted_stands(recipe: str, stage: str):
    learners = load(ROOT / "configs" / "together" / f"{recipe}.yaml", TogetherConfig).stages[stage].learners
    grown = [f"stand_{seed}.laz" for seed in (3300, 3409, 4207, 8002, 8013, 8114, 8303, 8312)]
    others = [f"stand_{seed}.laz" for seed in (3500, 3503, 8200, 8211, 8400, 8502, 8602, 8720, 8762)]
    for learner in learners.values():
        assert unseen(learner.taught, [*grown, *others]) == grown
