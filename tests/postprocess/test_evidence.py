"""What a scan's own returns say: learnt where they tell the classes apart, without effect where they cannot."""

import numpy as np
import pytest

from leafwood.graph.build import build_graph
from leafwood.graph.config import GraphConfig
from leafwood.postprocess.evidence import confident_points, draw_lots, fit_evidence, return_shares, spatial_folds

N = 40_000


def scan(seed=0, tell=0.3, wood_share=0.2):
    """Places, truth, the P(wood) of a network, and shares of single and last returns that are commoner on wood."""
    rng = np.random.default_rng(seed)
    xyz = rng.uniform(0, (30, 30, 20), (N, 3)).astype(np.float32)
    wood = rng.random(N) < wood_share
    logit = np.where(wood, 1.5, -1.5) + 2.0 * rng.standard_normal(N)
    shares = np.clip(0.4 + tell * wood[:, None] + 0.15 * rng.standard_normal((N, 4)), 0, 1).astype(np.float16)
    return xyz, wood, (1 / (1 + np.exp(-logit))).astype(np.float32), shares


def fitted(xyz, prob, shares):
    fold = spatial_folds(xyz)
    return fit_evidence(confident_points(prob, shares, fold, draw_lots(xyz))), fold


def test_returns_that_tell_wood_are_learnt_from_the_scan_itself():
    xyz, wood, prob, shares = scan()
    evidence, fold = fitted(xyz, prob, shares)
    found = evidence.log_odds(shares, fold)
    assert found[wood].mean() > 1 > -1 > found[~wood].mean()


def test_returns_that_tell_nothing_say_nothing():
    xyz, _, prob, shares = scan(tell=0.0)
    evidence, fold = fitted(xyz, prob, shares)
    assert np.abs(evidence.log_odds(shares, fold)).mean() < 0.1


def test_no_block_confirms_itself():
    """Where one kind of block has its returns the other way round, it is judged by what holds elsewhere."""
    xyz, wood, prob, shares = scan()
    fold = spatial_folds(xyz)
    here = fold == 2
    shares[here] = 1 - shares[here]
    evidence = fit_evidence(confident_points(prob, shares, fold, draw_lots(xyz)))
    found = evidence.log_odds(shares, fold)
    assert found[here & wood].mean() < found[here & ~wood].mean()


@pytest.mark.parametrize("prob", [0.99, 0.01, 0.5])
def test_all_wood_all_leaf_or_all_doubtful_teaches_nothing(prob):
    xyz, _, _, shares = scan()
    assert fitted(xyz, np.full(N, prob, dtype=np.float32), shares)[0] is None


def test_a_class_with_few_confident_points_teaches_nothing():
    xyz, _, prob, shares = scan()
    rare = np.where(prob > 0.9, np.float32(0.8), prob)
    rare[:100] = 0.99
    assert fitted(xyz, rare, shares)[0] is None


def test_order_of_points_does_not_matter():
    xyz, _, prob, shares = scan()
    order = np.random.default_rng(1).permutation(N)
    one, two = fitted(xyz, prob, shares)[0], fitted(xyz[order], prob[order], shares[order])[0]
    np.testing.assert_allclose(one.coefficients, two.coefficients, rtol=1e-6, atol=1e-9)


def test_blocks_beside_each_other_are_of_different_kinds():
    place = np.array([[x, y, 0.0] for x in range(8) for y in range(8)], dtype=np.float32) + np.float32(0.5)
    fold = spatial_folds(np.concatenate([place, [[0, 0, 0], [8, 8, 0]]]).astype(np.float32))[:64].reshape(8, 8)
    assert (fold[1:] != fold[:-1]).all()
    assert (fold[:, 1:] != fold[:, :-1]).all()


def test_shares_are_those_of_the_returns_around():
    rng = np.random.default_rng(2)
    xyz = rng.uniform(0, (8, 4, 4), (6000, 3)).astype(np.float32)
    left = xyz[:, 0] < 4
    returns = np.where(left[:, None], (1, 1), (1, 3)).astype(np.uint8)
    config = GraphConfig(features=(*GraphConfig().features, "returns"))
    graph, node = build_graph(xyz, np.full(6000, np.nan, dtype=np.float32), config, returns)
    shares = return_shares(graph, config)[node]
    assert shares.shape == (6000, 10)
    assert (shares[xyz[:, 0] < 2, :4] > 0.99).all()
    assert (shares[xyz[:, 0] > 6, :4] < 0.01).all()
    assert return_shares(graph, GraphConfig()) is None


def test_samples_of_parts_joined_are_the_sample_of_the_whole():
    xyz, _, prob, shares = scan()
    fold, lots = spatial_folds(xyz), draw_lots(xyz)
    whole = confident_points(prob, shares, fold, lots)
    cut = len(xyz) // 3
    parts = [
        confident_points(*(a[part] for a in (prob, shares, fold, lots))) for part in (slice(cut), slice(cut, None))
    ]
    joined = parts[0].joined(parts[1])
    np.testing.assert_array_equal(joined.of, whole.of)
    np.testing.assert_array_equal(np.sort(joined.lots), np.sort(whole.lots))
    one, other = fit_evidence(whole), fit_evidence(joined)
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=1e-6)
