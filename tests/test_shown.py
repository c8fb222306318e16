"""Results show as a line of text, and as a table in a notebook, whatever they hold."""

from pathlib import Path

import numpy as np
import pytest

import leafwood
from leafwood.canopy.profile import measure_canopy
from leafwood.evaluate.evaluation import evaluate, truth_of
from leafwood.shown import as_line, as_table

SAMPLES = Path(__file__).resolve().parents[1] / "data_samples"


@pytest.fixture(scope="module")
def results():
    """Everything that a user gets to see of a tree, and the canopy of a plot by its true labels."""
    tree, plot = (leafwood.read(SAMPLES / f"{name}.laz") for name in ("single_tree", "uav_plot"))
    segmenter = leafwood.Segmenter.from_pretrained("uav", threads=1)
    account = segmenter.segment_with_account(tree)
    evaluation = evaluate(account.cloud, truth_of(tree, "gt_wood"))
    canopy = measure_canopy(plot, labels="gt_wood")
    named = {"tree": tree, "segmenter": segmenter, "model": segmenter.model, "account": account, "canopy": canopy}
    return named | {"decision": account.decision, "evaluation": evaluation, "scores": evaluation.overall}


def test_each_is_a_line_without_arrays(results):
    for name, result in results.items():
        text = repr(result)
        assert len(text) < 700, name
        assert "array(" not in text, name
        assert "\n" not in text, name
        assert text.startswith(type(result).__name__), name


def test_the_numbers_are_those_of_the_results(results):
    account, canopy, scores = results["account"], results["canopy"], results["scores"]
    wood = int((account.cloud.columns["leafwood"] == 2).sum())
    assert f"wood: {wood:,}" in repr(account.decision)
    assert f"distance from the calibration scans: {account.unlike:.2f}" in repr(account)
    value, error = canopy.profile.index("lad", canopy.config.dz)
    assert f"leaf area index: {float(value):.2f} ± {float(error):.2f}" in repr(canopy)
    assert f"wood recall: {scores.wood_recall:.3f}" in repr(scores)
    assert "model: uav" in repr(results["segmenter"])


def test_a_notebook_shows_tables(results):
    for name in ("tree", "account", "canopy", "decision", "evaluation", "scores", "model"):
        assert results[name]._repr_html_().startswith("<table>"), name
    rows = results["evaluation"]._repr_html_()
    assert f"leaf recall {results['scores'].leaf_recall:.3f}" in rows
    assert "90-100 %" in rows


def test_names_cannot_become_part_of_the_page():
    table = as_table("<b>", [("<i>", "a & b"), ("n", str(np.float64(1.5)))])
    assert "<b>" not in table
    assert "&lt;i&gt;" in table
    assert "a &amp; b" in table
    assert as_line("Thing", [("a", "1"), ("b", "2")]) == "Thing(a: 1, b: 2)"
