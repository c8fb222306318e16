"""SAM and SAM-A: where they climb to, and what is left where it was."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch_geometric.data import Data

from leafwood.errors import BadConfig
from leafwood.losses import build
from leafwood.nn.pointnet2 import PointNet2
from leafwood.train.sam import SAMConfig, SAMStep, climb
from leafwood.train.steps import Step

WOOD, LEAF = [torch.tensor([3.0, 4.0])], [torch.tensor([1.0, -1.0])]
P_WOOD, P_LEAF = 0.026, 0.974
ASCENTS = ("plain", "weighted", "per_class")


def make_step(network, rho=0.05, ascent="plain", counts=(974, 26)):
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    return SAMStep(network, build("cross_entropy", counts), optimiser, config=SAMConfig(rho=rho, ascent=ascent))


def test_golden_of_plain_sam():
    def slope(x):
        return torch.tensor([1.0, 10.0]) * x

    here = torch.tensor([1.0, 1.0])
    (eps,) = climb([[slope(here)]], [1.0], 0.05)
    assert eps.tolist() == pytest.approx([0.00497519, 0.04975186], abs=5e-9)
    assert slope(here + eps).tolist() == pytest.approx([1.00497519, 10.4975186], abs=5e-7)


def test_goldens_of_asymmetric_sam():
    plain = [P_WOOD * WOOD[0] + P_LEAF * LEAF[0]]
    weighted = [P_WOOD * WOOD[0] / P_WOOD + P_LEAF * LEAF[0] / P_LEAF]
    assert climb([plain], [1.0], 0.05)[0].tolist() == pytest.approx([0.03853088, -0.03186489], abs=5e-9)
    assert climb([weighted], [1.0], 0.05)[0].tolist() == pytest.approx([0.04, 0.03], abs=5e-9)


def test_a_radius_for_each_class_is_that_of_its_rarity():
    """eps of two classes: wood (3, 4), leaf (1, -1), radii in proportion to 1 / share, brought to length rho."""
    (eps,) = climb([LEAF, WOOD], [1 / P_LEAF, 1 / P_WOOD], 0.05)
    total = LEAF[0] / P_LEAF + WOOD[0] / P_WOOD
    torch.testing.assert_close(eps, 0.05 * total / total.norm())


def test_the_climb_is_no_longer_where_the_classes_balance():
    opposite = [-WOOD[0] * (1 + 1e-4)]
    (eps,) = climb([opposite, WOOD], [1.0, 40.0], 0.05)
    assert eps.norm().item() == pytest.approx(0.05)
    assert climb([[-WOOD[0]], WOOD], [1.0, 1.0], 0.05)[0].tolist() == [0, 0]


components = st.just(0.0) | st.floats(1e-6, 1e3) | st.floats(-1e3, -1e-6)


@given(st.lists(components, min_size=3, max_size=3), st.floats(0, 10))
def test_the_climb_is_as_long_as_asked(values, rho):
    (eps,) = climb([[torch.tensor(values)]], [1.0], rho)
    expected = rho if any(values) else 0.0
    assert torch.linalg.vector_norm(eps.double()).item() == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("ascent", ASCENTS)
def test_radius_0_is_the_plain_step_and_any_other_is_not(network, batch, ascent):
    network.eval()
    networks = [copy.deepcopy(network) for _ in range(3)]
    losses = [
        Step(networks[0], build("cross_entropy", (974, 26)), torch.optim.SGD(networks[0].parameters(), lr=0.1))(batch),
        make_step(networks[1], 0.0, ascent)(batch),
        make_step(networks[2], 0.5, ascent)(batch),
    ]
    assert losses == pytest.approx([losses[0]] * 3)
    plain, none, far = ([p.detach() for p in n.parameters()] for n in networks)
    assert all(torch.equal(a, b) for a, b in zip(plain, none, strict=True))
    assert not all(torch.allclose(a, b, atol=1e-5) for a, b in zip(plain, far, strict=True))


@pytest.mark.parametrize("ascent", ASCENTS)
def test_weights_are_restored_before_the_optimiser_moves_them(network, batch, ascent):
    before = [p.detach().clone() for p in network.parameters()]
    step = make_step(network, 0.5, ascent)
    step.optimiser = torch.optim.SGD(network.parameters(), lr=0.0)
    step(batch)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


class Linear(nn.Module):
    """Logits of points with two columns."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, data):
        return self.layer(data.x)


def test_equal_counts_make_all_climbs_one():
    torch.manual_seed(0)
    data = Data(x=torch.randn(20, 2), y=torch.arange(20) % 2)
    network = Linear()
    plain, weighted, radii = (make_step(network, 0.1, a, counts=(10, 10))._climb(data)[1] for a in ASCENTS)
    for one, two, three in zip(plain, weighted, radii, strict=True):
        torch.testing.assert_close(one, two)
        torch.testing.assert_close(one, three)


@pytest.mark.parametrize("ascent", ASCENTS)
@pytest.mark.parametrize("label", [0, 1, -1])
def test_batches_of_one_class_or_none(ascent, label):
    torch.manual_seed(0)
    network = Linear()
    loss = make_step(network, 0.1, ascent)(Data(x=torch.randn(20, 2), y=torch.full((20,), label)))
    assert (loss > 0) == (label >= 0)
    assert all(torch.isfinite(p).all() for p in network.parameters())


def test_batch_norms_count_a_batch_once():
    torch.manual_seed(0)
    network = PointNet2(3)
    data = Data(pos=torch.rand(400, 3), x=torch.randn(400, 3), y=torch.arange(400) % 2, num_nodes=400)
    make_step(network)(data)
    counts = {int(b) for name, b in network.named_buffers() if name.endswith("num_batches_tracked")}
    assert counts == {1}


@pytest.mark.parametrize("rho", [-0.1, float("nan"), float("inf")])
def test_bad_radius(rho):
    with pytest.raises(BadConfig, match=r"method\.rho"):
        SAMConfig(rho=rho)
