"""How many independent samples there are, whatever the number of points or crops."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leafwood.datasets.stands import load_stand
from leafwood.diagnose.units import count_units, effective_samples, intraclass, resampled, with_units

SAMPLES = Path(__file__).resolve().parents[2] / "data_samples"


def in_units(units, each, between, rng):
    """Values of variance 1, of which a share is common to a unit."""
    unit = np.repeat(np.arange(units), each)
    common = rng.normal(size=units)[unit] * np.sqrt(between)
    return common + rng.normal(size=len(unit)) * np.sqrt(1 - between), unit


@pytest.mark.parametrize("between", [0.1, 0.4, 0.9])
def test_the_intraclass_correlation_is_found(between):
    rng = np.random.default_rng(0)
    found = [intraclass(*in_units(60, 20, between, rng)) for _ in range(20)]
    assert np.mean(found) == pytest.approx(between, abs=0.06)


def test_values_without_anything_in_common_are_not_infinitely_many_samples():
    assert intraclass(*in_units(60, 20, 0.0, np.random.default_rng(0))) >= 0.02
    assert intraclass(np.ones(3), np.arange(3)) == 1


def test_effective_samples_predict_the_error_of_a_mean():
    """The variance of a class's mean over many draws is that of so many independent samples."""
    rng = np.random.default_rng(0)
    means, sizes = [], []
    for _ in range(200):
        values, unit = in_units(30, 200, 0.2, rng)
        means.append(values.mean())
        sizes.append(effective_samples(values, np.zeros(len(values), bool), unit, np.array([30, 0]))[0])
    assert 1 / np.var(means) == pytest.approx(np.median(sizes), rel=0.3)


def test_units_are_counted_in_the_stand():
    stand = load_stand(SAMPLES / "uav_plot.laz")
    (known,), name = with_units([stand])
    assert name == "trees"
    counts = count_units([known])
    assert counts.shape == (4, 2)
    assert (counts[0] >= counts[1:].max(axis=0)).all()
    blocks, name = with_units([replace(stand, tree=np.zeros(len(stand), dtype=np.int64))])
    assert name == "2 m blocks"
    assert count_units(blocks)[0, 0] > counts[0, 0]
    both, _ = with_units([stand, stand])
    assert (count_units(both) == 2 * counts).all()


def test_intervals_are_of_the_units():
    rng = np.random.default_rng(0)
    values, unit = in_units(20, 50, 0.8, rng)
    wood = rng.random(len(values)) < 0.3
    draws = resampled(values + 2 * wood, wood, unit, 100, 0)
    alone = resampled(values + 2 * wood, wood, np.arange(len(values)), 100, 0)
    assert draws.shape == (100, 2)
    assert draws[:, 0].mean() == pytest.approx(wood.mean(), abs=0.02)
    assert draws[:, 1].std() > 0.5 * alone[:, 1].std() > 0
