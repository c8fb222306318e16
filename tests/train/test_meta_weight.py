"""Meta-Weight-Net: the paper's arithmetic, finite differences, and what the weights learn."""

from __future__ import annotations

import pytest
import torch
from torch.func import functional_call
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from leafwood.errors import BadConfig
from leafwood.losses import build, build_all
from leafwood.losses.registry import LossConfig
from leafwood.train.agreement import agreement, class_shares, last_layer_agreement
from leafwood.train.meta_weight import CURVE, MetaWeightConfig, MetaWeightStep, WeightNet
from leafwood.train.steps import Step

X = torch.tensor([[1.0, 0.5], [-0.3, 0.8], [0.6, -1.0], [-1.2, 0.2]], dtype=torch.float64)
Y = torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64)
CLEAN_X = torch.tensor([[0.9, -0.1], [-0.7, 0.4]], dtype=torch.float64)
CLEAN_Y = torch.tensor([1.0, 0.0], dtype=torch.float64)
W = {"w": torch.tensor([0.2, -0.1], dtype=torch.float64)}
ALPHA = 0.5
FOUR = torch.zeros(4, dtype=torch.int64)


def logistic(at, x=X, y=Y):
    return binary_cross_entropy_with_logits(x @ at["w"], y, reduction="none")


def clean_loss(at):
    return logistic(at, CLEAN_X, CLEAN_Y).mean()


def golden_net():
    net = WeightNet(hidden=3).double()
    values = ([[0.3], [-0.2], [0.5]], [0.1, 0.05, -0.1], [[0.4, 0.6, -0.3]], [-0.05])
    for parameter, value in zip(net.parameters(), values, strict=True):
        parameter.data = torch.tensor(value, dtype=torch.float64)
    return net


def meta_gradient(net, shares_of):
    shares = shares_of(net(logistic(W), FOUR))
    agreed, _ = agreement(logistic, clean_loss, W, shares.detach(), ALPHA)
    return agreed, torch.autograd.grad(-ALPHA * (agreed * shares).sum(), list(net.parameters()))


def ahead_loss(net, shares_of):
    """The loss of the clean points after the trial step, written out."""
    shares = shares_of(net(logistic(W), FOUR)).detach()
    residual = torch.sigmoid(X @ W["w"]) - Y
    return clean_loss({"w": W["w"] - ALPHA * (shares[:, None] * residual[:, None] * X).sum(0)}).item()


def mean(weights):
    return weights / len(weights)


def normalised(weights):
    return weights / weights.sum()


def test_goldens():
    net = golden_net()
    losses = logistic(W)
    assert losses.tolist() == pytest.approx([0.62095705, 0.62559518, 0.58918502, 0.57157349], abs=5e-9)
    weights = net(losses, FOUR)
    assert weights.tolist() == pytest.approx([0.50034282, 0.50030804, 0.50058111, 0.50071320], abs=5e-9)
    assert normalised(weights).tolist() == pytest.approx([0.24992833, 0.24991096, 0.25004736, 0.25011334], abs=5e-9)
    assert ahead_loss(net, mean) == pytest.approx(0.56932686, abs=5e-9)
    agreed, gradient = meta_gradient(net, mean)
    _, reached = agreement(logistic, clean_loss, W, mean(weights).detach(), ALPHA)
    assert reached.item() == pytest.approx(0.56932686, abs=5e-9)
    assert agreed.tolist() == pytest.approx([0.13539133, 0.08890187, 0.14115711, 0.19080614], abs=5e-9)
    flat = torch.cat([part.flatten() for part in gradient])
    expected = [-0.00414895, 0, 0.00311171, -0.0069532, 0, 0.0052149, -0.00485001, 0, -0.00344788, -0.01738299]
    assert flat.tolist() == pytest.approx(expected, abs=5e-9)
    with torch.no_grad():
        for parameter, slope in zip(net.parameters(), gradient, strict=True):
            parameter -= 0.1 * slope
    assert ahead_loss(net, mean) == pytest.approx(0.56928285, abs=5e-9)


@pytest.mark.parametrize("shares_of", [mean, normalised])
def test_the_gradient_equals_finite_differences(shares_of):
    net, step = golden_net(), 1e-6
    _, gradient = meta_gradient(net, shares_of)
    for parameter, slope in zip(net.parameters(), gradient, strict=True):
        flat = parameter.data.view(-1)
        for number in range(len(flat)):
            value = flat[number].item()
            around = []
            for moved in (value + step, value - step):
                flat[number] = moved
                around.append(ahead_loss(net, shares_of))
            flat[number] = value
            assert slope.view(-1)[number].item() == pytest.approx((around[0] - around[1]) / (2 * step), abs=1e-9)


