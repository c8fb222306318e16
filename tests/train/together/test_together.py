"""Networks that learn side by side: they share crops, see only what they may, and have teachers."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from leafwood.datasets.crops import CropConfig
from leafwood.errors import BadConfig
from leafwood.graph.config import GraphConfig
from leafwood.inference.model_file import load_model
from leafwood.nn.structure import UNetConfig
from leafwood.train.pyramid import PyramidSpec
from leafwood.train.together import run
from leafwood.train.together.config import Learner, Pool, Stage, TogetherConfig
from leafwood.train.together.rounds import InTurn, Rounds
from leafwood.train.together.run import one_cycle, train_together

ROOT = Path(__file__).resolve().parents[3]
PLOT, TREE, BARE = (str(ROOT / "data_samples" / f"{name}.laz") for name in ("uav_plot", "single_tree", "leaf_off_plot"))
SMALL = UNetConfig(widths=(8, 8, 8), encoder_convs=(1, 1, 1), decoder_convs=(0, 1))
FIRST = Stage(crops={"stands": 2, "tree": 1}, learners={"one": Learner()}, network=SMALL, rounds=2)
TINY = TogetherConfig(
    pools={"stands": Pool(files=(BARE,)), "tree": Pool(files=(TREE,), lone_trees=True)},
    validation=(PLOT,),
    stages={"first": FIRST},
    model=PyramidSpec(
        graph=GraphConfig(n_levels=3, k=6, scales=(5, 8)), crops=CropConfig(max_points=800, min_points=300)
    ),
    validation_crops=2,
    loader_processes=0,
)


@pytest.fixture(autouse=True)
def small_sample(monkeypatch):
    monkeypatch.setattr(run, "_SAMPLE", 2)


def quiet(_line: str) -> None:
    pass


def test_a_stage_goes_on_from_an_earlier_one_with_a_teacher_and_without_some_files(tmp_path):
    learners = {
        "all": Learner(start="first/one"),
        "without": Learner(start="first/one", without=("single*",), teacher="first/one"),
    }
    stages = {"first": replace(FIRST, crops={"stands": 3}), "second": replace(FIRST, learners=learners, rounds=3)}
    lines: list[str] = []
    train_together(replace(TINY, stages=stages), tmp_path, lines.append)
    names = {name: load_model(tmp_path / "second" / f"{name}.safetensors").provenance for name in learners}
    assert names["all"]["learnt_from"] == ["leaf_off_plot.laz", "single_tree.laz"]
    assert names["without"]["learnt_from"] == ["leaf_off_plot.laz"]
    assert [names["all"][key] for key in ("stage", "learner", "rounds", "device")] == ["second", "all", 3, "cpu"]
    with (tmp_path / "second" / "validation.csv").open() as file:
        assert [row["learner"] for row in csv.DictReader(file)] == list(learners)
    assert any(line.startswith("second/without: validation auroc") for line in lines)
    assert names["all"]["validation"].keys() >= {"auroc", "g_mean"}


def test_what_a_teacher_saw_counts_as_seen(tmp_path):
    learners = {"pupil": Learner(without=("single*",), teacher="first/one")}
    train_together(replace(TINY, stages={"first": FIRST, "second": replace(FIRST, learners=learners)}), tmp_path, quiet)
    card = json.loads((tmp_path / "second" / "pupil.json").read_text())
    assert "single_tree.laz" in card["provenance"]["learnt_from"]


def test_the_same_seed_gives_the_same_weights(tmp_path):
    for name in ("one", "again"):
        train_together(TINY, tmp_path / name, quiet)
    found = [load_file(tmp_path / name / "first" / "one.safetensors") for name in ("one", "again")]
    torch.testing.assert_close(*found, rtol=0, atol=0)


def test_seconds_end_a_stage(tmp_path):
    stage = replace(FIRST, rounds=0, seconds=1e-6)
    train_together(replace(TINY, stages={"first": stage}), tmp_path, quiet)
    assert load_model(tmp_path / "first" / "one.safetensors").provenance["rounds"] == 1


class _Named:
    """Examples that say which stand they are of, and their number."""

    def examples(self, stands, _seed, _length):
        return [f"{stands[0].path.stem}{number}" for number in range(9)]


def test_stands_of_a_pool_come_in_turn():
    stands = [SimpleNamespace(path=Path(f"{name}.laz")) for name in "xyz"]
    rounds = Rounds([InTurn(stands, _Named(), (1, 0), 2)])
    assert [rounds[number] for number in range(7)] == ["x0", "y0", "z0", "x1", "y1", "z1", "x2"]
    assert rounds.files == {"x.laz", "y.laz", "z.laz"}


def test_the_learning_rate_is_that_of_torch():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2.0, total_steps=101, pct_start=0.1)
    for step in range(100):
        # torch's rise ends one step early: at step pct_start * total - 1
        done = step / 9.1 * 0.1 if step <= 9.1 else 0.1 + (step - 9.1) / 90.9 * 0.9
        assert one_cycle(done, 2.0) == pytest.approx(schedule.get_last_lr()[0], abs=1e-3)
        optimiser.step()
        schedule.step()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"rounds": 0}, "needs rounds or seconds"),
        ({"crops": {"stands": 0}}, "crops in each round"),
        ({"learners": {}}, "needs learners"),
        ({"crops": {"stands": -1, "tree": 3}}, "crops in each round"),
    ],
)
def test_stages_that_cannot_be_are_refused(change, complaint):
    with pytest.raises(BadConfig, match=complaint):
        replace(FIRST, **change)


def test_a_pool_that_is_not_there_is_named():
    with pytest.raises(BadConfig, match="no pool 'forest'; there are stands, tree"):
        replace(TINY, stages={"first": replace(FIRST, crops={"forest": 1})})


def test_a_learner_that_sees_nothing_is_refused(tmp_path):
    stage = replace(FIRST, learners={"blind": Learner(without=("*",))})
    with pytest.raises(BadConfig, match="nothing is left to learn from"):
        train_together(replace(TINY, stages={"first": stage}), tmp_path, quiet)


def test_files_that_are_not_there_are_named(tmp_path):
    with pytest.raises(BadConfig, match="nowhere"):
        train_together(replace(TINY, validation=("nowhere*.laz",)), tmp_path, quiet)


def test_a_stand_that_is_learnt_from_and_validated_on_is_refused(tmp_path):
    with pytest.raises(BadConfig, match="is in pools and in validation"):
        train_together(replace(TINY, validation=(TREE,)), tmp_path, quiet)


def test_shipped_weights_are_named_by_their_name(tmp_path):
    virtual = load_model("virtual")
    model = replace(TINY.model, graph=virtual.graph)
    learners = {"one": Learner(start="virtual", teacher="virtual")}
    stage = replace(FIRST, network=virtual.config, learners=learners, rounds=1)
    train_together(replace(TINY, model=model, stages={"first": stage}), tmp_path, quiet)
    assert load_model(tmp_path / "first" / "one.safetensors").provenance["learner"] == "one"
