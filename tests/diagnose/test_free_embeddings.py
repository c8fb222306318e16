"""Free embeddings come to SELI as far as the ridge lets them."""

from leafwood.diagnose.free_embeddings import descend


def test_a_ridge_keeps_the_classifiers_from_seli_and_collapses_the_rare_ones():
    free, held, balanced = descend(10, 0.0, 3000), descend(10, 1.0, 3000), descend(1, 0.1, 3000)
    assert free["classifiers"][-1] < free["classifiers"][0]
    assert balanced["classifiers"][-1] < 0.05  # the simplex is reached at once
    assert held["means"][-1] > 2 * free["means"][-1]
    assert held["minority cosine"][-1] > free["minority cosine"][-1] + 0.1
