"""Labels against the truth, in strata that add up."""

import numpy as np
import pytest

from leafwood.classes import IGNORE
from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud, BadConfig
from leafwood.evaluate.evaluation import evaluate, truth_of


def labelled(n=2000):
    """A cloud with truth, labels and probabilities that are right nine times of ten."""
    rng = np.random.default_rng(6)
    truth = (rng.random(n) < 0.2).astype(np.int8)
    prob = np.where(rng.random(n) < 0.9, truth * 0.8 + 0.1, 0.9 - truth * 0.8).astype(np.float32)
    columns = {"leafwood": (1 + (prob > 0.5)).astype(np.uint16), "wood_prob": prob, "gt_wood": truth.astype(np.uint16)}
    return PointCloud.from_xyz(rng.uniform(0, 10, (n, 3)), columns), truth


def test_strata_add_up_to_the_whole():
    cloud, truth = labelled()
    found = evaluate(cloud, truth)
    whole = found.overall.as_dict()
    for strata in (found.height, found.density):
        assert sum(s.as_dict()["points"] for s in strata.values()) == whole["points"] == 2000
        np.testing.assert_array_equal(sum(s.confusion for s in strata.values()), found.overall.confusion)
    called_wood = cloud.columns["leafwood"] == 2
    assert whole["wood_recall"] == pytest.approx(called_wood[truth == 1].mean())
    assert whole["leaf_recall"] == pytest.approx((~called_wood)[truth == 0].mean())


def test_files_add_up():
    (one, truth_one), (two, truth_two) = labelled(), labelled()
    both = evaluate(one, truth_one) + evaluate(two, truth_two)
    assert both.overall.as_dict()["points"] == 4000
    assert both.height["0-10 %"].as_dict()["points"] > 100


def test_wood_that_was_not_labelled_is_missed_wood():
    cloud, truth = labelled()
    nothing = cloud.with_columns(leafwood=np.zeros(2000, dtype=np.uint16), wood_prob=np.zeros(2000, dtype=np.float32))
    found = evaluate(nothing, truth).overall.as_dict()
    assert found["wood_recall"] == 0
    assert found["points"] == 2000


def test_ground_has_no_truth():
    cloud, truth = labelled()
    classes = np.full(2000, 1, dtype=np.uint8)
    classes[:500] = 2
    found = truth_of(cloud.with_columns(classification=classes), "gt_wood")
    assert (found[:500] == IGNORE).all()
    np.testing.assert_array_equal(found[500:], truth[500:])


@pytest.mark.parametrize(
    ("preset", "column", "values", "expected"),
    [
        ("soul", "WL", [0, 1, 2], [IGNORE, 1, 0]),
        ("for-instance", "classification", [1, 4, 5, 6], [IGNORE, 1, 0, 1]),
        ("pointstowood", "label", [0, 1], [0, 1]),
        ("fsct", "label", [1, 2, 3, 4], [IGNORE, 0, 1, 1]),
        ("asprs", "classification", [64, 65, 5], [1, 0, IGNORE]),
        ("leafwood", "leafwood", [0, 1, 2], [IGNORE, 0, 1]),
    ],
)
def test_label_presets(preset, column, values, expected):
    rng = np.random.default_rng(6)
    cloud = PointCloud.from_xyz(rng.uniform(0, 1, (len(values), 3)), {column: np.array(values)})
    assert truth_of(cloud, preset).tolist() == expected


def test_missing_truth_is_said():
    cloud, _ = labelled(10)
    with pytest.raises(BadCloud, match="no column WL"):
        truth_of(cloud, "soul")
    with pytest.raises(BadConfig, match="no label preset"):
        truth_of(cloud, "nosuch")


def test_the_worst_tenth_is_the_lowest_that_has_wood_enough():
    rng = np.random.default_rng(0)
    z = np.repeat(np.arange(10.0), 1000)
    truth = (rng.random(10_000) < 0.3).astype(np.int8)
    truth[z == 9] = 0  # a tenth with hardly any wood does not count, however bad it is
    truth[(z == 9) & (rng.random(10_000) < 0.05)] = 1
    label = np.where((z == 9) | ((z == 4) & (rng.random(10_000) < 0.5)), 1 - truth, truth)
    columns = {"leafwood": (1 + label).astype(np.uint16), "wood_prob": label.astype(np.float32)}
    cloud = PointCloud.from_xyz(np.column_stack([rng.uniform(0, 10, (10_000, 2)), z]), columns)
    assert evaluate(cloud, truth).worst_tenth() == pytest.approx(0.5, abs=0.05)
    assert np.isnan(evaluate(cloud, np.zeros_like(truth)).worst_tenth())
