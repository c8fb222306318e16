"""Calibration: neutral unless fitted, and the inverse of a threshold that drifts with density and height."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.calibration import Calibration, surroundings
from leafwood.features import height_features


def drifting(n: int, seed: int):
    """Margins of a dense and a sparse scan whose zero lies elsewhere, half as sure without known height."""
    rng = np.random.default_rng(seed)
    height = np.where(rng.random(2 * n) < 0.5, rng.uniform(0, 30, 2 * n), np.nan).astype(np.float32)
    wood = rng.random(2 * n) < 0.5
    logit = np.where(wood, 1.5, -1.5) + 1.7 * rng.standard_normal(2 * n)
    margin = logit * np.where(np.isnan(height), 0.5, 1.0) + np.repeat([0.6, -1.2], n)
    around = [
        surroundings(height_features(h), shrink) for h, shrink in zip(np.split(height, 2), (1.0, 0.4), strict=True)
    ]
    return margin, np.concatenate(around), wood


@settings(deadline=None)
@given(st.floats(-30, 30), st.floats(0.3, 1.0))
def test_unfitted_it_is_the_sigmoid_of_the_margin(margin, shrink):
    neutral = Calibration()
    found = neutral.probability(neutral.logit(np.array([margin]), surroundings(np.zeros((1, 3)), shrink)), 3.0)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-margin)), rtol=1e-5)


def test_a_threshold_that_drifts_with_density_is_set_right_everywhere():
    margin, around, wood = drifting(20_000, 1)
    found = Calibration.fit(margin, around, np.zeros(len(wood)), wood, np.ones(len(wood)))
    margin, around, wood = drifting(20_000, 2)
    before, after = (c.logit(margin, around) > 0 for c in (Calibration(), found))
    for dense in (False, True):
        here = (around[:, 1] == 0) == dense
        recalls = [(after[here & (wood == w)] == w).mean() for w in (False, True)]
        assert abs(recalls[0] - recalls[1]) < 0.06
        assert np.mean(recalls) >= 0.78
    assert (before == wood).mean() < (after == wood).mean() - 0.05


def test_fitted_probabilities_are_frequencies():
    margin, around, wood = drifting(20_000, 3)
    found = Calibration.fit(margin, around, np.zeros(len(wood)), wood, np.ones(len(wood)))
    prob = found.probability(found.logit(margin, around), 0.0)
    for low in np.arange(0, 1, 0.2):
        here = (prob >= low) & (prob < low + 0.2)
        assert abs(prob[here].mean() - wood[here].mean()) < 0.03


def test_a_greater_margin_never_means_less_wood():
    calibration = Calibration(slope=(-1.0,) + (0.0,) * 3)
    around = np.repeat(surroundings(np.zeros((1, 3)), 1.0), 50, axis=0)
    assert (np.diff(calibration.logit(np.linspace(-5, 5, 50), around)) > 0).all()


def test_scans_whose_zero_is_off_are_brought_back_by_their_mean():
    rng = np.random.default_rng(4)
    scans, n = 40, 500
    wood = rng.random((scans, n)) < 0.5
    margin = np.where(wood, 1.5, -1.5) + 1.5 * rng.standard_normal((scans, n)) - rng.uniform(0, 3, (scans, 1))
    mean = np.broadcast_to(margin.mean(axis=1, keepdims=True), margin.shape)
    around = surroundings(np.zeros((scans * n, 3)), 1.0)
    found = Calibration.fit(margin.ravel(), around, mean.ravel(), wood.ravel(), np.ones(scans * n))
    right = [
        ((found.probability(found.logit(m, around[:n]), float(m.mean())) > 0.5) == w).mean()
        for m, w in zip(margin, wood, strict=True)
    ]
    assert found.scan < 0
    assert np.mean(right) > ((margin > 0) == wood).mean() + 0.05
    assert min(right) > 0.75


def leafy_and_leafless(share: float, seed: int):
    """Logits that hold for equal shares, of a scan with that share of wood."""
    rng = np.random.default_rng(seed)
    wood = rng.random(20_000) < share
    return np.where(wood, 2.0, -2.0) + 2.0 * rng.standard_normal(len(wood)), wood


@settings(deadline=None, max_examples=20)
@given(st.floats(0.01, 0.8), st.integers(0, 99))
def test_a_scan_with_leaves_keeps_its_equal_shares(share, seed):
    logit, _ = leafy_and_leafless(share, seed)
    plain, other = (Calibration(leafless=leafless).probability(logit, 0.0) for leafless in (1.0, 0.9))
    np.testing.assert_array_equal(plain, other)


def test_a_leafless_scan_keeps_its_finest_branches():
    logit, wood = leafy_and_leafless(0.998, 1)
    before, after = (Calibration(leafless=leafless).probability(logit, 0.0)[wood] > 0.5 for leafless in (1.0, 0.9))
    assert before.mean() < 0.87
    assert after.mean() > 0.97


def test_no_points_have_no_probability():
    assert Calibration(leafless=0.9).probability(np.zeros(0), 0.0).shape == (0,)
