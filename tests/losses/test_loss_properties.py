"""What holds for every loss, and how the families are related."""

from __future__ import annotations

import warnings

import hypothesis
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.losses import LOSSES, PointLoss, build

pytestmark = pytest.mark.filterwarnings("ignore:.*weighs all classes alike:UserWarning")
COUNTS = (974, 26)
NAMES = sorted(LOSSES)
EQUAL_DRAW = [name for name in NAMES if name != "rebalanced"]  # a fresh draw each batch
quick = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**31)


def example(seed=0, n=12, spread=2.0):
    rng = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(n, 2, generator=rng, dtype=torch.float64)
    labels = torch.arange(n) % 3 % 2  # a third is wood
    return logits, labels, 0.1 + torch.rand(n, generator=rng, dtype=torch.float64)


def gradient(loss, logits, labels, weights=None):
    logits = logits.clone().requires_grad_()
    value = loss(logits, labels, weights)
    return value.detach(), torch.autograd.grad(value, logits)[0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_extreme_logits(name, size):
    logits = torch.tensor([[size, -size], [-size, size], [0.0, 0.0], [size, size]]).repeat_interleave(2, 0)
    value, slope = gradient(build(name, COUNTS), logits, torch.tensor([0, 1] * 4))
    assert torch.isfinite(value)
    assert torch.isfinite(slope).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("label", [0, 1])
def test_batches_of_one_class(name, label):
    logits, labels, weights = example()
    value, slope = gradient(build(name, COUNTS), logits, torch.full_like(labels, label), weights)
    assert value > 0
    assert torch.isfinite(slope).all()
    assert slope.abs().sum() > 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [0, 5])
def test_nothing_labelled_is_zero_with_a_gradient(name, n):
    logits = torch.randn(n, 2)
    value, slope = gradient(build(name, COUNTS), logits, torch.full((n,), -1))
    assert value == 0
    assert slope.shape == logits.shape
    assert not slope.any()


@pytest.mark.parametrize("name", NAMES)
def test_ignored_points_change_nothing(name):
    logits, labels, weights = example()
    keep = torch.arange(len(labels)) % 4 != 1
    marked = labels.masked_fill(~keep, -1)
    value, slope = gradient(build(name, COUNTS), logits, marked, weights)
    assert value == pytest.approx(build(name, COUNTS)(logits[keep], labels[keep], weights[keep]).item())
    assert not slope[~keep].any()


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_ones_equal_none_on_any_scale(name):
    logits, labels, weights = example()
    value = build(name, COUNTS)(logits, labels).item()
    assert value == pytest.approx(build(name, COUNTS)(logits, labels, torch.ones(12)).item())
    weighted = build(name, COUNTS)(logits, labels, weights).item()
    assert weighted == pytest.approx(build(name, COUNTS)(logits, labels, 1e-3 * weights).item())
    assert weighted != pytest.approx(value)


@pytest.mark.parametrize("name", EQUAL_DRAW)
def test_a_weight_of_two_is_the_point_twice_and_none_is_absence(name):
    logits, labels, _ = example()
    times = torch.arange(12) % 3
    loss = build(name, COUNTS)
    repeated = loss(logits.repeat_interleave(times, 0), labels.repeat_interleave(times))
    assert loss(logits, labels, times.double()).item() == pytest.approx(repeated.item())


@pytest.mark.parametrize("name", NAMES)
def test_all_weights_zero(name):
    logits, labels, _ = example()
    value, slope = gradient(build(name, COUNTS), logits, labels, torch.zeros(12))
    assert value == 0
    assert torch.isfinite(slope).all()


@pytest.mark.parametrize("name", EQUAL_DRAW)
def test_order_of_points_does_not_matter(name):
    logits, labels, weights = example()
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    loss = build(name, COUNTS)
    assert loss(logits, labels, weights).item() == pytest.approx(
        loss(logits[order], labels[order], weights[order]).item()
    )


@pytest.mark.parametrize("name", EQUAL_DRAW)
def test_a_constant_added_to_the_logits_changes_nothing(name):
    logits, labels, weights = example()
    loss = build(name, COUNTS)
    shift = torch.linspace(-7, 7, 12, dtype=torch.float64)[:, None]
    assert loss(logits, labels, weights).item() == pytest.approx(loss(logits + shift, labels, weights).item())


@pytest.mark.parametrize("name", NAMES)
def test_gradients_match_finite_differences(name):
    logits, labels, weights = example(seed=4, n=6)
    assert torch.autograd.gradcheck(
        lambda z: build(name, COUNTS)(z, labels, weights), (logits.requires_grad_(),), eps=1e-6, atol=1e-7
    )