def test_a_step_of_no_length_and_a_constant_weight_teach_nothing():
    net = golden_net()
    weights = net(logistic(W), FOUR)
    agreed, reached = agreement(logistic, clean_loss, W, mean(weights).detach(), 0.0)
    assert reached == clean_loss(W)
    nothing = torch.autograd.grad(-0.0 * (agreed * mean(weights)).sum(), list(net.parameters()))
    assert all((part == 0).all() for part in nothing)
    for parameter in net.layers[2].parameters():
        parameter.data.zero_()
    assert net(logistic(W), FOUR).tolist() == [0.5] * 4


def test_a_wrong_label_disagrees():
    agreed, _ = agreement(logistic, clean_loss, W, torch.full((4,), 0.125, dtype=torch.float64), ALPHA)
    turned = torch.tensor([0.0, 0.0, 1.0, 0.0], dtype=torch.float64)
    wrong, _ = agreement(
        lambda at: logistic(at, X, turned), clean_loss, W, torch.full((4,), 0.125, dtype=torch.float64), ALPHA
    )
    assert agreed[0] > 0 > wrong[0]


def test_last_layer_golden():
    weight = torch.tensor([[0.2, -0.1], [0.1, 0.3], [-0.2, 0.05]], dtype=torch.float64)
    one = torch.tensor([[1.0, 0.5]], dtype=torch.float64), torch.tensor([0])
    two = torch.tensor([[-0.3, 0.8]], dtype=torch.float64), torch.tensor([2])
    share = torch.ones(1, dtype=torch.float64)
    for points, clean in ((one, two), (two, one)):
        found, _ = last_layer_agreement(weight, points, share, clean, share, 0.0)
        assert found.item() == pytest.approx(-0.0192353513, abs=5e-11)


def test_the_closed_form_of_the_last_layer_is_the_exact_one():
    generator = torch.Generator().manual_seed(0)

    def some(*shape):
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    points, clean, weight = (some(9, 5), torch.arange(9) % 3), (some(6, 5), torch.arange(6) % 3), some(3, 5)
    shares, clean_shares = torch.softmax(some(9), 0), torch.softmax(some(6), 0)

    def losses(at, data):
        return cross_entropy(data[0] @ at["w"].T, data[1], reduction="none")

    exact = agreement(
        lambda at: losses(at, points), lambda at: (clean_shares * losses(at, clean)).sum(), {"w": weight}, shares, 0.7
    )
    for one, other in zip(last_layer_agreement(weight, points, shares, clean, clean_shares, 0.7), exact, strict=True):
        torch.testing.assert_close(one, other)


def test_agreement_through_the_graph_network_is_a_directional_derivative(network, graphs):
    network.eval()
    parameters = {name: value.detach() for name, value in network.named_parameters()}

    def losses(at, data=graphs[0]):
        logits = functional_call(network, at, (data,))
        return cross_entropy(logits, data.y, reduction="none", ignore_index=-1)

    def clean(at):
        return losses(at, graphs[1]).mean()

    shares = class_shares(graphs[0].y)
    found, _ = agreement(losses, clean, parameters, shares, 0.1)
    at_all = {name: value.requires_grad_() for name, value in parameters.items()}
    slope = torch.autograd.grad((shares * losses(at_all)).sum(), list(at_all.values()))
    ahead = {n: (v - 0.1 * g).detach().requires_grad_() for (n, v), g in zip(at_all.items(), slope, strict=True)}
    direction = torch.autograd.grad(clean(ahead), list(ahead.values()))
    for number in (0, 5, 100):
        one = torch.autograd.grad(losses(at_all)[number], list(at_all.values()))
        dot = sum((a * b).sum() for a, b in zip(one, direction, strict=True))
        assert found[number].item() == pytest.approx(dot.item(), rel=1e-3, abs=1e-5)


@pytest.mark.parametrize(
    ("labels", "shares"),
    [([0, 0, 1, -1], [0.25, 0.25, 0.5, 0]), ([0, 0], [0.5, 0.5]), ([1], [1]), ([-1, -1], [0, 0]), ([], [])],
)
def test_class_shares(labels, shares):
    assert class_shares(torch.tensor(labels, dtype=torch.int64)).tolist() == shares


def test_weights_of_equal_losses_differ_by_class_only_if_asked():
    losses, labels = torch.full((2,), 0.7), torch.tensor([0, 1])
    torch.manual_seed(0)
    told, untold = WeightNet(classes=2)(losses, labels), WeightNet()(losses, labels)
    assert told[0] != told[1]
    assert untold[0] == untold[1]


def make_step(network, graphs, **options):
    criterion = build("cross_entropy", (900, 100))
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01)
    config = MetaWeightConfig(files=("x",), **options)
    return MetaWeightStep(network, criterion, optimiser, config=config, trees=graphs[2:])


