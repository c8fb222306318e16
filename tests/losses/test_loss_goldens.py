"""Published and worked-out values of every loss; see the formulas in docs/losses.md."""

from __future__ import annotations

import warnings

import pytest
import torch
from scipy.optimize import brentq

from leafwood.losses import build

RARE_FIRST = (26, 974)  # the tables have the rare class in row 0
THREE = torch.tensor([[2.0, 0.5], [0.0, 0.0], [-1.0, 3.0]], dtype=torch.float64)
ONE = THREE[:1]


def each(name, logits, label, counts=RARE_FIRST, **options):
    """Loss of each row on its own, all with the same label."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        loss = build(name, class_counts=counts, **options)
    return [loss(row[None], torch.tensor([label])).item() for row in logits]


@pytest.mark.parametrize(
    ("name", "options", "first", "second"),
    [
        ("cross_entropy", {}, (0.20141328, 0.69314718, 4.01814993), (1.70141328, 0.69314718, 0.01814993)),
        ("gla", {"q": 0, "tau": 0}, (0.20141328, 0.69314718, 4.01814993), (1.70141328, 0.69314718, 0.01814993)),
        ("gla", {"q": 0, "tau": 1}, (2.23631698, 3.64965874, 7.62380356), (0.11300221, 0.02634398, 0.00048880)),
        ("gla", {}, (2.23631698, 3.64965874, 7.62380356), (0.11300221, 0.02634398, 0.00048880)),
        ("gla", {"q": 0.5, "tau": 1}, (1.34623761, 1.67750969, 1.95578780), (0.10986912, 0.02617123, 0.00048874)),
        ("gla", {"q": 0.5, "tau": 2}, (1.88715745, 1.94663092, 1.99277475), (0.00318590, 0.00071219, 0.00001305)),
        ("gla", {"q": 0.5}, (1.88715745, 1.94663092, 1.99277475), (0.00318590, 0.00071219, 0.00001305)),
        ("gla", {"q": 0.7, "tau": 1}, (1.13000026, 1.31755601, 1.42169728), (0.10864844, 0.02610256, 0.00048872)),
        ("gla", {"q": 1, "tau": 1}, (0.89314868, 0.97400000, 0.99951132), (0.10685132, 0.02600000, 0.00048868)),
    ],
)
def test_gla_table(name, options, first, second):
    assert each(name, THREE, 0, **options) == pytest.approx(first, abs=6e-9)
    assert each(name, THREE, 1, **options) == pytest.approx(second, abs=6e-9)


@pytest.mark.parametrize(
    ("q", "rho", "first", "second"),
    [
        (0, (1, 1), (7.74666454, 26.65950694, 154.544228), (1.74683088, 0.71165008, 0.01863442)),
        (0.5, (1, 1), (7.36936535, 22.5302476, 66.6067172), (1.17635932, 0.60142345, 0.01855012)),
        (0, (2, 1), (14.87965408, 26.65950694, 81.8049235), (1.74683088, 0.71165008, 0.01863442)),
        (0.5, (2, 1), (13.52900093, 22.5302476, 50.36478756), (1.17635932, 0.60142345, 0.01855012)),
    ],
)
def test_gca_table(q, rho, first, second):
    options = {"q": q, "rho": rho, "consistent": False}
    assert each("gca", THREE, 0, **options) == pytest.approx(first, rel=3e-9, abs=6e-9)
    assert each("gca", THREE, 1, **options) == pytest.approx(second, abs=6e-9)


@pytest.mark.parametrize(
    ("name", "options", "first", "second"),
    [
        ("cross_entropy", {}, 0.20141328, 1.70141328),
        ("logit_adjusted", {}, 2.23631698, 0.11300221),
        ("balanced_softmax", {}, 2.23631698, 0.11300221),
        ("focal", {"gamma": 2.0}, 0.00670285, 1.13727232),
        ("poly1", {}, 0.38383880, 2.51898775),
        # class-balanced: cross-entropy times the tabled weights
        ("class_balanced", {"beta": 0.9}, 0.20141328 * 1.03338, 1.70141328 * 0.96662),
        ("class_balanced", {"beta": 0.99}, 0.20141328 * 1.62606, 1.70141328 * 0.37394),
        ("class_balanced", {"beta": 0.999}, 0.20141328 * 1.92078, 1.70141328 * 0.07922),
        ("weighted", {}, 0.20141328 / 0.052, 1.70141328 / 1.948),
    ],
)
def test_baselines(name, options, first, second):
    tolerance = {"class_balanced": 1e-5, "weighted": 1e-7}.get(name, 6e-9)
    assert each(name, ONE, 0, **options) == pytest.approx([first], abs=tolerance)
    assert each(name, ONE, 1, **options) == pytest.approx([second], abs=tolerance)


@pytest.mark.parametrize(
    ("beta", "weights"), [(0.9, (1.03338, 0.96662)), (0.99, (1.62606, 0.37394)), (0.999, (1.92078, 0.07922))]
)
def test_class_balanced_weights(beta, weights):
    assert build("class_balanced", RARE_FIRST, beta=beta).class_weights.tolist() == pytest.approx(weights, abs=5e-6)


def test_ldam():
    cosine = torch.tensor([[0.8, 0.3]], dtype=torch.float64)
    loss = build("ldam", RARE_FIRST)
    assert loss.margins.tolist() == pytest.approx([0.5, 0.20210339], abs=5e-9)
    assert each("ldam", cosine, 0) == pytest.approx([0.69314718], abs=5e-9)
    assert each("ldam", cosine, 1) == pytest.approx([21.0631018], abs=5e-8)


def test_poly1_focal():
    logits = torch.tensor([[0.0, 1.5]], dtype=torch.float64)
    assert each("poly1_focal", logits, 1) == pytest.approx([0.01366283], abs=5e-9)
    assert each("poly1_focal", logits, 0) == pytest.approx([1.05284873], abs=5e-9)


@pytest.mark.parametrize(
    ("name", "options", "value"),
    [
        ("dice", {}, 0.21052632),
        ("tversky", {"alpha": 0.3, "beta": 0.7}, 0.22680412),
        ("tversky", {"alpha": 1, "beta": 1}, 0.34782609),
        ("lovasz", {}, 0.26666667),
    ],
)
def test_overlap(name, options, value):
    p = torch.tensor([0.9, 0.2, 0.6, 0.1], dtype=torch.float64)
    logits = torch.stack([torch.zeros(4), torch.logit(p)], dim=1)
    loss = build(name, RARE_FIRST, classes=[1], **options)
    assert loss(logits, torch.tensor([1, 0, 1, 0])).item() == pytest.approx(value, abs=5e-9)


@pytest.mark.parametrize(("hard", "value"), [((0, 1, 1, 0), 2 / 3), ((1, 0, 1, 0), 0.0)])
def test_lovasz_of_hard_predictions_is_one_minus_iou(hard, value):
    logits = torch.stack([torch.zeros(4), torch.tensor(hard) * 200.0 - 100.0], dim=1)
    loss = build("lovasz", RARE_FIRST, classes=[1])
    assert loss(logits, torch.tensor([1, 0, 1, 0])).item() == pytest.approx(value, abs=1e-7)


def test_rebalanced_draws():
    logits = torch.tensor([[2.0, -1.0], [-0.5, 0.5], [0.3, 1.2], [-1.0, 2.0]], dtype=torch.float64)
    labels = torch.tensor([0, 1, 1, 1])
    expected = {1: 0.3470859167, 2: 0.3894568526, 3: 0.2200948493}
    loss = build("rebalanced", RARE_FIRST, seed=3)
    twin = build("rebalanced", RARE_FIRST, seed=3)
    seen = []
    for _ in range(60):
        weights = twin.draw(labels)
        (leaf,) = torch.nonzero(weights[1:]).squeeze(1).tolist()
        assert loss(logits, labels).item() == pytest.approx(expected[leaf + 1], abs=5e-11)
        seen.append(leaf + 1)
    assert set(seen) == {1, 2, 3}
    # over the draws: the class-balanced mean, to the rounding of the three values
    assert sum(expected.values()) / 3 == pytest.approx(0.3188792063, abs=1.5e-10)


@pytest.mark.parametrize(
    ("rare", "common", "drawn", "largest"),
    [(5, 95, 10, 0.1), (60, 40, 100, 0.0125), (0, 10, 10, 0.1), (10, 0, 10, 0.1)],
)
def test_rebalanced_weights(rare, common, drawn, largest):
    weights = build("rebalanced", RARE_FIRST).draw(torch.tensor([0] * rare + [1] * common))
    assert int((weights > 0).sum()) == drawn
    assert weights.max().item() == pytest.approx(largest)
    assert weights.sum().item() == pytest.approx(1.0)


def balance_point(name, **options):
    """P(rare | x) at which equal logits minimise the expected loss."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        loss = build(name, RARE_FIRST, **options)

    def slope(p):
        margin = torch.zeros((), dtype=torch.float64, requires_grad=True)
        logits = torch.stack([margin / 2, -margin / 2])[None]
        risk = p * loss(logits, torch.tensor([0])) + (1 - p) * loss(logits, torch.tensor([1]))
        return torch.autograd.grad(risk, margin)[0].item()

    return brentq(slope, 1e-9, 1 - 1e-9, xtol=1e-12)


