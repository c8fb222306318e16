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


def made_before(recipe: str) -> set[str]:
    """What make writes before it asks for a recipe: by the commands above it and by the targets that it needs."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    rules = re.findall(r"^([a-z-]+):([^#=\n]*).*\n((?:\t.*\n)*)", makefile, re.MULTILINE)
    needed = {target: (needs.split(), commands) for target, needs, commands in rules}
    waiting = [(needs, commands.partition(recipe)[0]) for needs, commands in needed.values() if recipe in commands]
    made: set[str] = set()
    while waiting:
        needs, commands = waiting.pop()
        waiting += [needed[need] for need in needs if need in needed]
        for command in commands.splitlines():
            models = command.partition("for model in ")[2].partition(";")[0].split() or [""]
            made |= {file.replace("$$model", model) for file in re.findall(r"-o (\S+)", command) for model in models}
    return made


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_weights_that_a_recipe_names_are_shipped_or_made_by_an_earlier_stage(path: Path):
    made = made_before(path.name)
    for name, stage in load(path, TogetherConfig).stages.items():
        for learner in stage.learners.values():
            for weights in filter(None, (learner.start, learner.teacher)):
                assert weights in made or (ROOT / weights).is_file()
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


GROWN = [f"stand_{seed}.laz" for seed in (3300, 3409, 4207, 8002, 8013, 8114, 8303, 8312)]
LEAFLESS_ALL_ROUND = [f"stand_{seed}.laz" for seed in (8350, 8352)]
OTHERS = [f"stand_{seed}.laz" for seed in (3500, 3503, 8200, 8211, 8400, 8502, 8602, 8720, 8762)]


@pytest.mark.parametrize(
    ("recipe", "stage", "more"),
    [("kept", "bare", []), ("real", "real", LEAFLESS_ALL_ROUND), ("both", "both", LEAFLESS_ALL_ROUND)],
)
def test_nobody_is_taught_about_planted_stands_nor_about_leafless_ones_but_those_that_the_card_names(
    recipe: str, stage: str, more: list[str]
):
    learners = load(ROOT / "configs" / "together" / f"{recipe}.yaml", TogetherConfig).stages[stage].learners
    for learner in learners.values():
        assert unseen(learner.taught, [*GROWN, *LEAFLESS_ALL_ROUND, *OTHERS]) == [*GROWN, *more]
