"""Scores where only a part of the truth is known."""

import numpy as np
import pytest

from leafwood.evaluate.partial_truth import known_recalls, wood_near_ground


def test_recalls_are_of_what_is_known():
    known = np.array([1, 1, 1, 1, 0, 0, -1, -1])
    wood = np.array([1, 1, 1, 0, 0, 1, 1, 1], dtype=bool)
    assert known_recalls(wood, known) == (0.75, 0.5)


def test_wood_beside_a_stem_may_be_its_foot():
    places = np.array([[0, 0, 2.0], [0.1, 0, 0.3], [3, 0, 0.3], [5, 0, 0.3], [0, 9, 0.05]])
    wood = np.array([1, 1, 1, 0, 1], dtype=bool)
    called, apart = wood_near_ground(places, places[:, 2], wood)
    assert called == pytest.approx(2 / 3)  # of the three points between 0.15 and 0.6 m
    assert apart == pytest.approx(1 / 3)
