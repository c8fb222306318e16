"""The geometry of simplex-encoded labels: golden numbers, the definition by singular vectors, invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.diagnose.seli import collapse, cosines, distance, geometry
from leafwood.errors import BadBatch, BadConfig

COUNTS = st.lists(st.integers(1, 60), min_size=2, max_size=5)


def etf(k):
    return np.eye(k) - 1 / k


@pytest.mark.parametrize(
    ("counts", "singular", "classifiers", "means", "cos_w", "apart"),
    [
        ((10, 10, 1), (3.16227766, 2), (1.91447216, 1.33333333), (0.24144722, 0.33333333), -0.65177521, 0.22100327),
        ((10, 1, 1), (2.64575131, 1), (1.76383421, 0.94095855), None, -0.68456334, 0.42086143),
        ((60, 38, 2), (7.08789789, 4.05319260), None, None, -0.67018674, 0.26515377),
        ((10, 10, 1, 1), (3.16227766, 2.34520788, 1), (2.1674408, 1.08630197), None, None, 0.38746943),
        ((100, 100, 1, 1), None, (6.7765838, 2.2765838), None, None, 0.54899023),
    ],
)
def test_golden_numbers(counts, singular, classifiers, means, cos_w, apart):
    found = geometry(counts)
    if singular:
        np.testing.assert_allclose(found.singular, singular, atol=1e-7)
    if classifiers:
        assert found.classifiers[[0, -1], [0, -1]] == pytest.approx(classifiers, abs=1e-7)
    if means:
        assert found.means[[0, -1], [0, -1]] == pytest.approx(means, abs=1e-7)
    if cos_w:
        assert cosines(found.classifiers)[0, 1] == pytest.approx(cos_w, abs=1e-7)
    assert distance(found.classifiers, etf(len(counts))) == pytest.approx(apart, abs=1e-7)


def test_more_golden_numbers():
    rows = geometry((60, 38, 2)).classifiers
    expected = [
        [0.55254905, -0.34223278, -0.21031627],
        [-0.34223278, 0.47193340, -0.12970062],
        [-0.21031627, -0.12970062, 0.34001689],
    ]
    np.testing.assert_allclose(rows / np.linalg.norm(rows), expected, atol=1e-7)
    assert cosines(geometry((10, 10, 1)).means)[[0, 0], [1, 2]] == pytest.approx((-0.30971800, -0.58748702), abs=1e-7)
    assert cosines(geometry((100, 100, 1, 1)).classifiers)[2, 3] == pytest.approx(0.56074536, abs=1e-7)
    for counts, apart in (((10, 10, 1, 1), 0.47190927), ((100, 100, 1, 1), 0.76695694)):
        assert distance(geometry(counts).means, etf(4)) == pytest.approx(apart, abs=1e-7)


@pytest.mark.parametrize(("counts", "singular"), [((10, 1), 2.34520788), ((100, 1), 7.10633520), ((38, 1), 4.41588043)])
def test_two_classes_look_alike_at_every_imbalance(counts, singular):
    found = geometry(counts)
    assert found.singular == pytest.approx([singular], abs=1e-7)
    for gram in (found.classifiers, found.means):
        np.testing.assert_allclose(gram / np.linalg.norm(gram), [[0.5, -0.5], [-0.5, 0.5]], atol=1e-12)


@settings(deadline=None)
@given(counts=COUNTS)
def test_it_is_that_of_the_singular_vectors(counts):
    k = len(counts)
    z = (np.eye(k) - 1 / k) @ np.repeat(np.eye(k), counts, axis=1)
    v, singular, u = np.linalg.svd(z, full_matrices=False)
    v, singular, u = v[:, : k - 1], singular[: k - 1], u[: k - 1]
    averages = np.repeat(np.eye(k) / np.array(counts)[:, None], counts, axis=1)  # of the samples of each class
    found = geometry(counts)
    np.testing.assert_allclose(found.singular, singular, atol=1e-9)
    np.testing.assert_allclose(found.classifiers, (v * singular) @ v.T, atol=1e-9)
    np.testing.assert_allclose(found.means, averages @ (u.T * singular) @ u @ averages.T, atol=1e-9)


@settings(deadline=None)
@given(counts=COUNTS, scale=st.floats(0.1, 10), seed=st.integers(0, 99))
def test_scale_does_not_matter_and_order_is_kept(counts, scale, seed):
    found, order = geometry(counts), np.random.default_rng(seed).permutation(len(counts))
    scaled, permuted = geometry(np.array(counts) * scale), geometry(np.array(counts)[order])
    assert distance(found.classifiers, scaled.classifiers) < 1e-7
    assert distance(found.means, scaled.means) < 1e-7
    np.testing.assert_allclose(permuted.classifiers, found.classifiers[np.ix_(order, order)], atol=1e-8)
    np.testing.assert_allclose(found.classifiers.sum(axis=1), 0, atol=1e-8)
    np.testing.assert_allclose(found.classifiers @ found.means, found.logits, atol=1e-8)


def test_equal_counts_give_the_simplex():
    found = geometry((7, 7, 7, 7))
    assert distance(found.classifiers, etf(4)) < 1e-12
    assert distance(found.means, etf(4)) < 1e-12


def laid_out(counts, spread, n=400, seed=0):
    """Features whose class means lie as the counts lead to."""
    found = geometry(counts)
    values, vectors = np.linalg.eigh(found.means)
    rng, label = np.random.default_rng(seed), np.repeat(np.arange(len(counts)), n)
    features = (vectors * np.sqrt(np.maximum(values, 0)))[label]
    return features + spread * rng.normal(size=features.shape) + 3.0, label


def test_features_are_recognised():
    counts = (100, 20, 5)
    features, label = laid_out(counts, 1e-3)
    found = collapse(features, label, counts)
    assert found.to_seli < 0.01 < found.to_etf
    assert found.within < 0.01
    wider = collapse(*laid_out(counts, 0.1), counts)
    assert wider.within > 10 * found.within


def test_noise_within_the_classes_is_measured():
    """In one dimension NC1 of two classes is the variance over the square of half the distance, over K."""
    label = np.repeat([0, 1], 20000)
    features = (label * 2.0 + np.random.default_rng(1).normal(0, 0.5, len(label)))[:, None]
    assert collapse(features, label, (1, 1)).within == pytest.approx(0.25 / 1.0 / 2, rel=0.05)


def test_bad_input():
    with pytest.raises(BadConfig, match="class 1"):
        geometry((3, 0, 1))
    with pytest.raises(BadConfig, match="two or more"):
        geometry((3,))
    with pytest.raises(BadBatch, match="class 2"):
        collapse(np.zeros((4, 2)), np.array([0, 0, 1, 1]), (1, 1, 1))
