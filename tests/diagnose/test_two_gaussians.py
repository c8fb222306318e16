"""The experiment of the taxonomy of imbalance."""

import numpy as np

from leafwood.diagnose.two_gaussians import TwoGaussians


def test_the_prediction_is_met_by_the_model_it_is_for():
    classes = TwoGaussians(2.0, 40.0, 6, test=4000)
    found = classes.scores((1.0, 8.0), 3)
    told = classes.predicted((1.0, 8.0))
    linear = found["linear discriminant (parametric)"].mean(axis=1)
    assert np.abs(linear[:, 0] - told[:, 0]).max() < 0.12  # recall
    assert np.abs(linear[:, 3] - told[:, 3]).max() < 0.12  # PR-AUC


def test_the_rare_class_has_its_share_and_its_distance():
    x, rare = TwoGaussians(3.0, dimensions=4).draw(9.0, 10_000, np.random.default_rng(0))
    assert rare.mean() == 0.1
    assert abs(x[rare, 0].mean() - x[~rare, 0].mean() - 3.0) < 0.1
    assert TwoGaussians(3.0, dimensions=4).draw(1e6, 100, np.random.default_rng(0))[1].sum() == 3
