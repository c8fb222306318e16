"""Distillation: a teacher's share of the loss, where it is asked, and who can be one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch_geometric.data import Batch

from leafwood.errors import BadConfig
from leafwood.inference.model_file import load_model
from leafwood.losses import LossConfig, build_all
from leafwood.train.config import TrainConfig
from leafwood.train.distil import DistilMethod, DistilStep
from leafwood.train.loop import train
from leafwood.train.soul import SoulSpec
from leafwood.weights import FOLDER

ROOT = Path(__file__).resolve().parents[2]
VIRTUAL = FOLDER / "virtual.safetensors"


class _Always(torch.nn.Module):
    """Says the same of every voxel."""

    def __init__(self, leaf: float, wood: float) -> None:
        super().__init__()
        self.logits = torch.nn.Parameter(torch.tensor([leaf, wood]))

    def forward(self, batch):
        return self.logits.expand(len(batch.y), 2)


def step(share: float, files: tuple[str, ...] = ()) -> DistilStep:
    network, teacher = _Always(0.3, -0.2), _Always(-1.0, 2.0)
    loss = build_all((LossConfig("cross_entropy"),), [10, 10])
    return DistilStep(network, loss, torch.optim.SGD(network.parameters()), teacher=teacher, share=share, files=files)


@pytest.fixture
def named(graphs):
    """Two crops of files with names."""
    crops = [graph.clone() for graph in graphs[:2]]
    for crop, name in zip(crops, ("stand_1.laz", "oak.laz"), strict=True):
        crop.stand = name
        crop.weight = torch.linspace(0.5, 2, len(crop.y))
    return crops


def expected(crop, share: float) -> tuple[float, float]:
    """The loss of one crop times its weight, and that weight."""
    known = crop.y >= 0
    weight, logits = crop.weight[known], torch.tensor([0.3, -0.2]).expand(int(known.sum()), 2)
    wanted = torch.softmax(torch.tensor([-1.0, 2.0]), dim=0).expand_as(logits)
    of_teacher = cross_entropy(logits, wanted, reduction="none")
    of_labels = cross_entropy(logits, crop.y[known], reduction="none")
    mixed = share * of_teacher + (1 - share) * of_labels
    return float((mixed * weight).sum()), float(weight.sum())


@pytest.mark.parametrize("share", [0.0, 0.7, 1.0])
def test_teacher_and_labels_share_the_loss(named, share):
    total, weight = map(sum, zip(*(expected(crop, share) for crop in named), strict=True))
    assert step(share).loss(Batch.from_data_list(named)).item() == pytest.approx(total / weight, rel=1e-5)


def test_it_is_asked_about_the_named_files_alone(named):
    total, weight = map(sum, zip(expected(named[0], 0.7), expected(named[1], 0.0), strict=True))
    found = step(0.7, ("stand_*",)).loss(Batch.from_data_list(named)).item()
    assert found == pytest.approx(total / weight, rel=1e-5)


def test_the_teacher_does_not_learn(named):
    one = step(0.7)
    one(Batch.from_data_list(named))
    assert one.teacher.logits.grad is None
    assert one.network.logits.grad is not None


def config(**changes) -> TrainConfig:
    return TrainConfig(
        train=(str(ROOT / "data_samples/uav_plot.laz"),),
        validation=(str(ROOT / "data_samples/single_tree.laz"),),
        method=DistilMethod(teacher=VIRTUAL),
        steps=1,
        batch=1,
        validation_crops=1,
        loader_processes=0,
        **changes,
    )


def test_a_run_learns_from_shipped_weights(tmp_path):
    virtual = config()
    spec = replace(
        virtual.model,
        graph=replace(virtual.model.graph, features=("eigen", "spacing", "count", "height", "returns")),
        network=replace(virtual.model.network, widths=(8,) * 6),
        crops=replace(virtual.model.crops, max_points=600, min_points=300),
    )
    train(replace(virtual, model=spec), tmp_path, report=lambda line: None)
    method = load_model(tmp_path / "model.safetensors").provenance["config"]["method"]
    assert (method["kind"], method["share"]) == ("distil", 0.7)


def test_a_teacher_that_reads_other_graphs_is_refused(tmp_path):
    other = config()
    graph = replace(other.model.graph, features=("eigen", "spacing"))
    with pytest.raises(BadConfig, match="reads other graphs"):
        train(replace(other, model=replace(other.model, graph=graph)), tmp_path, report=lambda line: None)


def test_soul_has_no_teacher():
    with pytest.raises(BadConfig, match="for leafwood's own network"):
        config(model=SoulSpec())


def test_a_share_is_a_share():
    with pytest.raises(BadConfig, match="share"):
        DistilMethod(teacher=VIRTUAL, share=1.5)
