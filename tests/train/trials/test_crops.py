"""What a comparison learns from: thinned stands, kept crops and held-out cylinders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from leafwood.config import load
from leafwood.datasets.crops import CropConfig
from leafwood.datasets.stands import load_stand
from leafwood.errors import BadConfig
from leafwood.train.trials.crops import (
    CropSet,
    SmallCrops,
    TrialSize,
    held_out_cylinders,
    imbalance,
    load_graphs,
    thin_to_ratio,
    write_crop_sets,
)

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "data_samples" / "uav_plot.laz"
VOXEL = 0.05
SIZE = TrialSize(crops=SmallCrops(max_points=400, min_points=200), number=2, clean_stands=1, clean_trees=1)


@pytest.fixture(scope="module")
def stand():
    return load_stand(SAMPLE)


@pytest.mark.parametrize("ratio", [2, 5, 20, 50])
def test_a_thinned_stand_has_that_many_leaf_voxels_for_each_wood_voxel(stand, ratio):
    thin = thin_to_ratio(stand, ratio, VOXEL, np.random.default_rng(0))
    assert thin.ground.sum() == stand.ground.sum()
    cells = [
        len(np.unique(np.floor(thin.xyz[~thin.ground & (thin.label == label)] / VOXEL), axis=0)) for label in (0, 1)
    ]
    assert cells[0] / cells[1] == pytest.approx(ratio, rel=0.25)  # voxels that hold both classes count as one of them


def test_one_class_is_left_alone(stand):
    for ratio, label in ((1, 1), (1000, 0)):
        thin = thin_to_ratio(stand, ratio, VOXEL, np.random.default_rng(0))
        mixed = 0.8  # leaf points in voxels of wood, or the other way round, go with their voxel
        assert (thin.label == label).sum() > mixed * (stand.label == label).sum()


def test_sets_are_cut_once_and_differ_by_what_is_asked(tmp_path):
    crops = SIZE.cut(CropConfig())
    ordinary, clean = CropSet(5, crops), CropSet(0, replace(crops, single_tree=1.0), clean=True)
    files = [SAMPLE, SAMPLE]  # the last of them is for clean trees
    write_crop_sets([ordinary, clean], files, tmp_path, SIZE)
    graphs = load_graphs(ordinary.file(tmp_path, SIZE))
    assert len(graphs) == 2
    assert len(load_graphs(clean.file(tmp_path, SIZE))) == 1
    assert all(int(graph.stand) == 0 and (graph.y >= -1).all() for graph in graphs)
    assert imbalance(graphs) > 1
    write_crop_sets([ordinary, clean], [], tmp_path, SIZE)  # reads nothing: all is there
    assert ordinary.file(tmp_path, SIZE) != ordinary.file(tmp_path, replace(SIZE, number=3))


def test_stands_for_clean_trees_must_not_be_all(tmp_path):
    with pytest.raises(BadConfig, match="more than 1 training stands"):
        write_crop_sets([CropSet(5, SIZE.cut(CropConfig()))], [SAMPLE], tmp_path, SIZE)


def test_cylinders_keep_all_their_points_and_are_kept(tmp_path):
    size = replace(SIZE, cylinders=1, most_points=3000)
    (graph,) = held_out_cylinders([SAMPLE], tmp_path, size)
    assert np.hypot(*graph.pos0[:, :2].numpy().T).max() < 2 * np.sqrt(2) * size.radius
    (again,) = held_out_cylinders([SAMPLE], tmp_path, size)
    assert torch.equal(graph.y, again.y)


def test_the_shipped_size_is_the_default_one():
    assert load(ROOT / "configs" / "pipelines" / "benchmark_imbalance.yaml", TrialSize) == TrialSize()
