"""Calibration: neutral unless fitted, and the inverse of a threshold that drifts with density and height."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.graph.features import height_features
from leafwood.postprocess.calibration import Calibration, covariates, recognise


def drifting(n: int, seed: int):
    """Margins of a dense and a sparse scan whose zero lies elsewhere, half as sure without known height."""
    rng = np.random.default_rng(seed)
    height = np.where(rng.random(2 * n) < 0.5, rng.uniform(0, 30, 2 * n), np.nan).astype(np.float32)
    wood = rng.random(2 * n) < 0.5
    logit = np.where(wood, 1.5, -1.5) + 1.7 * rng.standard_normal(2 * n)
    margin = logit * np.where(np.isnan(height), 0.5, 1.0) + np.repeat([0.6, -1.2], n)
    around = [covariates(height_features(h), scale) for h, scale in zip(np.split(height, 2), (1.0, 0.4), strict=True)]
    return margin, np.concatenate(around), wood


def fit(margin, around, wood):
    """Of points of four hundred scans."""
    scan = np.arange(len(wood)) % 400
    return Calibration().fit(margin, around, scan, np.zeros((400, 1)), wood, np.ones(len(wood)))


def test_scans_that_say_little_leave_it_nearly_neutral():
    margin, around, wood = drifting(500, 6)
    scan = np.zeros(len(wood), dtype=np.int64)
    found = Calibration().fit(margin, around, scan, np.zeros((1, 1)), wood, np.ones(len(wood)))
    np.testing.assert_allclose(found.slope, (1, 0, 0, 0), atol=0.3)
    np.testing.assert_allclose(found.bias, 0, atol=0.3)


def test_without_leafless_scans_none_is_recognised():
    descriptor, leafless = scans(30, 1)
    found = recognise(descriptor[~leafless], leafless[~leafless])
    assert (found.chance_leafless(descriptor) == 0).all()


@settings(deadline=None)
@given(st.floats(-30, 30), st.floats(0.3, 1.0))
def test_unfitted_it_is_the_sigmoid_of_the_margin(margin, scale):
    neutral = Calibration()
    found = neutral.probability(neutral.logit(np.array([margin]), covariates(np.zeros((1, 3)), scale)), np.array([3.0]))
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-margin)), rtol=1e-5)


def test_a_threshold_that_drifts_with_density_is_set_right_everywhere():
    margin, around, wood = drifting(20_000, 1)
    found = fit(margin, around, wood)
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
    found = fit(margin, around, wood)
    prob = found.probability(found.logit(margin, around), np.zeros(1))
    for low in np.arange(0, 1, 0.2):
        here = (prob >= low) & (prob < low + 0.2)
        assert abs(prob[here].mean() - wood[here].mean()) < 0.05


def test_a_greater_margin_never_means_less_wood():
    calibration = Calibration(slope=(-1.0,) + (0.0,) * 3)
    around = np.repeat(covariates(np.zeros((1, 3)), 1.0), 50, axis=0)
    assert (np.diff(calibration.logit(np.linspace(-5, 5, 50), around)) > 0).all()


def test_scans_whose_zero_is_off_are_brought_back_by_their_mean():
    rng = np.random.default_rng(4)
    scans, n = 40, 500
    wood = rng.random((scans, n)) < 0.5
    margin = np.where(wood, 1.5, -1.5) + 1.5 * rng.standard_normal((scans, n)) - rng.uniform(0, 3, (scans, 1))
    descriptor = margin.mean(axis=1, keepdims=True)
    around = covariates(np.zeros((scans * n, 3)), 1.0)
    number = np.repeat(np.arange(scans), n)
    found = Calibration().fit(margin.ravel(), around, number, descriptor, wood.ravel(), np.ones(scans * n))
    right = [
        ((found.probability(found.logit(m, around[:n]), t) > 0.5) == w).mean()
        for m, t, w in zip(margin, descriptor, wood, strict=True)
    ]
    assert found.scan < 0
    assert np.mean(right) > ((margin > 0) == wood).mean() + 0.05
    assert min(right) > 0.75


def scans(number: int, seed: int):
    """Traits of scans of which every third is leafless: mean margin, means of what is seen (far from 0)."""
    rng = np.random.default_rng(seed)
    leafless = np.arange(number) % 3 == 0
    seen = np.array([40.0, -3.0, 0.1]) + rng.standard_normal((number, 3)) * (0.5, 2.0, 0.01)
    seen[leafless] += (1.5, 3.0, 0.0)
    return np.column_stack([rng.standard_normal(number), seen]), leafless


@pytest.fixture(scope="module")
def recogniser():
    return recognise(*scans(300, 1))


def test_leafless_scans_are_recognised_by_what_the_network_sees(recogniser):
    descriptor, leafless = scans(1000, 2)
    chance = recogniser.chance_leafless(descriptor)
    assert (chance[leafless] > 0.5).mean() > 0.86  # the two kinds are 3.4 standard deviations apart
    assert (chance[~leafless] < 0.5).mean() > 0.95


@settings(deadline=None)
@given(st.floats(-5, 5), st.integers(0, 999))
def test_the_mean_margin_does_not_make_a_scan_leafless(recogniser, mean, row):
    descriptor = scans(1000, 2)[0][[row]]
    moved = np.column_stack([[mean], descriptor[:, 1:]])
    assert recogniser.chance_leafless(descriptor) == recogniser.chance_leafless(moved)


def test_a_leafless_scan_keeps_its_finest_branches_and_others_their_equal_shares():
    rng = np.random.default_rng(5)
    descriptor, leafless = scans(120, 3)
    wood = rng.random((120, 500)) < np.where(leafless, 0.99, 0.3)[:, None]
    margin = np.where(wood, 1.0, -1.0) + 1.5 * rng.standard_normal(wood.shape)
    share = wood.mean(axis=1, keepdims=True)
    weight = np.where(wood, 0.5 / share, 0.5 / np.maximum(1 - share, 0.2))
    around = covariates(np.zeros((wood.size, 3)), 1.0)
    number = np.repeat(np.arange(120), 500)
    found = recognise(descriptor, leafless).fit(
        margin.ravel(), around, number, descriptor, wood.ravel(), weight.ravel()
    )
    assert found.leafless > 0.9
    for scan in range(6):
        prob = found.probability(found.logit(margin[scan], around[:500]), descriptor[scan])
        assert (prob[wood[scan]] > 0.5).mean() > (0.93 if leafless[scan] else 0.6)
        if not leafless[scan]:
            assert (prob[~wood[scan]] < 0.5).mean() > 0.6


def test_no_points_have_no_probability():
    assert Calibration(leafless=2.0, descriptor=(0.0, 1.0)).probability(np.zeros(0), np.zeros(1)).shape == (0,)
