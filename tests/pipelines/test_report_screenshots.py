"""Pictures of pages: which are taken, of what size, and what is left out."""

import sys

import page_browser
import pytest
import report_screenshots
from PIL import Image


def test_every_picture_is_of_a_page_that_the_examples_make_and_is_in_the_documentation():
    from example_reports import EXAMPLES, FEW_STEPS, SURVEY, TRUTH

    pages = {f"{name}_report.html" for name in EXAMPLES} | {f"{TRUTH}_compared.html"}
    pages |= {f"{SURVEY}/leafwood_survey.html", f"{FEW_STEPS}/report.html"}
    assert {shot.page for shots in report_screenshots.SHOTS.values() for shot in shots} == pages


@pytest.mark.browser
@pytest.mark.skipif(not page_browser.is_installed(), reason="needs chromium; `make test-browser` installs it")
def test_a_picture_is_taken_and_a_missing_page_said(tmp_path, monkeypatch, capsys):
    page = tmp_path / report_screenshots.SHOTS["report_training"][0].page
    page.parent.mkdir()
    page.write_text("<!DOCTYPE html><title>x</title><body style='background: #1f8f7c'></body>")
    words = ["x", str(tmp_path), str(tmp_path / "out"), "--only", "report_survey", "report_training"]
    monkeypatch.setattr(sys, "argv", words)
    report_screenshots.main()
    picture = Image.open(tmp_path / "out" / "report_training.png").convert("RGB")
    assert picture.size == report_screenshots.SHOTS["report_training"][0].size
    assert picture.getpixel((640, 500)) == (0x1F, 0x8F, 0x7C)
    assert "report_survey: " in capsys.readouterr().err
    assert not (tmp_path / "out" / "report_survey.png").exists()
