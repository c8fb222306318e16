"""Scores against scikit-learn and the golden numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from leafwood.evaluate.metrics import score


@pytest.fixture
def labelled():
    rng = np.random.default_rng(11)
    truth = (rng.random(5000) < 0.1).astype(np.int8)
    return truth, np.clip(0.3 * truth + rng.normal(0.35, 0.2, 5000), 0, 1)


def test_agrees_with_scikit_learn(labelled):
    truth, prob = labelled
    found, label = score(truth, prob).as_dict(), prob > 0.5
    assert found["auroc"] == pytest.approx(sk.roc_auc_score(truth, prob), abs=1e-3)
    assert found["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(truth, label))
    assert found["wood_f1"] == pytest.approx(sk.f1_score(truth, label))
    assert found["wood_iou"] == pytest.approx(sk.jaccard_score(truth, label))
    assert found["mcc"] == pytest.approx(sk.matthews_corrcoef(truth, label))
    assert found["miou"] == pytest.approx(sk.jaccard_score(truth, label, average="macro"))


def test_golden_g_mean_and_balanced_accuracy():
    truth = np.repeat([0, 1], 1000)
    label = np.concatenate([np.repeat([0, 1], [884, 116]), np.repeat([1, 0], [631, 369])])
    found = score(truth, label.astype(float), label).as_dict()
    assert found["g_mean"] == pytest.approx(0.746863, abs=1e-6)
    assert found["balanced_accuracy"] == pytest.approx(0.7575)


def test_tiles_add_up(labelled):
    truth, prob = labelled
    parts = score(truth[:1234], prob[:1234]) + score(truth[1234:], prob[1234:])
    assert parts.as_dict() == score(truth, prob).as_dict()


def test_a_point_of_weight_two_counts_as_two_points(labelled):
    truth, prob = labelled
    weight = 1 + (np.arange(len(truth)) % 3 == 0)
    twice = score(np.repeat(truth, weight), np.repeat(prob, weight)).as_dict()
    assert score(truth, prob, weight=weight).as_dict() == pytest.approx(twice)


def test_ignored_points_do_not_count(labelled):
    truth, prob = labelled
    padded = score(np.append(truth, [-1, -1]).astype(np.int8), np.append(prob, [0.0, 1.0]))
    assert padded.as_dict() == score(truth, prob).as_dict()


def test_perfectly_calibrated_probabilities_have_no_error():
    rng = np.random.default_rng(11)
    prob = rng.random(200_000)
    assert score((rng.random(200_000) < prob).astype(np.int8), prob).ece < 0.01
    assert score((rng.random(200_000) < prob**3).astype(np.int8), prob).ece > 0.1


@given(st.integers(1, 50))
def test_one_class_gives_nan_and_not_an_error(n):
    found = score(np.zeros(n, dtype=np.int8), np.linspace(0, 1, n)).as_dict()
    assert math.isnan(found["wood_recall"])
    assert math.isnan(found["auroc"])


def test_the_balanced_calibration_error_does_not_depend_on_the_shares():
    rng = np.random.default_rng(0)
    prob = rng.random(200_000)
    truth = (rng.random(len(prob)) < prob).astype(np.int8)
    kept = (truth == 0) | (rng.random(len(truth)) < 0.1)  # nine of ten wood points lost: no longer calibrated
    whole, rare = score(truth, prob), score(truth[kept], prob[kept])
    assert whole.balanced_ece < 0.01
    assert rare.balanced_ece < 0.02
    assert rare.ece > 0.2
    assert np.isnan(score(np.zeros(3), np.zeros(3)).balanced_ece)
