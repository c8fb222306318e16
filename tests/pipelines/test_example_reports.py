"""The example reports, of the samples."""

import json
import re

import pytest


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")
def test_all_four_are_made_of_the_samples(pipeline, samples, tmp_path, capsys):
    example_reports = pipeline("example_reports")
    example_reports.main([str(samples), str(tmp_path)])
    pages = {page.name: page for page in tmp_path.glob("*.html")}
    assert set(pages) == {
        *(f"{name}_report.html" for name in example_reports.EXAMPLES),
        "terrestrial_tree_compared.html",
    }
    rows = json.loads((tmp_path / example_reports.SURVEY / "leafwood_survey.json").read_text())
    assert [row["file"] for row in rows if row["failure"]] == ["north_west_again.laz"]
    assert len([row for row in rows if row["report"]]) == 4
    assert "The worst crops" in (tmp_path / example_reports.FEW_STEPS / "report.html").read_text()
    assert all(page.stat().st_size < 15e6 for page in tmp_path.rglob("*.html"))
    assert "MB" in capsys.readouterr().out


def test_a_missing_scan_is_said(pipeline, tmp_path, capsys):
    pipeline("example_reports").single(tmp_path, tmp_path)
    assert capsys.readouterr().err.count("left out") == 3


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")
def test_of_real_scans_each_says_what_not_to_believe(pipeline, shared_data, tmp_path):
    """Use a drone plot with care, take no leaf area from a terrestrial tree, and do not trust an airborne tile."""
    example_reports = pipeline("example_reports")
    example_reports.single(shared_data, tmp_path)
    assert example_reports.survey(shared_data, tmp_path) == 1
    said = {}
    for name in example_reports.EXAMPLES:
        text = (tmp_path / f"{name}_report.html").read_text()
        said[name] = re.search(r'<h2 id="verdict">(.*?)</h2>', text).group(1)
    assert said == {
        "drone_plot": "⚠ Before you use the labels",
        "terrestrial_tree": "✕ No leaf area follows from this scan",
        "airborne_tile": "✕ Do not rely on these labels",
    }
    rows = json.loads((tmp_path / example_reports.SURVEY / "leafwood_survey.json").read_text())
    severe = {row["file"]: row["severe"] > 0 for row in rows if not row["failure"]}
    assert severe == {f"{name}.laz": name == "south_east" for name in example_reports.QUARTERS}
    airborne = (tmp_path / "airborne_tile_report.html").read_text()
    assert "Far too sparse" in airborne
    assert "Unlike any scan in calibration" in airborne
