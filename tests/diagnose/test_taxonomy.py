"""The taxonomy of imbalance: closed forms, estimators and regimes, against golden numbers and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from leafwood.diagnose.taxonomy import average_precision, predict, regime, separation, usable_separation
from leafwood.errors import BadBatch, BadConfig

ETA, DELTA = st.floats(1, 200), st.floats(0.3, 5)


@pytest.mark.parametrize(
    ("delta", "eta", "recall", "false_alarm", "precision", "f1", "slope", "error", "balanced"),
    [
        (2, 1, 0.841345, 0.158655, 0.841345, 0.841345, -0.120985, 0.158655, 0.158655),
        (2, 9, 0.460723, 0.017926, 0.740649, 0.568074, -0.198504, 0.070061, 0.278601),
        (2, 38, 0.206452, 0.002410, 0.692698, 0.318098, -0.142659, 0.022696, 0.397979),
        (3, 21.7, 0.682332, 0.005772, 0.844899, 0.754963, -0.118838, 0.019512, 0.161720),
        (3, 38, 0.613124, 0.003339, 0.828556, 0.704744, -0.127598, 0.013173, 0.195107),
        (3, 100, 0.486017, 0.001202, 0.801661, 0.605153, -0.132899, 0.006279, 0.257593),
        (1, 38, 0.000852, 1.8e-5, 0.560868, 0.001701, -0.002905, 0.025636, 0.499583),
    ],
)
def test_closed_forms(delta, eta, recall, false_alarm, precision, f1, slope, error, balanced):
    told = predict(eta, delta)
    found = (told.recall, told.false_alarm, told.precision, told.f1, told.slope, told.error, told.balanced_error)
    assert found == pytest.approx((recall, false_alarm, precision, f1, slope, error, balanced), abs=1e-6)


@settings(deadline=None)
@given(delta=DELTA)
def test_without_imbalance_both_classes_are_found_alike(delta):
    told = predict(1.0, delta)
    assert told.recall == pytest.approx(1 - told.false_alarm) == pytest.approx(ndtr(delta / 2))
    assert told.slope == pytest.approx(-math.exp(-(delta**2) / 8) / math.sqrt(2 * math.pi) / delta)
    assert told.recoverable == pytest.approx(0, abs=1e-12)


@settings(deadline=None)
@given(eta=ETA, delta=DELTA)
def test_swapping_the_classes_mirrors_them_and_recall_falls_with_imbalance(eta, delta):
    told, mirrored = predict(eta, delta), predict(1 / eta, delta)
    assert mirrored.recall == pytest.approx(1 - told.false_alarm)
    assert mirrored.false_alarm == pytest.approx(1 - told.recall)
    assert predict(eta * 1.5, delta).recall <= told.recall


def test_the_area_under_precision_and_recall():
    assert average_precision(1.0, 1e-6) == pytest.approx(0.5, abs=1e-3)
    assert average_precision(9.0, 1e-6) == pytest.approx(0.1, abs=1e-3)
    rng = np.random.default_rng(0)
    wood = rng.random(200_000) < 0.1
    from sklearn.metrics import average_precision_score

    assert average_precision(9.0, 2.0) == pytest.approx(
        average_precision_score(wood, rng.normal(size=len(wood)) + 2 * wood), abs=0.01
    )


def test_samples_of_the_rare_class_may_be_told():
    by_share, told = regime(9, 3, 1000, 12), regime(9, 3, 1000, 12, minority=100)
    assert by_share == told
    assert regime(9, 3, 1000, 12, minority=5)[2] > told[2]


def test_half_is_found_where_g_is_one():
    assert predict(math.exp(2.0), 2.0).recall == pytest.approx(0.5)


@pytest.mark.parametrize(("few", "many", "left"), [(5, 95, 1.5658), (50, 50, 1.8898), (2, 98, 1.2572)])
def test_estimated_means_cost_separation(few, many, left):
    assert usable_separation(2.0, 12, few, many) == pytest.approx(left, abs=1e-4)


@pytest.mark.parametrize(
    ("eta", "delta", "samples", "p", "r", "g", "name"),
    [
        (38, 1.39, 418, 12, 0.559944, 6.004838, "Catastrophic"),
        (38, 3, 418, 12, 0.218166, 0.911559, "Mild"),
        (38, 4, 20000, 12, 0.022292, 0.455381, "Mild"),
        (9, 2, 1000, 12, 0.122336, 1.135233, "Extreme"),
        (3, 4, 1000, 12, 0.030147, 0.137876, "Normal"),
        (19, 0.5, 1352, 49, 2.256719, 95.447, "Catastrophic"),
    ],
)
def test_regimes(eta, delta, samples, p, r, g, name):
    found = regime(eta, delta, samples, p)
    assert found[0] == name
    assert found[1:] == (pytest.approx(r, abs=1e-5), pytest.approx(g, rel=1e-5))


def test_classes_that_lie_together_are_catastrophic():
    assert regime(10, 0.0, 100, 5)[0] == "Catastrophic"


def gaussians(delta, n, p, rng, share=0.3):
    wood = rng.random(n) < share
    features = rng.normal(size=(n, p))
    features[wood, 0] += delta
    return features, wood, np.arange(n) % 10


def test_the_corrected_estimate_has_no_bias():
    rng = np.random.default_rng(0)
    found = [separation(*gaussians(2.0, 100, 12, rng)) for _ in range(150)]
    assert np.mean([f.corrected**2 for f in found]) == pytest.approx(4.0, abs=0.25)
    assert np.mean([f.naive**2 for f in found]) > 4.8


def test_estimates_do_not_see_an_affine_change_of_the_features():
    rng = np.random.default_rng(1)
    features, wood, unit = gaussians(1.5, 4000, 4, rng)
    told, moved = separation(features, wood, unit), separation(features @ rng.normal(size=(4, 4)) + 7, wood, unit)
    assert moved.corrected == pytest.approx(told.corrected, rel=1e-6)
    assert told.corrected == pytest.approx(1.5, abs=0.1)
    assert told.robust == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize(("eta", "delta", "name"), [(0, 1, "eta"), (2, -1, "delta"), (math.nan, 1, "eta")])
def test_numbers_that_mean_nothing_are_refused(eta, delta, name):
    with pytest.raises(BadConfig, match=name):
        predict(eta, delta)


def test_one_unit_or_one_class_is_refused():
    features = np.random.default_rng(0).normal(size=(50, 3))
    with pytest.raises(BadBatch, match="separation"):
        separation(features, np.arange(50) < 20, np.zeros(50))
    with pytest.raises(BadBatch, match="separation"):
        separation(features, np.zeros(50, dtype=bool), np.arange(50))
