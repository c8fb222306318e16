"""What is labelled and what is not, whoever predicts."""

import subprocess
import sys

import numpy as np
import pytest

from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud, FileWarning
from leafwood.inference import labelling


def label_cloud(cloud, predict, rule="balanced"):
    return labelling.label_cloud(cloud, predict, rule)[0]


def scan(n=4000, side=10.0):
    """A floor of class 2 under a box of vegetation."""
    rng = np.random.default_rng(5)
    floor = np.column_stack([rng.uniform(0, side, (n // 4, 2)), rng.normal(0, 0.01, n // 4)])
    box = rng.uniform([0, 0, 1], [side, side, 9], (n - n // 4, 3))
    return np.concatenate([floor, box]), np.repeat([2, 1], [len(floor), len(box)]).astype(np.uint8)


def wood_above_five_metres(xyz, height, returns):
    return np.where(height > 5, 0.9, 0.2).astype(np.float32)


def test_ground_is_not_labelled_and_the_rest_is():
    xyz, classes = scan()
    found = label_cloud(PointCloud.from_xyz(xyz, {"classification": classes}), wood_above_five_metres).columns
    assert (found["leafwood"][classes == 2] == 0).all()
    assert (found["wood_prob"][classes == 2] == 0).all()
    high = (classes == 1) & (xyz[:, 2] > 5.1)
    low = (classes == 1) & (xyz[:, 2] < 4.9)
    assert (found["leafwood"][high] == 2).all()
    assert (found["leafwood"][low] == 1).all()
    np.testing.assert_allclose(found["height_ag"], xyz[:, 2], atol=0.05)


def test_of_ground_that_a_cloth_found_some_is_seen_and_none_labelled():
    xyz, classes = scan(8000)
    seen = []

    def predict(places, height, returns):
        seen.append(height)
        return np.ones(len(places), dtype=np.float32)

    label_cloud(PointCloud.from_xyz(xyz, {"classification": classes}), predict)
    found = label_cloud(PointCloud.from_xyz(xyz), predict).columns
    with_class, with_cloth = (int((np.abs(height) < 0.1).sum()) for height in seen)
    assert with_class == 0
    assert 0.3 * (classes == 2).sum() < with_cloth <= (classes == 2).sum()
    assert (found["leafwood"][classes == 2] == 0).all()
    assert (found["wood_prob"][classes == 2] == 0).all()


def test_whoever_predicts_is_told_the_returns_of_what_it_sees():
    rng = np.random.default_rng(5)
    xyz, classes = scan()
    number, of = rng.integers(1, 4, (2, len(xyz))).astype(np.uint8)
    seen = []

    def predict(places, height, returns):
        seen.append(returns)
        return np.ones(len(places), dtype=np.float32)

    columns = {"classification": classes, "return_number": number, "number_of_returns": of}
    label_cloud(PointCloud.from_xyz(xyz, columns), predict)
    np.testing.assert_array_equal(seen[0], np.column_stack([number, of])[classes != 2])


@pytest.mark.parametrize("code", [6, 7, 9, 18])
def test_noise_buildings_and_water_are_not_labelled(code):
    xyz, classes = scan()
    classes[-100:] = code
    found = label_cloud(PointCloud.from_xyz(xyz, {"classification": classes}), wood_above_five_metres).columns
    assert (found["leafwood"][-100:] == 0).all()
    assert (found["leafwood"][classes == 1] > 0).all()


def test_strays_are_not_labelled_and_are_reported():
    xyz, classes = scan()
    xyz[-3:] += 2e5
    with pytest.warns(FileWarning, match="3 of 4,000 points lie kilometres away"):
        found = label_cloud(PointCloud.from_xyz(xyz, {"classification": classes}), wood_above_five_metres).columns
    assert (found["leafwood"][-3:] == 0).all()
    assert (found["leafwood"][:-3][classes[:-3] == 1] > 0).all()


def test_degrees_are_refused():
    rng = np.random.default_rng(5)
    low, high = (12.5, 48.1, 300), (12.5003, 48.1002, 330)
    with pytest.raises(BadCloud, match="degrees"):
        label_cloud(PointCloud.from_xyz(rng.uniform(low, high, (500, 3))), wood_above_five_metres)


def test_labelling_needs_no_torch():
    code = (
        "import sys, numpy, leafwood; leafwood.Segmenter.from_pretrained().predict_proba(numpy.random.rand(500, 3));"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
