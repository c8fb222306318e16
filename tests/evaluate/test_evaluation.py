"""Labels against the truth, in strata that add up."""

import numpy as np
import pytest

from leafwood.classes import IGNORE
from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud, BadConfig
from leafwood.evaluate.evaluation import evaluate, thin_downward, truth_of


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


@pytest.mark.parametrize("share", [0.1, 1 / 3, 0.9, 1.0])
def test_thinning_keeps_the_share_and_more_of_the_top(share):
    rng = np.random.default_rng(6)
    cloud = PointCloud.from_xyz(rng.uniform(0, 20, (40_000, 3)))
    thin = thin_downward(cloud, share)
    assert len(thin) == pytest.approx(share * 40_000, rel=0.05)
    below, above = (thin.xyz[:, 2] < 10).sum(), (thin.xyz[:, 2] >= 10).sum()
    assert above > 1.3 * below or share > 0.8


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5])
def test_an_impossible_share_is_refused(share):
    with pytest.raises(BadConfig):
        thin_downward(labelled(10)[0], share)
