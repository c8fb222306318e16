"""Measures of realism on clouds whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from leafwood.simulate.realism import Comparison, Measure, Scan, attenuation


def test_attenuation_of_an_exponential_profile_is_its_coefficient():
    depth = -np.log(1 - np.random.default_rng(0).random(200_000) * (1 - np.exp(-0.2 * 28))) / 0.2
    assert attenuation(30.0 - depth) == pytest.approx(0.2, rel=0.1)


def test_a_measure_is_met_on_average_and_stand_by_stand():
    rows = [Measure("x", 1.0, virtual, 0.3) for virtual in (0.8, 1.2, 1.6)]
    assert [row.met for row in rows] == [True, True, False]
    assert Measure.mean(rows) == Measure("x", 1.0, pytest.approx(1.2), pytest.approx(0.3))

    rng = np.random.default_rng(0)
    real, near, far = (rng.random((8000, 3)) * (6, 6, tall) for tall in (12, 12, 30))
    real, near, far = (Scan(xyz, xyz[:, 2]) for xyz in (real, near, far))
    lines = Comparison("cube", real, [(near, far), (near, far), (far, near)]).table().splitlines()
    spacing = next(line for line in lines if line.startswith("| spacing, middle"))
    assert spacing.endswith("| yes | 2 of 3 |")
    assert len(lines) == 4 + 1 + 3 + 8
