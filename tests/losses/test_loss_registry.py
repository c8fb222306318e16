"""Building by name and from YAML, schedules, and what is refused."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from leafwood.config import load
from leafwood.errors import BadBatch, BadConfig
from leafwood.losses import LOSSES, LossConfig, build, build_all

COUNTS = (974, 26)
LOGITS = torch.tensor([[1.0, -0.5], [0.2, 0.1], [-1.0, 2.0]])
LABELS = torch.tensor([0, 1, 1])


@dataclass(frozen=True)
class Run:
    loss: tuple[LossConfig, ...]


def from_yaml(tmp_path: Path, text: str) -> Run:
    path = tmp_path / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, Run)


def test_sum_from_yaml(tmp_path):
    run = from_yaml(
        tmp_path,
        """loss:
  - name: gca
    options: {q: 3e-1, rho: [2, 1], consistent: false}
    weight: 0.5
  - name: lovasz
    options: {classes: [1]}
""",
    )
    loss = build_all(run.loss, COUNTS)
    parts = build("gca", COUNTS, q=0.3, rho=(2, 1), consistent=False), build("lovasz", COUNTS, classes=(1,))
    expected = 0.5 * parts[0](LOGITS, LABELS) + parts[1](LOGITS, LABELS)
    assert loss(LOGITS, LABELS).item() == pytest.approx(expected.item())
    assert loss(LOGITS, torch.full((3,), -1)).item() == 0


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_name_from_yaml(tmp_path, name):
    run = from_yaml(tmp_path, f"loss:\n  - name: {name}\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert torch.isfinite(build_all(run.loss, COUNTS)(LOGITS, LABELS))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("loss: [{name: fokal}]", "unknown loss 'fokal' (did you mean 'focal'?); there are balanced_softmax, "),
        ("loss: [{name: focal, options: {gama: 2}}]", "unknown option 'gama' (did you mean 'gamma'?); it has gamma"),
        ("loss: [{name: focal, weight: 0}]", "weight of focal must be above 0"),
        ("loss: [{name: focal, weights: 1}]", "weights"),
    ],
)
def test_bad_yaml_names_file_and_key(tmp_path, text, words):
    with pytest.raises(BadConfig) as caught:
        from_yaml(tmp_path, text)
    message = str(caught.value)
    assert "run.yaml" in message
    assert words in message
    assert "\n" not in message


def test_bad_value_from_yaml_names_the_option(tmp_path):
    run = from_yaml(tmp_path, "loss: [{name: focal, options: {gamma: abc}}]")
    with pytest.raises(BadConfig, match="focal: gamma must be a number, got 'abc'"):
        build_all(run.loss, COUNTS)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((10, 0), "class 1 has no points"),
        ((-3, 10), "class 0 has -3 points"),
        ((float("nan"), 1), "class 0 has nan points"),
        ((5,), "two or more classes"),
        (((1, 2), (3, 4)), "two or more classes"),
        ("many", "one number per class"),
    ],
)
@pytest.mark.parametrize("name", ["cross_entropy", "gla"])
def test_bad_counts(name, counts, words):
    with pytest.raises(BadConfig, match=f"{name}: class_counts: .*{words}"):
        build(name, class_counts=counts)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("hinge", {}, "unknown loss 'hinge'; there are .*cross_entropy.*weighted"),
        ("gla", {"rho": 1}, "gla: unknown option 'rho'; it has q, tau, warmup"),
        ("cross_entropy", {"class_weights": 1}, "cross_entropy: unknown option 'class_weights'; it has none"),
        ("gla", {"q": 1.5}, "gla: q must be from 0 to 1, got 1.5"),
        ("gla", {"q": 1}, "gla: tau must be given for q = 1"),
        ("gla", {"tau": -1}, "gla: tau must be at least 0"),
        ("gca", {"rho": [1]}, "gca: rho must be 2 numbers"),
        ("gca", {"rho": [1, 0]}, "gca: rho must be positive"),
        ("gca", {"consistent": "yes"}, "gca: consistent must be true or false"),
        ("focal", {"gamma": float("nan")}, "focal: gamma must be a number"),
        ("focal", {"gamma": "2"}, "focal: gamma must be a number"),
        ("class_balanced", {"beta": 1}, "class_balanced: beta must be"),
        ("rebalanced", {"seed": 1.5}, "rebalanced: seed must be a whole number"),
        ("tversky", {"beta": 0}, "tversky: beta must be at least"),
        ("lovasz", {"classes": [2]}, "lovasz: classes must be numbers from 0 to 1, got 2"),
        ("dice", {"classes": 1}, "dice: classes must be a list"),
        ("smoothed", {"eps_min": 0.2}, "smoothed: eps_min, eps_max must"),
        ("poly1", {"epsilon": -2}, "poly1: epsilon must be at least -1"),
    ],
)
def test_bad_names_and_options(name, options, words):
    with pytest.raises(BadConfig, match=words):
        build(name, COUNTS, **options)


@pytest.mark.parametrize(
    ("logits", "labels", "weights", "words"),
    [
        (LOGITS[:, :1], LABELS, None, r"logits: expected shape \(n, 2\), got \(3, 1\)"),
        (LOGITS.long(), LABELS, None, "logits: expected floating point"),
        (LOGITS, LABELS[:2], None, r"labels: expected shape \(3,\), got \(2,\)"),
        (LOGITS, LABELS.float(), None, "labels: expected torch.int64, got torch.float32"),
        (LOGITS, LABELS + 1, None, "labels: 2 is neither a class"),
        (LOGITS, LABELS - 2, None, "labels: -2 is neither a class"),
        (LOGITS / 0 * 0, LABELS, None, "logits: NaN or infinite"),
        (LOGITS / 0, LABELS, None, "logits: NaN or infinite"),
        (LOGITS, LABELS, torch.ones(2), r"weights: expected shape \(3,\)"),
        (LOGITS, LABELS, -torch.ones(3), "weights: NaN, infinite or negative"),
        (LOGITS, LABELS, torch.full((3,), torch.nan), "weights: NaN"),
    ],
)
def test_bad_batches(logits, labels, weights, words):
    for loss in (build("focal", COUNTS), build_all([LossConfig("lovasz")], COUNTS)):
        with pytest.raises(BadBatch, match=words):
            loss(logits, labels, weights)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("logit_adjustment", "logit_adjusted"),
        ("la", "logit_adjusted"),
        ("ce", "cross_entropy"),
        ("cb", "class_balanced"),
        ("gce", "generalised"),
    ],
)
def test_names_of_the_field_are_known(alias, name):
    assert LossConfig(alias).name == name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert torch.equal(build(alias, COUNTS)(LOGITS, LABELS), build(name, COUNTS)(LOGITS, LABELS))


def test_nothing_alike_is_not_guessed_at():
    with pytest.raises(BadConfig, match="unknown loss 'xyz'; there are"):
        LossConfig("xyz")


def test_losses_that_balance_say_so():
    balancing = {name for name in LOSSES if LossConfig(name).balances}
    assert balancing == {
        "balanced_softmax",
        "class_balanced",
        "gca",
        "gla",
        "ldam",
        "logit_adjusted",
        "rebalanced",
        "weighted",
    }


def test_gca_warns_where_three_classes_cannot_be_consistent():
    with pytest.warns(UserWarning, match="consistent for two classes only"):
        build("gca", (900, 90, 10), q=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build("gca", (900, 90, 10))
        build("gca", (900, 90, 10), q=0.5, rho=(1, 1, 1))
        build("gca", (900, 90, 10), q=0.5, consistent=False)


def test_no_loss_at_all():
    with pytest.raises(BadConfig, match="at least one"):
        build_all([], COUNTS)


def test_inconsistent_tau_warns_and_consistent_does_not():
    with pytest.warns(UserWarning, match="not consistent for balanced accuracy; tau=2 is"):
        build("gla", COUNTS, q=0.5, tau=1)
    with pytest.warns(UserWarning, match="no tau is"):
        build("gla", COUNTS, q=1, tau=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build("gla", COUNTS, q=0.5)
        build("gla", COUNTS, q=0.7, tau=1 / 0.3)


def test_beta_too_small_for_the_counts_warns():
    with pytest.warns(UserWarning, match=r"1 / \(1 - beta\) = 10000 points; .* 260000"):
        build("class_balanced", (9_740_000, 260_000))


def test_deferred_reweighting_begins_late():
    loss = build("ldam", COUNTS, drw_beta=0.999)
    early = loss.each(LOGITS, LABELS)
    loss.set_progress(0.79)
    assert torch.equal(loss.each(LOGITS, LABELS), early)
    loss.set_progress(0.8)
    weights = build("class_balanced", COUNTS, beta=0.999).class_weights.float()
    assert torch.allclose(loss.each(LOGITS, LABELS), early * weights[LABELS])


@pytest.mark.parametrize("name", ["gla", "gca", "generalised"])
def test_warm_up_uses_q_zero(name):
    loss = build_all([LossConfig(name, {"q": 0.6, "warmup": 0.1})], COUNTS)
    plain, later = build(name, COUNTS, q=0)(LOGITS, LABELS), build(name, COUNTS, q=0.6)(LOGITS, LABELS)
    assert torch.allclose(loss(LOGITS, LABELS), plain)
    loss.set_progress(0.1)
    assert torch.allclose(loss(LOGITS, LABELS), later)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_progress_outside_its_range(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        loss = build(name, COUNTS)
    with pytest.raises(BadConfig, match="share must be from 0 to 1"):
        loss.set_progress(1.1)


def test_draws_go_on_from_a_saved_state(tmp_path):
    labels = torch.tensor([0] * 50 + [1] * 5)
    loss = build_all([LossConfig("rebalanced", {"seed": 4})], COUNTS)
    loss(torch.zeros(55, 2), labels)
    torch.save(loss.state_dict(), tmp_path / "loss.pt")
    expected = copy.deepcopy(loss).terms[0].draw(labels)
    resumed = build_all([LossConfig("rebalanced", {"seed": 9})], COUNTS)
    resumed.load_state_dict(torch.load(tmp_path / "loss.pt", weights_only=True))
    assert torch.equal(resumed.terms[0].draw(labels), expected)
    assert not torch.equal(resumed.terms[0].draw(labels), expected)