@pytest.mark.parametrize("form", ["last_layer", "exact"])
def test_points_with_wrong_labels_lose_weight(network, graphs, batch, form):
    wrong = (torch.rand(len(batch.y), generator=torch.Generator().manual_seed(1)) < 0.4) & (batch.y == 0)
    batch.y[wrong] = 1  # leaf called wood, as a careless labeller would
    step = make_step(network, graphs, form=form, rate=1e-2)
    for _ in range(60):
        step(batch)
    network.eval()
    losses = cross_entropy(network(batch).detach(), batch.y, reduction="none", ignore_index=-1)
    weights = step.weight_net(losses, batch.y)
    assert weights[wrong].mean() < 0.8 * weights[(batch.y == 1) & ~wrong].mean()


@pytest.mark.parametrize("form", ["last_layer", "exact"])
def test_the_weight_network_and_the_network_both_move(network, graphs, batch, form):
    step = make_step(network, graphs, form=form)
    before = [p.detach().clone() for p in (*network.parameters(), *step.weight_net.parameters())]
    assert step(batch) > 0
    after = [*network.parameters(), *step.weight_net.parameters()]
    assert sum(not torch.equal(a, b) for a, b in zip(before, after, strict=True)) > 0.9 * len(after)
    assert network.training
    assert set(step.parts()) == {"weight_net", "weight_optimiser"}


@pytest.mark.parametrize("form", ["last_layer", "exact"])
def test_the_trial_step_has_the_rate_of_the_real_step(network, graphs, batch, form, monkeypatch):
    """Under a schedule the rate changes from step to step, and a trial by another rate judges another step."""
    from leafwood.train import meta_weight

    name = "agreement" if form == "exact" else "last_layer_agreement"
    rates, plain = [], getattr(meta_weight, name)
    monkeypatch.setattr(meta_weight, name, lambda *args: (rates.append(args[-1]), plain(*args))[1])
    step = make_step(network, graphs, form=form)
    for rate in (0.01, 0.003):
        step.optimiser.param_groups[0]["lr"] = rate
        step(batch)
    assert rates == [0.01, 0.003]


@pytest.mark.parametrize("form", ["last_layer", "exact"])
def test_at_a_low_rate_the_weight_network_learns_all_the_same(network, graphs, batch, form):
    """Its weight decay is not to win over a gradient that is as short as the trial step."""
    start, curves = {name: value.clone() for name, value in network.state_dict().items()}, []
    for rate in (1e-5, 1e-9):
        network.load_state_dict(start)
        torch.manual_seed(3)
        step = make_step(network, graphs, form=form, rate=1e-2)
        before = list(step.figures().values())[1:]
        step.optimiser.param_groups[0]["lr"] = rate
        for _ in range(20):
            step(batch)
        curves.append(list(step.figures().values())[1:])
        assert max(abs(a - b) for a, b in zip(curves[-1], before, strict=True)) > 0.02
    assert curves[0] == pytest.approx(curves[1], abs=0.02)


def test_the_log_has_the_meta_loss_and_the_weight_of_each_loss(network, graphs, batch):
    step = make_step(network, graphs)
    step(batch)
    found = step.figures()
    assert found["meta_loss"] > 0
    for name, label in (("leaf", 0), ("wood", 1)):
        weights = step.weight_net(torch.tensor(CURVE), torch.full((len(CURVE),), label)).tolist()
        assert [found[f"v_{name}_{at:g}"] for at in CURVE] == pytest.approx(weights)
    assert step.figures()["meta_loss"] == 0  # nothing since
    untold = make_step(network, graphs, class_aware=False)
    assert [name for name in untold.figures() if name.startswith("v_")] == [f"v_any_{at:g}" for at in CURVE]


def test_equal_weights_give_the_plain_loss(network, graphs, batch):
    step = make_step(network, graphs, rate=0.0)
    for parameter in step.weight_net.parameters():
        parameter.data.zero_()
    network.eval()  # the step itself turns dropout on again, after it has looked at the clean trees
    plain = Step(network, step.criterion, step.optimiser).loss(batch)
    network.eval()
    assert step.loss(batch).item() == pytest.approx(plain.item(), rel=1e-5)


def test_any_loss_takes_the_weights(network, graphs, batch):
    step = make_step(network, graphs)
    step.criterion = build_all([LossConfig("gla"), LossConfig("lovasz", weight=0.5)], (900, 100))
    assert step(batch) > 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"files": ()}, "method.files"),
        ({"trees": 0}, "method.trees must be at least 1"),
        ({"batch": 0}, "method.batch"),
        ({"hidden": 0}, "method.hidden"),
        ({"rate": -1.0}, "method.rate"),
    ],
)
def test_bad_settings(options, words):
    with pytest.raises(BadConfig, match=words):
        MetaWeightConfig(**{"files": ("a",), **options})
