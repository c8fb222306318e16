"""The example reports, of the samples."""

import json

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
    rows = json.loads((tmp_path / "survey" / "leafwood_survey.json").read_text())
    assert [row["file"] for row in rows if row["failure"]] == ["cut_short.laz"]
    assert len([row for row in rows if row["report"]]) == 3
    assert all(page.stat().st_size < 15e6 for page in tmp_path.rglob("*.html"))
    assert "MB" in capsys.readouterr().out


def test_a_missing_scan_is_said(pipeline, tmp_path, capsys):
    pipeline("example_reports").single(tmp_path, tmp_path)
    assert capsys.readouterr().err.count("left out") == 3
