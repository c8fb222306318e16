"""Shares of wood read from probabilities, against clouds whose share is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.errors import BadConfig
from leafwood.postprocess.decay import mean_error, share_error, shift, wood_share


def scored(
    shares: list[float], points: list[int], apart: float = 2.5, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True labels, strata, and the P(wood) of a network trained on as much wood as leaf: two normal scores."""
    rng = np.random.default_rng(seed)
    stratum = np.repeat(np.arange(len(points)), points)
    wood = rng.random(len(stratum)) < np.repeat(shares, points)
    score = np.where(wood, apart / 2, -apart / 2) + rng.normal(size=len(stratum))
    return wood, stratum, 1 / (1 + np.exp(-apart * score))


def found(wood: np.ndarray, stratum: np.ndarray) -> np.ndarray:
    return np.bincount(stratum, weights=wood) / np.bincount(stratum)


@pytest.mark.parametrize("apart", [2.5, 3.0])
def test_rare_wood_is_estimated_where_labels_count_it_several_times(apart: float) -> None:
    wood, stratum, prob = scored([0.4, 0.15, 0.05, 0.03, 0.02], [20_000] * 5, apart)
    truth, labels = found(wood, stratum), found(prob > 0.5, stratum)
    estimated = wood_share(prob, stratum)
    np.testing.assert_allclose(estimated, truth, rtol=0.3, atol=0.035)
    assert np.abs(estimated - truth).sum() < 0.65 * np.abs(labels - truth).sum()


def trusting(prob: np.ndarray) -> float:
    """Saerens, Latinne and Decaestecker's iteration as published, on one stratum."""
    share = 0.5
    for _ in range(2000):
        share = float(shift(prob, share).mean())
    return share


@pytest.mark.parametrize("bias", [-0.5, 0.5])
def test_probabilities_that_are_somewhat_wrong_do_not_run_away(bias: float) -> None:
    """Classes badly told apart and all logits off by the same: taken at their word they say no wood, or a third."""
    wood, stratum, prob = scored([0.1], [20_000], 1.3)
    odds = prob / (1 - prob) * np.exp(bias)
    prob = odds / (1 + odds)
    assert abs(wood_share(prob, stratum)[0] - wood.mean()) < 0.7 * abs(trusting(prob) - wood.mean())
    assert 0.03 < wood_share(prob, stratum)[0] < 0.26


def test_posteriors_at_the_estimated_shares_are_calibrated() -> None:
    wood, stratum, prob = scored([0.3, 0.1, 0.03], [30_000] * 3)
    posterior = shift(prob, wood_share(prob, stratum)[stratum])
    for low, high in ((0, 0.05), (0.05, 0.3), (0.3, 0.7), (0.7, 1)):
        here = (posterior >= low) & (posterior < high)
        assert wood[here].mean() == pytest.approx(posterior[here].mean(), abs=0.06)


def test_few_points_lean_on_their_neighbours() -> None:
    _, stratum, prob = scored([0.1, 0.1, 0.1], [5000, 10, 5000])
    prob[stratum == 1] = 0.9
    alone, held = (wood_share(prob, stratum, strength=strength)[1] for strength in (0.0, 10.0))
    assert alone > 0.9
    assert held < 0.5


def test_a_stratum_without_points_takes_its_neighbours_share() -> None:
    _, stratum, prob = scored([0.2, 0.2, 0.2], [5000, 0, 5000])
    shares = wood_share(prob, stratum)
    assert min(shares[0], shares[2]) - 0.02 < shares[1] < max(shares[0], shares[2]) + 0.02


def test_one_odd_stratum_does_not_run_away_from_the_scan() -> None:
    """Leaves that the network takes for wood, all of them, in a scan with little wood."""
    _, stratum, prob = scored([0.02, 0.0, 0.02], [20_000, 400, 20_000], 3.5)
    prob[stratum == 1] = 0.999
    shares = wood_share(prob, stratum)
    assert shares[1] < 0.75
    assert max(shares[0], shares[2]) < 0.15


def test_scans_of_one_kind() -> None:
    stratum = np.zeros(1000, dtype=int)
    assert wood_share(np.full(1000, 0.02), stratum)[0] < 0.05
    assert wood_share(np.full(1000, 0.98), stratum)[0] > 0.8


def test_points_without_a_stratum_and_no_points_at_all() -> None:
    _, stratum, prob = scored([0.1, 0.3], [4000, 4000])
    more = np.concatenate([prob, np.full(9000, 0.99)])
    where = np.concatenate([stratum, np.full(9000, -1)])
    np.testing.assert_array_equal(wood_share(more, where), wood_share(prob, stratum))
    assert len(wood_share(np.zeros(0), np.zeros(0, dtype=int))) == 0


@pytest.mark.parametrize("apart", [1.5, 2.5])
def test_the_stated_error_covers_a_shift_of_the_logits(apart: float) -> None:
    off = []
    for seed, bias in enumerate((-0.4, -0.2, 0.2, 0.4)):
        wood, stratum, prob = scored([0.2, 0.08], [20_000] * 2, apart, seed)
        odds = prob / (1 - prob) * np.exp(bias)
        shares = wood_share(odds / (1 + odds), stratum)
        error = share_error(odds / (1 + odds), stratum, shares)
        assert (error > 0.005).all()
        off.append((shares - found(wood, stratum)) / error)
    assert np.sqrt(np.mean(np.square(off))) < 2


def test_better_told_apart_is_better_known() -> None:
    errors = []
    for apart in (1.0, 2.0, 3.0):
        _, stratum, prob = scored([0.1], [20_000], apart)
        errors.append(float(share_error(prob, stratum, np.array([0.1]))[0]))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.6 * errors[0]


def test_the_error_of_means_at_the_shares_of_the_scan_is_that_of_the_shares() -> None:
    _, stratum, prob = scored([0.3, 0.1], [20_000, 20_000])
    share = wood_share(prob, stratum)
    posterior = shift(prob, share[stratum])
    np.testing.assert_allclose(mean_error(posterior, stratum), share_error(prob, stratum, share), rtol=0.25)
    left_out = np.where(stratum == 0, -1, stratum)
    assert mean_error(posterior, left_out)[1] == pytest.approx(mean_error(posterior, stratum)[1])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**16), share=st.floats(0.01, 0.99))
def test_shift_is_bayes_rule_and_can_be_undone(seed: int, share: float) -> None:
    prob = np.random.default_rng(seed).uniform(0.001, 0.999, 50)
    there = shift(prob, share)
    odds = prob / (1 - prob) * share / (1 - share)
    np.testing.assert_allclose(there, odds / (1 + odds), rtol=1e-4)
    np.testing.assert_allclose(shift(there, 0.5, prior=share), prob, atol=2e-3)
    np.testing.assert_allclose(shift(prob, 0.5), prob, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_shares_do_not_depend_on_the_order_of_the_points(seed: int) -> None:
    _, stratum, prob = scored([0.3, 0.1], [300, 700], seed=seed)
    order = np.random.default_rng(seed).permutation(len(prob))
    np.testing.assert_array_equal(wood_share(prob, stratum), wood_share(prob[order], stratum[order]))


@pytest.mark.parametrize("prior", [0.0, 1.0, -1.0])
def test_a_prior_is_a_share(prior: float) -> None:
    with pytest.raises(BadConfig, match="prior"):
        wood_share(np.zeros(2), np.zeros(2, dtype=int), prior=prior)


def test_a_stratum_for_each_point() -> None:
    with pytest.raises(BadConfig, match="strata"):
        wood_share(np.zeros(2), np.zeros(3, dtype=int))
