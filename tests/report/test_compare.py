"""Two labellings of one scan: matched whatever their order, counted as `leafwood evaluate` counts."""

from dataclasses import replace

import numpy as np
import pytest

from leafwood.errors import BadCloud, BadConfig
from leafwood.evaluate.evaluation import evaluate, truth_of
from leafwood.report.compare import compare
from leafwood.report.comparison_page import write_comparison


@pytest.fixture
def other(cloud):
    """The same scan with 100 leaves called wood and 40 wood points called leaf."""
    label = cloud.columns["leafwood"].copy()
    label[np.flatnonzero(cloud.columns["leafwood"] == 1)[:100]] = 2
    label[np.flatnonzero(cloud.columns["leafwood"] == 2)[:40]] = 1
    return cloud.with_columns(leafwood=label)


def test_counts_where_they_differ(cloud, other):
    found = compare(cloud, other)
    assert [(found.code == code).sum() for code in (3, 4)] == [40, 100]
    assert found.table[2, 1] == 40
    assert found.table[1, 2] == 100
    assert found.table.sum() == len(cloud)
    labelled = int((cloud.columns["leafwood"] > 0).sum())
    assert found.compared == labelled
    assert found.agreement == pytest.approx(1 - 140 / labelled)
    assert "same label" in found.headline


def test_a_cloud_agrees_with_itself_in_any_order_and_place(cloud):
    turned = cloud.select(np.random.default_rng(0).permutation(len(cloud)))
    moved = replace(turned, xyz=turned.xyz + np.float32(3.0), origin=turned.origin - 3.0)
    found = compare(cloud, moved)
    assert found.alone == 0
    assert found.agreement > 0.999  # points at one place may change partners


def test_points_that_the_other_has_not_are_left_out(cloud):
    found = compare(cloud, cloud.select(np.arange(0, len(cloud) * 3 // 4)))
    assert found.alone == pytest.approx(len(cloud) / 4, abs=60)  # some have a neighbour within 2 cm
    assert found.agreement > 0.999


def test_scores_against_a_truth_are_those_of_evaluate(cloud, other):
    truth = cloud.with_columns(gt_wood=(other.columns["leafwood"] == 2).astype(np.uint8))
    found = compare(cloud, truth)
    scores = evaluate(cloud, truth_of(truth, "gt_wood")).overall.as_dict()
    for name, key in (("wood recall", "wood_recall"), ("G-mean", "g_mean"), ("AUROC", "auroc"), ("MCC", "mcc")):
        assert found.scores[name] == pytest.approx(scores[key])
    assert "wood recall" in found.headline
    assert "same label" not in found.headline


def test_the_page_names_both_and_has_the_table(cloud, other, tmp_path):
    target = tmp_path / "c.html"
    write_comparison(cloud, other, target)
    text = target.read_text()
    assert "A wood, B leaf" in text
    assert "Confusion table" in text
    assert "Differences by height" in text


def test_what_cannot_be_compared(cloud):
    with pytest.raises(BadCloud, match="not one scan"):
        compare(cloud, replace(cloud, xyz=cloud.xyz + np.float32(500)))
    with pytest.raises(BadCloud, match="leafwood segment"):
        compare(replace(cloud, columns={}), cloud)
    with pytest.raises(BadConfig, match="preset"):
        compare(cloud, cloud, "nosuch")