@pytest.mark.parametrize("name", NAMES)
@quick
@given(seed=seeds, rise=st.floats(0.01, 3))
def test_a_higher_label_logit_never_costs(name, seed, rise):
    logits, labels, _ = example(seed)
    if name in ("smoothed", "poly1_focal"):  # softened labels want 95 % certainty, and no more
        logits, rise = logits.clamp(-1, 1), rise / 10
    better = logits + rise * torch.nn.functional.one_hot(labels, 2)
    before, after = (build(name, COUNTS)(z, labels).item() for z in (logits, better))
    assert after <= before + 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_three_classes(name):
    counts = (500, 30, 200)
    logits = torch.randn(9, 3, generator=torch.Generator().manual_seed(2))
    if name == "poly1_focal":
        with pytest.raises(ValueError, match="two classes"):
            build(name, counts)
        return
    value, slope = gradient(build(name, counts), logits, torch.arange(9) % 3)
    assert value > 0
    assert torch.isfinite(slope).all()


@pytest.mark.parametrize("name", [name for name in NAMES if issubclass(LOSSES[name], PointLoss)])
def test_functional_gradients(name):
    """Losses of single points and their second derivatives are there for methods that weigh points."""
    logits, labels, _ = example(n=4)
    loss = build(name, COUNTS)
    assert loss.each(logits, labels).shape == (4,)
    plain = gradient(loss, logits, labels)[1]
    assert torch.allclose(torch.func.grad(lambda z: loss(z, labels))(logits), plain)


def same(logits, labels, one, other, factor=1.0):
    assert one(logits, labels).item() == pytest.approx(factor * other(logits, labels).item(), rel=1e-9)


@quick
@given(seed=seeds, q=st.floats(0.05, 1))
@hypothesis.example(seed=0, q=0.9999999999999999)
def test_relations_between_families(seed, q):
    logits, labels, _ = example(seed)
    tau = {"tau": 1.0} if q == 1 else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        flat = build("generalised", COUNTS, q=q)
        same(logits, labels, build("gla", (5, 5), q=q, **tau), flat)
        same(logits, labels, build("gla", COUNTS, q=q, tau=0), flat)
        same(logits, labels, build("gca", (5, 5), q=q, rho=(1, 1)), flat, factor=2)
    same(logits, labels, build("gla", COUNTS), build("logit_adjusted", COUNTS))
    same(logits, labels, build("gla", COUNTS), build("balanced_softmax", COUNTS))
    same(logits, labels, build("gca", COUNTS, rho=(1, 1)), build("weighted", COUNTS), factor=2)
    entropy = build("cross_entropy", COUNTS)
    for name, options in {
        "generalised": {"q": 0},
        "focal": {"gamma": 0},
        "poly1": {"epsilon": 0},
        "weighted": {"power": 0},
        "class_balanced": {"beta": 0},
        "logit_adjusted": {"tau": 0},
        "ldam": {"max_margin": 0, "scale": 1},
        "smoothed": {"eps_min": 0, "eps_max": 0},
    }.items():
        same(logits, labels, build(name, COUNTS, **options), entropy)


@pytest.mark.parametrize("name", ["generalised", "gla", "gca"])
@quick
@given(seed=seeds)
def test_small_q_is_cross_entropy(name, seed):
    logits, labels, _ = example(seed)
    near = build(name, COUNTS, q=1e-6)(logits, labels).item()
    assert near == pytest.approx(build(name, COUNTS, q=0)(logits, labels).item(), rel=1e-4)
    single = build(name, COUNTS, q=1e-6)(logits.float(), labels).item()
    assert single == pytest.approx(near, rel=1e-5)


@quick
@given(p=st.floats(0.02, 0.98), q=st.floats(0, 0.8))
@hypothesis.example(p=0.5, q=5e-324)
@hypothesis.example(p=0.1, q=1e-13)
def test_minimiser_of_gla(p, q):
    """softmax(z + tau log prior) is proportional to P^(1 / (1 - q))."""
    loss = build("gla", COUNTS, q=q)
    posterior = torch.tensor([p, 1 - p], dtype=torch.float64)
    logits = (posterior.log() / (1 - q) - loss.tau * loss.prior.log()).repeat(2, 1).requires_grad_()
    risk = (posterior * loss.each(logits, torch.tensor([0, 1]))).sum()
    slope = torch.autograd.grad(risk, logits)[0].sum(0)
    assert slope.abs().max() < 1e-10


def test_lovasz_does_not_lose_small_steps_in_float32():
    n = 200_000
    logits = torch.stack([torch.zeros(n), torch.full((n,), -20.0)], 1)
    labels = torch.zeros(n, dtype=torch.int64)
    labels[:7] = 1
    assert build("lovasz", COUNTS, classes=[1])(logits, labels).item() == pytest.approx(1.0, abs=1e-5)
