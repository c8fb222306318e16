"""Labels do not depend on where the tiles are cut."""

from pathlib import Path

import numpy as np

from leafwood.cloud import PointCloud
from leafwood.inference.segmenter import Segmenter
from leafwood.io.loaders import read

SAMPLE = Path(__file__).resolve().parents[2] / "data_samples" / "uav_plot.laz"


def strip_of_60_metres():
    """A third of the sample plot and mirror images of it in a row, 60 m long: no gap and no step at the joins."""
    cloud = read(SAMPLE)
    cloud = cloud.select(cloud.xyz[:, 1] < cloud.xyz[:, 1].max() / 3)
    side = float(cloud.xyz[:, 0].max())
    plots = [cloud.xyz.astype(np.float64) * (1 - 2 * (i % 2), 1, 1) + (side * (i + i % 2), 0, 0) for i in range(4)]
    xyz = np.concatenate(plots)
    classes = np.tile(cloud.columns["classification"], 4)
    keep = xyz[:, 0] < 60
    return PointCloud.from_xyz(xyz[keep], {"classification": classes[keep]})


def test_labels_of_a_60_m_strip_do_not_change_at_tile_seams():
    cloud = strip_of_60_metres()
    segmenter = Segmenter.from_pretrained(tile_points=10**9)
    whole = segmenter.segment(cloud).columns["leafwood"]
    segmenter.tile_points = len(cloud) // 8
    calls = []
    tiled = segmenter.segment(cloud, lambda done, total: calls.append(done)).columns["leafwood"]
    assert len(calls) >= 6
    assert calls[-1] == (whole > 0).sum()
    differs = (whole != tiled)[whole > 0].mean()
    assert differs < 0.005, f"{differs:.3%} of the labels changed"
