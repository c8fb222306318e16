"""Training: it learns, it is repeatable, it goes on after a kill."""

import csv
from dataclasses import replace
from pathlib import Path

import laspy
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from leafwood.config import load
from leafwood.datasets.crops import CropConfig, draw_crop
from leafwood.datasets.stands import load_stand
from leafwood.errors import BadCloud, BadConfig
from leafwood.graph.batching import build_example
from leafwood.graph.config import GraphConfig
from leafwood.inference.model_file import load_model
from leafwood.io.loaders import read
from leafwood.losses import LossConfig
from leafwood.models import load_segmenter
from leafwood.nn.structure import UNetConfig
from leafwood.train.balance import Balance
from leafwood.train.data import load_training_set
from leafwood.train.loop import TrainConfig, fit, train
from leafwood.train.meta_weight import MetaWeightConfig
from leafwood.train.pretext import PretextConfig
from leafwood.train.pyramid import PyramidSpec
from leafwood.train.sam import SAMConfig
from leafwood.train.soul import SoulSpec

ROOT = Path(__file__).resolve().parents[2]
SAMPLE, OTHER, LEAF_OFF = (ROOT / "data_samples" / f"{n}.laz" for n in ("uav_plot", "single_tree", "leaf_off_plot"))
TINY = TrainConfig(
    train=(str(SAMPLE),),
    validation=(str(OTHER),),
    model=PyramidSpec(
        graph=GraphConfig(n_levels=3, k=6, scales=(5, 8)),
        network=UNetConfig(widths=(8, 8, 8), encoder_convs=(1, 1, 1), decoder_convs=(0, 1)),
        crops=CropConfig(max_points=800, min_points=300),
    ),
    steps=4,
    batch=2,
    validate_every=2,
    validation_crops=2,
    loader_processes=0,
)


@pytest.fixture(scope="module")
def stand():
    return load_stand(SAMPLE)


def rows(folder):
    with (folder / "log.csv").open() as file:
        return list(csv.DictReader(file))


