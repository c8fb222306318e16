"""Point weights: classes of the same mass, in strata of spacing and in every crop."""

import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.classes import IGNORE
from leafwood.losses import LOSSES, LossConfig
from leafwood.train.balance import even_classes, is_wanted


@settings(deadline=None)
@given(leaf=st.integers(1, 500), wood=st.integers(1, 500), unknown=st.integers(0, 50))
def test_both_classes_of_a_crop_have_the_same_mass_unless_one_is_very_rare(leaf, wood, unknown):
    y = torch.tensor([0] * leaf + [1] * wood + [IGNORE] * unknown)
    weight = even_classes(y, rarest=(0.1, 0.1))
    mass = torch.stack([weight[y == label].sum() for label in (0, 1)])
    share = min(leaf, wood) / (leaf + wood)
    if share >= 0.1:
        torch.testing.assert_close(mass[0], mass[1])
    else:
        assert float(mass.min() / mass.max()) == pytest.approx(10 * share, rel=1e-3)
    assert float(weight[y != IGNORE].mean()) == pytest.approx(1, rel=1e-4)
    assert (weight[y == IGNORE] == 0).all()


@pytest.mark.parametrize("label", [0, 1])
def test_a_crop_of_one_class_keeps_its_mass(label):
    weight = even_classes(torch.full((8,), label))
    torch.testing.assert_close(weight, torch.ones(8))


def test_the_few_leaves_under_a_bare_tree_are_not_half_of_it():
    weight = even_classes(torch.tensor([0] * 2 + [1] * 98), rarest=(0.2, 0.03))
    assert float(weight[0] / weight[2]) == pytest.approx(0.98 / 0.2)
    assert float(weight[:2].sum() / weight.sum()) == pytest.approx(0.1 / 1.1)


def test_a_crop_without_labels_weighs_nothing():
    assert even_classes(torch.full((4,), IGNORE)).sum() == 0


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_points_are_balanced_unless_the_loss_does_so(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert is_wanted(None, [LossConfig(name)]) is not LOSSES[name].balances
        assert is_wanted(False, [LossConfig(name)]) is False


@pytest.mark.parametrize(
    ("asked", "words"),
    [({"balance": True}, "balance: true"), ({"balance": None, "even_crops": True}, "even_crops: true")],
)
def test_balancing_twice_is_done_by_name_only_and_with_a_warning(asked, words):
    losses = [LossConfig("cross_entropy"), LossConfig("gca")]
    with pytest.warns(UserWarning, match=f"{words} and the loss gca both balance"):
        assert is_wanted(losses=losses, **asked) is bool(asked["balance"])
