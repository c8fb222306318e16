"""Class-conditional label smoothing: schedule, targets, loss."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from leafwood.errors import BadConfig
from leafwood.losses import build
from leafwood.losses.smoothing import smoothing_by_class, soft_cross_entropy, soft_targets

LOGITS = torch.tensor([[2.0, 0.5]], dtype=torch.float64)


@pytest.mark.parametrize(("label", "eps", "value"), [(0, 0.1, 0.2764132780), (1, 0.02, 1.6864132780)])
def test_goldens(label, eps, value):
    targets = soft_targets(torch.tensor([label]), torch.full((2,), eps, dtype=torch.float64))
    assert soft_cross_entropy(LOGITS, targets).item() == pytest.approx(value, abs=5e-11)
    # the rare class 0 gets 0.1 and class 1 gets 0.02 by default
    assert build("smoothed", (26, 974))(LOGITS, torch.tensor([label])).item() == pytest.approx(value, abs=5e-11)


def test_schedule():
    assert smoothing_by_class((26, 160, 974)).tolist() == pytest.approx([0.1, 0.0598803, 0.02], abs=5e-8)
    assert smoothing_by_class((5, 5)).tolist() == [0.02, 0.02]


@given(
    counts=st.lists(st.integers(1, 10**7), min_size=2, max_size=5),
    low=st.floats(0, 0.4),
    more=st.floats(0, 0.4),
)
def test_targets_are_probabilities_and_rarer_is_softer(counts, low, more):
    eps = smoothing_by_class(counts, low, low + more)
    assert ((eps >= low - 1e-12) & (eps <= low + more + 1e-12)).all()
    order = sorted(range(len(counts)), key=lambda label: counts[label])
    assert all(eps[a] >= eps[b] - 1e-12 for a, b in pairwise(order))
    targets = soft_targets(torch.arange(len(counts)), eps)
    assert torch.allclose(targets.sum(1), torch.ones(len(counts), dtype=torch.float64))
    assert (targets.argmax(1) == torch.arange(len(counts))).all()


def test_no_smoothing_is_cross_entropy():
    labels = torch.tensor([1])
    targets = soft_targets(labels, torch.zeros(2, dtype=torch.float64))
    assert soft_cross_entropy(LOGITS, targets).item() == pytest.approx(1.70141328, abs=5e-9)


@pytest.mark.parametrize(("low", "high"), [(-0.1, 0.1), (0.2, 0.1), (0.0, 1.0)])
def test_bad_bounds(low, high):
    with pytest.raises(BadConfig, match="eps_min, eps_max"):
        smoothing_by_class((5, 9), low, high)


def test_bad_counts():
    with pytest.raises(BadConfig, match="class 0 has no points"):
        smoothing_by_class((0, 9))
