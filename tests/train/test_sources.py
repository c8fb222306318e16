"""Sources: labelled scans that give a training run a fixed share of its crops."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from leafwood.config import load
from leafwood.datasets.crops import CropConfig
from leafwood.errors import BadConfig
from leafwood.graph.config import GraphConfig
from leafwood.inference.model_file import load_model
from leafwood.nn.structure import UNetConfig
from leafwood.train.config import Source
from leafwood.train.data import load_training_set
from leafwood.train.loop import TrainConfig, train
from leafwood.train.pyramid import PyramidSpec

ROOT = Path(__file__).resolve().parents[2]
SAMPLE, TREE, BARE = (str(ROOT / "data_samples" / f"{n}.laz") for n in ("uav_plot", "single_tree", "leaf_off_plot"))
TINY = TrainConfig(
    train=(SAMPLE,),
    validation=(BARE,),
    model=PyramidSpec(
        graph=GraphConfig(n_levels=3, k=6, scales=(5, 8)),
        network=UNetConfig(widths=(8, 8, 8), encoder_convs=(1, 1, 1), decoder_convs=(0, 1)),
        crops=CropConfig(max_points=800, min_points=300),
    ),
    steps=40,
    batch=2,
    validate_every=2,
    validation_crops=1,
    loader_processes=0,
)
SMALL = CropConfig(max_points=60, min_points=60, single_tree=1.0)


def examples(config: TrainConfig) -> list[int]:
    """Points of the crops of a run; those of a source with `SMALL` crops can be told by them."""
    data = load_training_set(config).examples
    return [len(data[number].y) for number in range(config.steps * config.batch)]


def test_a_source_gives_its_share_of_the_crops_and_they_look_as_it_says():
    sources = (Source(files=(TREE,), share=0.3, lone_trees=True, crops=SMALL),)
    few = np.array(examples(replace(TINY, sources=sources))) <= 80
    assert few.mean() == pytest.approx(0.3, abs=0.12)
    assert not (np.array(examples(TINY)) <= 80).any()


def test_a_share_of_one_leaves_nothing_to_train():
    sources = (Source(files=(TREE,), share=1.0, lone_trees=True, crops=SMALL),)
    assert max(examples(replace(TINY, sources=sources, steps=10))) <= 80


def test_a_run_without_sources_keeps_its_crops_and_one_with_them_repeats():
    sources = (Source(files=(TREE,), share=0.5, lone_trees=True),)
    alone, mixed, again = (load_training_set(replace(TINY, sources=given)).examples for given in ((), sources, sources))
    same = [torch.equal(alone[n].pos0, mixed[n].pos0) for n in range(20)]
    assert any(same)
    assert not all(same)
    assert all(torch.equal(mixed[n].pos0, again[n].pos0) for n in range(20))


def test_a_scan_may_be_in_two_sources_but_not_in_validation():
    twice = tuple(Source(files=(TREE,), share=0.4, lone_trees=lone) for lone in (True, False))
    assert len(examples(replace(TINY, sources=twice, steps=2))) == 4
    with pytest.raises(BadConfig, match="in train and in validation"):
        load_training_set(replace(TINY, validation=(TREE,), sources=twice))


def test_a_run_with_sources_trains_and_its_card_names_them(tmp_path: Path):
    sources = (Source(files=(TREE,), share=0.5, lone_trees=True),)
    train(replace(TINY, steps=2, sources=sources), tmp_path, report=lambda line: None)
    config = load_model(tmp_path / "model.safetensors").provenance["config"]
    assert config["sources"][0]["files"] == [TREE]
    assert config["sources"][0]["share"] == 0.5


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_last_weights_are_kept_on_request(tmp_path: Path, keep: str):
    config = replace(TINY, steps=8, keep=keep, learning_rate=0.05, averaging=0.0)
    train(config, tmp_path, report=lambda line: None)
    with (tmp_path / "log.csv").open() as file:
        g_mean = [float(row["g_mean"]) for row in csv.DictReader(file)]
    steps = {"best": 2 * (int(np.argmax(np.nan_to_num(g_mean))) + 1), "last": 8}
    assert load_model(tmp_path / "model.safetensors").provenance["step"] == steps[keep]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sources: [{files: [c], share: 0}]", "share must be above 0"),
        ("sources: [{files: [c], share: 1.5}]", "share must be above 0"),
        ("sources: [{files: [c], share: 0.6}, {files: [d], share: 0.6}]", "add up to more than 1"),
        ("sources: [{files: [c]}]", "share"),
        ("sources: [{files: [c], share: 0.5}]\nmethod: {kind: pretext}", "sources are labelled"),
        ("keep: last\npatience: 2", "patience .*keep: last"),
        ("keep: first", "keep"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, words: str):
    path = tmp_path / "run.yaml"
    path.write_text(f"train: [a]\nvalidation: [b]\n{text}\n", encoding="utf-8")
    with pytest.raises(BadConfig, match=words):
        load(path, TrainConfig)


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "train").glob("**/*.yaml")), ids=lambda path: path.stem)
def test_every_start_that_a_recipe_names_is_shipped_or_made_by_another(path: Path):
    start = load(path, TrainConfig).start
    assert start is None or start.parts[0] == "runs" or (ROOT / start).is_file()


def test_the_folds_follow_the_recipe_of_the_shipped_weights():
    """They differ in their trees, their stands and the number of steps alone, and leave every tree out once."""
    whole = load(ROOT / "configs" / "train" / "uav.yaml", TrainConfig)
    folds = [load(path, TrainConfig) for path in sorted((ROOT / "configs" / "train" / "folds").glob("*.yaml"))]
    species = ("AcePse", "FagSyl", "PicAbi", "PinSyl", "PseMen", "QuePet", "QueRub")
    left_out = []
    for fold in folds:
        sources = tuple(
            replace(own, files=theirs.files) for own, theirs in zip(fold.sources, whole.sources, strict=True)
        )
        same = {name: getattr(whole, name) for name in ("train", "steps", "validate_every")} | {"sources": sources}
        assert replace(fold, **same) == replace(whole, sources=sources)
        trained = " ".join(fold.sources[0].files)
        left_out += [name for name in species if name not in trained]
    assert sorted(left_out) == sorted(species)
