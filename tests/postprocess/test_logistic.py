"""Logistic regression: the likelihood's maximum, against scikit-learn's, and nothing that runs away."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from leafwood.postprocess.logistic import fit_logistic, sigmoid


def drawn(n, seed):
    rng = np.random.default_rng(seed)
    columns = np.column_stack([np.ones(n), rng.normal(0, 5, n), rng.normal(0, 0.01, n)])
    truth = rng.random(n) < sigmoid(columns @ (0.5, -0.4, 80.0))
    return columns, truth, rng.uniform(0.1, 2.0, n)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([0.1, 1.0, 10.0]))
def test_it_finds_what_another_library_finds(seed, penalty):
    columns, truth, weight = drawn(400, seed)
    scale = np.sqrt(np.square(columns).mean(axis=0))
    other = LogisticRegression(fit_intercept=False, C=1 / penalty, tol=1e-8, max_iter=1000)
    other.fit(columns / scale, truth, sample_weight=weight / weight.mean())
    found = fit_logistic(columns, truth, weight, penalty=penalty)
    np.testing.assert_allclose(found * scale, other.coef_[0], atol=1e-3)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_only_ratios_of_weights_and_no_units_count(seed, factor):
    columns, truth, weight = drawn(200, seed)
    found = fit_logistic(columns, truth, weight, penalty=1.0)
    np.testing.assert_allclose(fit_logistic(columns, truth, factor * weight, penalty=1.0), found, rtol=1e-4)
    np.testing.assert_allclose(fit_logistic(factor * columns, truth, weight, penalty=1.0) * factor, found, rtol=1e-4)


@pytest.mark.parametrize("truth", [np.zeros(50, dtype=bool), np.ones(50, dtype=bool), np.arange(50) > 24])
def test_one_class_alone_or_two_far_apart_do_not_run_away(truth):
    columns = np.column_stack([np.ones(50), np.arange(50.0) - 24.5])
    found = fit_logistic(columns, truth, np.ones(50), penalty=1.0)
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 10
    assert ((columns @ found > 0) == truth).mean() > 0.95
