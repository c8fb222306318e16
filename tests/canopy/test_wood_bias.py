"""How much of the bias of wood is removed, in made-up profiles."""

from __future__ import annotations

import numpy as np
import pytest

from leafwood.canopy.wood_bias import Profiles, error, index_error, removed


def made_up(**found):
    lad = {way: np.array(found.get(way, [1.0, 1.0, 1.0])) for way in ("none", "leafwood", "true")}
    return Profiles("made up", np.array([1.5, 2.5, 3.5]), 0.5, np.array([0.8, 0.9, 1.0]), lad)


def test_share_of_the_bias_that_is_removed():
    perfect = made_up(true=[0.7, 0.8, 0.9], leafwood=[0.7, 0.8, 0.9])
    half = made_up(true=[0.6, 0.8, 1.0], leafwood=[0.8, 0.9, 1.0])
    harm = made_up(true=[0.6, 0.8, 0.9], leafwood=[0.8, 0.9, 0.6])
    assert removed([perfect], "leafwood", "true") == pytest.approx(1)
    assert removed([half], "leafwood", "true") == pytest.approx(0.5)
    assert removed([harm], "leafwood", "true", 2) == pytest.approx(-2)
    assert removed([perfect, half], "none", "true") == pytest.approx(0)
    assert np.isnan(removed([made_up()], "leafwood", "true"))


def test_errors_against_the_meshes_and_of_the_index():
    stand = made_up(true=[0.7, 0.8, 0.9])
    assert error([stand], "true") == pytest.approx((-0.1, 0.1))
    assert error([stand], "none", 2) == pytest.approx((0.0, 0.0))
    assert stand.true_index == pytest.approx(1.35)
    assert index_error([stand], "none", "true") == pytest.approx((0.25, 0.25))
