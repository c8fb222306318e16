"""Methods beside one another: the same number of crops for all, and one run of a comparison on samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from leafwood.errors import BadConfig
from leafwood.graph.config import GraphConfig
from leafwood.nn.structure import UNetConfig
from leafwood.train.config import TrainConfig
from leafwood.train.trials.crops import SmallCrops, TrialSize
from leafwood.train.trials.methods import MethodTrials, crop_sets, in_size, load_methods
from leafwood.train.trials.results import rows
from leafwood.train.trials.routine import routine_variations

ROOT = Path(__file__).resolve().parents[3]
METHODS = ROOT / "configs" / "train" / "imbalance"
SAMPLE = ROOT / "data_samples" / "uav_plot.laz"
SIZE = TrialSize()


def test_every_run_sees_as_many_crops():
    chosen = load_methods(METHODS, ["cross_entropy", "small_batch", "large_batch", "narrow", "wide"])
    sizes = [in_size(config, 1200, 2, SIZE) for config in chosen.values()]
    assert {config.steps * config.batch for config in sizes} == {1200}
    assert {config.seed for config in sizes} == {2}
    assert {config.model.network.widths for config in sizes} == {(16, 24, 32, 48), (8, 12, 16, 24), (24, 36, 48, 72)}
    assert all(isinstance(config, TrainConfig) and config.validate_every == config.steps for config in sizes)


def test_a_method_that_is_not_there_is_refused_and_parts_are_no_wood():
    with pytest.raises(BadConfig, match="no configuration 'glo'"):
        load_methods(METHODS, ["gla", "glo"])
    assert load_methods(METHODS, ["parts"]) == {}


def test_joint_crops_have_labels_and_holes():
    chosen = load_methods(METHODS, ["joint", "pretext"])
    (joint, _), (pretext, _) = (crop_sets(chosen[name], 20, SIZE) for name in ("joint", "pretext"))
    assert (joint.labelled, pretext.labelled) == (True, False)
    assert joint.ratio == 20
    assert pretext.ratio == 0
    assert joint.file(Path(), SIZE) != pretext.file(Path(), SIZE)


def test_routine_settings_are_changed_one_at_a_time():
    found = routine_variations(load_methods(METHODS, ["logit_adjusted"])["logit_adjusted"])
    plain = found.pop("routine")
    assert len(found) >= 12
    for name, config in found.items():
        changed = {
            field
            for field in ("batch", "learning_rate", "weight_decay", "optimiser", "model", "loss")
            if getattr(config, field) != getattr(plain, field)
        }
        expected = {"optimiser", "learning_rate", "weight_decay"} if name.startswith("SGD") else None
        assert len(changed) == 1 or changed == expected, name


def test_runs_are_done_once_and_start_from_the_pretext_task_where_they_ask(tmp_path):
    size = TrialSize(
        graph=GraphConfig(n_levels=2, k=6, scales=(5, 8)),
        network=UNetConfig(widths=(8, 8), encoder_convs=(1, 1), decoder_convs=(0,)),
        crops=SmallCrops(max_points=400, min_points=200),
        number=4,
        clean_stands=1,
        clean_trees=1,
        cylinders=1,
        most_points=2000,
    )
    chosen = load_methods(METHODS, ["cross_entropy", "fine_tune", "pretext"])
    said = []
    trials = MethodTrials(
        tmp_path,
        train=[SAMPLE, SAMPLE],
        held_out=[ROOT / "data_samples" / "single_tree.laz"],
        labelled=[SAMPLE],
        pretext=chosen.pop("pretext"),
        size=size,
        crops=4,
        report=said.append,
    )
    trials.run_missing(chosen, [5], 1)
    found = rows(tmp_path)
    assert [row["method"] for row in found] == ["cross_entropy", "fine_tune"]
    assert all(0 <= float(row[f"{where}.g_mean"]) <= 1 for row in found for where in ("held_out", "uav"))
    assert all(float(row["imbalance"]) == pytest.approx(5, rel=0.6) for row in found)
    assert (tmp_path / "pretext" / "model.safetensors").exists()
    trials.run_missing(chosen, [5], 1)
    assert len(said) == len(rows(tmp_path)) == 2
