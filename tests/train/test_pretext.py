"""The pretext task: what is hidden, and what the network is asked about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.datasets.stands import load_scan, load_stand
from leafwood.errors import BadConfig
from leafwood.train.pretext import PretextConfig, PretextTask, hide
from leafwood.train.pyramid import PyramidSpec

SAMPLE = Path(__file__).resolve().parents[2] / "data_samples" / "uav_plot.laz"


@settings(max_examples=50, deadline=None)
@given(n=st.integers(1, 300), share=st.floats(0.01, 0.9), reach=st.floats(0.05, 3.0), seed=st.integers(0, 99))
def test_about_the_share_is_hidden_and_never_all(n, share, reach, seed):
    rng = np.random.default_rng(seed)
    xyz = rng.uniform(0, 4, (n, 3)).astype(np.float32)
    hidden = hide(xyz, PretextConfig(share=share, radius=(reach / 2, reach)), rng)
    assert hidden.shape == (n,)
    assert not hidden.all()
    if reach < 0.2:
        assert abs(hidden.mean() - share) <= 0.05 + 4 / n


@pytest.fixture(scope="module")
def scan():
    return load_scan(SAMPLE)


def task(**options):
    return PretextTask(PyramidSpec(), PretextConfig(**options))


def test_voxels_beside_a_hole_are_1_and_those_far_from_it_are_0(scan):
    part = scan.take(np.flatnonzero((np.abs(scan.xyz[:, :2] - np.median(scan.xyz[:, :2], axis=0)) < 2).all(axis=1)))
    part = replace(part, xyz=part.xyz - part.xyz.min(axis=0))
    graph = task(share=0.3, reach=0.15).example(part, np.random.default_rng(3))
    hidden = hide(part.xyz, PretextConfig(share=0.3, reach=0.15), np.random.default_rng(3))
    assert 0.02 < graph.y.float().mean() < 0.6
    for node in range(0, len(graph.pos0), 97):
        distance = np.linalg.norm(part.xyz[hidden] - graph.pos0[node].numpy(), axis=1).min()
        assert (distance < 0.15) == bool(graph.y[node])


def test_labels_are_not_looked_at(scan):
    assert set(np.unique(scan.label)) == {0}
    labelled = load_stand(SAMPLE)
    assert len(labelled) == len(scan)
    np.testing.assert_array_equal(labelled.xyz, scan.xyz)


def test_the_same_seed_hides_the_same(scan):
    one, two = (task().examples([scan], (1, 0), 4)[2] for _ in range(2))
    assert one.y.tolist() == two.y.tolist()
    assert one.pos0.tolist() == two.pos0.tolist()


@pytest.mark.parametrize(
    ("options", "word"), [({"share": 0.0}, "share"), ({"share": 1.0}, "share"), ({"reach": 0.0}, "reach")]
)
def test_bad_settings(options, word):
    with pytest.raises(BadConfig, match=f"method.{word}"):
        PretextConfig(**options)


def test_bad_radius():
    with pytest.raises(BadConfig, match=r"method.radius"):
        PretextConfig(radius=(0.5, 0.2))