def poles_and_balls(path, seed):
    """A stand that anyone can tell apart: upright poles of wood and balls of leaves."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(0, 12, (15, 2))[rng.integers(0, 15, 6000)]
    poles = np.column_stack([centre + rng.normal(0, 0.03, centre.shape), rng.uniform(0, 6, 6000)])
    balls = np.column_stack([centre, np.full(6000, 8.0)]) + rng.normal(0, 0.7, (6000, 3))
    las = laspy.create(point_format=6, file_version="1.4")
    las.add_extra_dim(laspy.ExtraBytesParams("gt_wood", np.uint16))
    las.xyz = np.concatenate([poles, balls])
    las["gt_wood"] = np.repeat([1, 0], 6000)
    las.write(str(path))
    return (str(path),)


def test_it_learns(tmp_path):
    stands = {
        name: poles_and_balls(tmp_path / f"{name}.laz", seed) for seed, name in enumerate(("train", "validation"))
    }
    config = replace(TINY, **stands, steps=60, validate_every=30, learning_rate=1e-2, averaging=0.5)
    best = train(config, tmp_path / "run", report=lambda line: None)
    losses = [float(row["loss"]) for row in rows(tmp_path / "run")]
    assert losses[-1] < 0.7 * losses[0]
    assert best["auroc"] > 0.9
    assert load_model(tmp_path / "run" / "model.safetensors").provenance["config"]["steps"] == 60


def test_the_same_seed_gives_the_same_weights(tmp_path):
    for name in ("one", "two"):
        train(TINY, tmp_path / name, report=lambda line: None)
    one, two = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two


METHODS = {
    "plain": TINY,
    "sam": replace(TINY, method=SAMConfig(ascent="weighted")),
    "meta_weight": replace(TINY, method=MetaWeightConfig(files=(str(LEAF_OFF),), trees=2, batch=1)),
    "rebalanced": replace(TINY, loss=(LossConfig("rebalanced"),), model=replace(TINY.model, balance=False)),
}


class Killed(Exception):
    """The machine went down."""


def run_and_kill(config, data, folder):
    """Ends after the second validation, before its checkpoint."""
    lines = []

    def kill(line):
        lines.append(line)
        if len(lines) == 2:
            raise Killed

    with pytest.raises(Killed):
        fit(config, data, folder, report=kill)


@pytest.mark.parametrize("config", METHODS.values(), ids=METHODS)
def test_a_killed_run_goes_on_where_it_was(config, tmp_path):
    data = load_training_set(config)
    fit(config, data, tmp_path / "whole", report=lambda line: None)
    run_and_kill(config, data, tmp_path / "killed")
    assert torch.load(tmp_path / "killed" / "last.pt", weights_only=True)["step"] == 2
    fit(config, data, tmp_path / "killed", resume=True, report=lambda line: None)
    whole, again = (torch.load(tmp_path / n / "last.pt", weights_only=True) for n in ("whole", "killed"))
    assert whole["step"] == again["step"] == 4
    for name, value in whole["network"].items():
        torch.testing.assert_close(again["network"][name], value)


def test_a_checkpoint_of_an_older_release_still_resumes(tmp_path):
    data, lines = load_training_set(TINY), []
    run_and_kill(TINY, data, tmp_path)
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    torch.save({k: v for k, v in state.items() if k not in ("stale", "random")}, tmp_path / "last.pt")
    fit(TINY, data, tmp_path, resume=True, report=lines.append)
    assert [line.split(":")[0] for line in lines] == ["step 4"]


@pytest.mark.parametrize("steps", [1, 2, 10, 11])
def test_short_runs_end_too(steps, tmp_path):
    lines = []
    train(replace(TINY, steps=steps, validate_every=steps, batch=1), tmp_path, report=lines.append)
    assert [line.split(":")[0] for line in lines] == [f"step {steps}"]


def test_a_run_stops_when_it_gets_no_better(tmp_path):
    config = replace(TINY, steps=12, learning_rate=1e-12, averaging=0.0, patience=2)
    lines = []
    train(config, tmp_path, report=lines.append)
    assert [line.split(":")[0] for line in lines] == ["step 2", "step 4", "step 6", "step 6"]
    assert "no better G-mean in 2 validations" in lines[-1]
    train(config, tmp_path, resume=True, report=lines.append)  # and stays stopped
    assert len(lines) == 5


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadConfig, match="device: cuda"):
        train(replace(TINY, device="cuda"), tmp_path)


def test_clean_trees_may_not_be_learnt_from_too(tmp_path):
    config = replace(TINY, method=MetaWeightConfig(files=TINY.train))
    with pytest.raises(BadConfig, match=r"is in train and in method\.files"):
        train(config, tmp_path)


def test_clean_trees_must_be_trees(tmp_path):
    treeless = poles_and_balls(tmp_path / "treeless.laz", 0)
    with pytest.raises(BadConfig, match=r"method\.files: no whole tree"):
        train(replace(TINY, method=MetaWeightConfig(files=treeless)), tmp_path)


def test_clean_trees_are_whole_trees_without_ground():
    data = load_training_set(METHODS["meta_weight"])
    assert len(data.trees) == 2
    assert all(set(graph.y.tolist()) <= {-1, 0, 1} and len(graph.y) > 100 for graph in data.trees)


def test_a_pretext_task_needs_no_labels_and_its_weights_are_to_start_from(tmp_path):
    bare = laspy.read(SAMPLE)
    bare.remove_extra_dims([name for name in bare.point_format.extra_dimension_names if name.startswith("gt_")])
    bare.write(str(tmp_path / "bare.laz"))
    config = replace(TINY, train=(str(tmp_path / "bare.laz"),), method=PretextConfig())
    train(config, tmp_path / "first", report=lambda line: None)
    weights = tmp_path / "first" / "model.safetensors"
    with pytest.raises(BadConfig, match="weights of a pretext task"):
        load_model(weights)
    train(replace(TINY, start=weights), tmp_path / "second", report=lambda line: None)
    assert load_model(tmp_path / "second" / "model.safetensors")


def test_a_stand_in_both_sets_is_refused(tmp_path):
    with pytest.raises(BadConfig, match="in train and in validation"):
        train(replace(TINY, validation=TINY.train), tmp_path)


def test_a_pattern_without_files_is_refused(tmp_path):
    with pytest.raises(BadConfig, match="no such file"):
        train(replace(TINY, train=(str(tmp_path / "*.laz"),)), tmp_path)


def test_a_run_can_begin_with_the_weights_of_another(tmp_path):
    train(TINY, tmp_path / "first", report=lambda line: None)
    first = tmp_path / "first" / "model.safetensors"
    second = replace(TINY, start=first, learning_rate=1e-9, averaging=0.0)
    train(second, tmp_path / "second", report=lambda line: None)
    one, two = (load_file(path) for path in (first, tmp_path / "second" / "model.safetensors"))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, atol=1e-5, rtol=1e-3)


def test_weights_of_another_shape_are_refused(tmp_path):
    train(TINY, tmp_path, report=lambda line: None)
    wider = UNetConfig(widths=(8, 8, 16), encoder_convs=(1, 1, 1), decoder_convs=(0, 1))
    with pytest.raises(BadConfig, match=r"start: .*not weights of this network"):
        train(
            replace(TINY, model=replace(TINY.model, network=wider), start=tmp_path / "model.safetensors"),
            tmp_path / "second",
        )


def test_an_unlabelled_stand_is_refused():
    with pytest.raises(BadCloud, match="no column WL"):
        load_stand(SAMPLE, "soul")


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "train").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_training_config_loads_and_runs_two_steps(path, tmp_path):
    config = load(path, TrainConfig)
    sources = tuple(replace(source, files=TINY.train, crops=TINY.model.crops) for source in config.sources)
    short = replace(config, steps=2, batch=1, validate_every=2, validation_crops=1, loader_processes=0, threads=2)
    small = {"crops": TINY.model.crops}
    if isinstance(config.model, SoulSpec):
        small = {"samples": replace(config.model.samples, points=500)}
    files = {"train": TINY.train, "validation": TINY.validation, "labels": TINY.labels}
    short = replace(short, **files, sources=sources, start=None)
    short = replace(short, model=replace(config.model, **small))
    if config.method.clean_files():
        short = replace(short, method=replace(config.method, files=(str(LEAF_OFF),)))
    assert train(short, tmp_path, report=lambda line: None)["points"] > 0
    result = load_segmenter(tmp_path / "model.safetensors", threads=2).segment(read(OTHER))
    assert np.isin(result.columns["leafwood"], (0, 1, 2)).all()
    assert (result.columns["leafwood"] > 0).any()


def test_crops_are_repeatable_and_small_enough(stand):
    config = CropConfig(max_points=1000, min_points=300)
    for seed in range(20):
        one, two = (draw_crop(stand, config, np.random.default_rng(seed)) for _ in range(2))
        assert one.xyz.tobytes() == two.xyz.tobytes()
        assert 0 < len(one) < 1300
        assert one.xyz.min() >= 0
        assert np.isin(one.label, (0, 1)).any()


def test_single_trees_have_no_ground_and_no_height(stand):
    crop = draw_crop(stand, CropConfig(single_tree=1.0), np.random.default_rng(0))
    assert len(np.unique(crop.tree)) == 1
    assert np.isnan(crop.height).all()
    assert not crop.ground.any()


def test_classes_have_the_same_mass_in_every_stratum(stand):
    def example(number):
        crop = draw_crop(stand, CropConfig(), np.random.default_rng(number))
        graph, _ = build_example(crop.xyz, crop.height, GraphConfig())
        graph.y = torch.from_numpy(np.random.default_rng(number).integers(0, 2, len(graph.pos0)))
        return graph

    examples = [example(n) for n in range(4)]
    balance = Balance.of(examples, GraphConfig(), strata=3)
    mass = torch.zeros(3, 2)
    for graph in examples:
        stratum = torch.bucketize(graph.x0[:, GraphConfig().columns("spacing").stop - 1].contiguous(), balance.edges)
        for s in range(3):
            for c in range(2):
                mass[s, c] += balance.of_points(graph)[(stratum == s) & (graph.y == c)].sum()
    torch.testing.assert_close(mass, mass.mean().expand(3, 2), rtol=1e-3, atol=1e-3)


def test_a_crop_beside_the_stand_takes_the_nearest_points(stand):
    lonely = stand.take(np.flatnonzero(stand.xyz[:, 0] < 0.5))
    config = CropConfig(radius=(0.01, 0.02), single_tree=0.0, max_points=1000, min_points=300)
    assert all(len(draw_crop(lonely, config, np.random.default_rng(seed))) > 0 for seed in range(30))