@pytest.mark.parametrize(
    ("name", "options", "point"),
    [
        ("gla", {"q": 0.3, "tau": 1}, 0.07335),
        ("gla", {"q": 0.5, "tau": 1}, 0.14044),
        ("gla", {"q": 0.7, "tau": 1}, 0.25218),
        ("gla", {"q": 0.0}, 0.026),
        ("gla", {"q": 0.3}, 0.026),
        ("gla", {"q": 0.5}, 0.026),
        ("gla", {"q": 0.7}, 0.026),
        ("gca", {"q": 0.0, "rho": (1, 1), "consistent": False}, 0.026),
        ("gca", {"q": 0.7, "rho": (1, 1), "consistent": False}, 0.026),
        ("gca", {"q": 0.0, "rho": (2, 1), "consistent": False}, 0.0506823),
        ("gca", {"q": 0.5, "rho": (2, 1), "consistent": False}, 0.0506823),
        ("gca", {"q": 0.0, "rho": (0.5, 1), "consistent": False}, 0.0131712),
        ("gca", {"q": 0.5, "rho": (0.5, 1), "consistent": False}, 0.0131712),
        ("gca", {"q": 0.5, "rho": (2, 1)}, 0.026),
        ("gca", {"q": 0.3, "factor": 2}, 0.026),
        ("weighted", {}, 0.026),
        ("cross_entropy", {}, 0.5),
    ],
)
def test_where_the_decision_lies(name, options, point):
    assert balance_point(name, **options) == pytest.approx(point, abs=6e-6 if point > 0.06 else 6e-8)


@pytest.mark.parametrize("q", [0.0, 0.3, 0.5, 0.7, 0.9, 1.0])
@pytest.mark.parametrize("rho", [None, (2, 1), (0.25, 1)])
def test_the_least_risk_of_a_consistent_gca_changes_sides_at_the_prior(q, rho):
    """The decision is that of the minimiser of the expected loss, which for large q is not near equal logits."""
    loss = build("gca", RARE_FIRST, q=q, rho=rho)
    away = torch.cat([torch.logspace(-4, 1.8, 600, dtype=torch.float64)])
    margins = torch.cat([-away.flip(0), away])
    logits = torch.stack([margins, torch.zeros_like(margins)], dim=1)
    rare, common = (loss.each(logits, torch.full((len(logits),), label)) for label in (0, 1))

    def lean(p):
        risk = p * rare + (1 - p) * common
        return (risk[len(away) :].min() - risk[: len(away)].min()).item()

    assert lean(0.026 * 0.99) > 0 > lean(0.026 * 1.01)
