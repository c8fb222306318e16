"""From probabilities to labels: the threshold with the greatest expected overlap, and wood shares by height."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.errors import BadConfig
from leafwood.postprocess.rule import RULES, ScanRule, decide, height_strata, overlap_threshold

N = 60_000
NONE = np.full(N, np.nan, dtype=np.float32)


def scan(low=0.5, high=0.05, apart=2.5, seed=0):
    """Truth, height and P(wood) at equal shares of a scan with more wood below 10 m than above."""
    rng = np.random.default_rng(seed)
    z = rng.uniform(0, 20, N).astype(np.float32)
    wood = rng.random(N) < np.where(z < 10, low, high)
    score = np.where(wood, apart / 2, -apart / 2) + rng.normal(size=N)
    return wood, z, (1 / (1 + np.exp(-apart * score))).astype(np.float32)


def overlap(wood, called):
    return (wood & called).sum() / (wood | called).sum()


def test_overlap_finds_about_the_best_overlap_that_any_threshold_has():
    wood, z, equal = scan()
    found = decide(equal, NONE, z, "overlap")
    best = max(overlap(wood, found.prob > t) for t in np.linspace(0.01, 0.99, 99))
    assert overlap(wood, found.wood) > best - 0.03
    assert overlap(wood, found.wood) > overlap(wood, decide(equal, NONE, z, "balanced").wood) + 0.02


def test_balanced_misses_as_little_of_the_one_as_of_the_other():
    wood, z, equal = scan()
    found = decide(equal, NONE, z, "balanced")
    assert found.wood[wood].mean() == pytest.approx((~found.wood[~wood]).mean(), abs=0.01)
    np.testing.assert_array_equal(found.wood, equal > 0.5)


@pytest.mark.parametrize("rule", RULES)
def test_probabilities_are_frequencies_at_every_height_whatever_the_rule(rule):
    wood, z, equal = scan()
    found = decide(equal, NONE, z, rule)
    for here in (z < 10, z >= 10):
        assert found.prob[here].mean() == pytest.approx(wood[here].mean(), abs=0.09)
        box = (found.prob[here] * 10).astype(int)
        gap = np.bincount(box, weights=found.prob[here] - wood[here])
        assert np.abs(gap).sum() / here.sum() < 0.1  # expected calibration error


def test_shares_follow_height_above_ground_where_it_is_known():
    z = np.array([100.0, 105.2, 130.9], dtype=np.float32)
    assert height_strata(np.array([0.0, 5.2, np.nan], dtype=np.float32), z).tolist() == [0, 5, 0]
    assert height_strata(NONE[:3], z).tolist() == [0, 5, 30]
    assert height_strata(np.array([-3.0, 1e6, 0.0], dtype=np.float32), z).tolist() == [0, 149, 0]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=60))
def test_no_threshold_promises_more(steps):
    counts = np.bincount(steps, minlength=10_001)
    prob = np.array(steps) / 10_000

    def promised(threshold):
        called = prob > threshold
        union = called.sum() + prob[~called].sum()
        return prob[called].sum() / union if union else 0.0

    best = max(promised(t) for t in [*(p - 1e-5 for p in prob), 1.0])
    assert promised(overlap_threshold(counts)) == pytest.approx(best, abs=1e-9)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 100))
def test_order_of_points_does_not_matter(seed):
    _, z, equal = scan()
    order = np.random.default_rng(seed).permutation(N)
    one, two = decide(equal, NONE, z, "overlap"), decide(equal[order], NONE, z[order], "overlap")
    np.testing.assert_array_equal(one.wood[order], two.wood)


@pytest.mark.parametrize("rule", RULES)
def test_scans_of_one_kind_and_of_nothing(rule):
    z = np.linspace(0, 10, 1000, dtype=np.float32)
    height = np.full(1000, np.nan, dtype=np.float32)
    assert decide(np.full(1000, 0.97, dtype=np.float32), height, z, rule).wood.all()
    assert not decide(np.full(1000, 0.02, dtype=np.float32), height, z, "balanced").wood.any()
    empty = np.zeros(0, dtype=np.float32)
    assert decide(empty, empty, empty, rule).prob.shape == (0,)


def test_an_unknown_rule_is_refused():
    with pytest.raises(BadConfig, match="'best'; there are overlap and balanced"):
        decide(np.zeros(1, dtype=np.float32), NONE[:1], np.zeros(1, dtype=np.float32), "best")


@pytest.mark.parametrize("rule", ["overlap", "balanced"])
def test_a_scan_in_parts_is_decided_as_the_whole(rule):
    rng = np.random.default_rng(2)
    equal = rng.beta(0.4, 1.6, 20_000).astype(np.float32)
    height = rng.uniform(0, 25, 20_000).astype(np.float32)
    whole = decide(equal, height, height, rule)
    stratum = height_strata(height, height).astype(np.uint8)
    cuts = [slice(0, 3_000), slice(3_000, 3_001), slice(3_001, 20_000)]
    parts = ScanRule.of_parts(lambda: [(equal[cut], stratum[cut]) for cut in cuts], rule)
    found = [parts.say(equal[cut], stratum[cut]) for cut in cuts]
    np.testing.assert_array_equal(np.concatenate([part.wood for part in found]), whole.wood)
    np.testing.assert_array_equal(np.concatenate([part.prob for part in found]), whole.prob)
    np.testing.assert_array_equal(parts.share, whole.share)
