"""Pictures of pages: which are taken, of what size, and what is left out."""

import pytest
from PIL import Image

from leafwood.report.browser import is_installed


def test_every_page_of_the_examples_is_shown_and_no_other(pipeline):
    examples, screenshots = pipeline("example_reports"), pipeline("report_screenshots")
    pages = {f"{name}_report.html" for name in examples.EXAMPLES} | {f"{examples.TRUTH}_compared.html"}
    pages |= {f"{examples.SURVEY}/leafwood_survey.html", f"{examples.FEW_STEPS}/report.html"}
    assert {shot.page for shots in screenshots.SHOTS.values() for shot in shots} == pages


@pytest.mark.browser
@pytest.mark.skipif(not is_installed(), reason="needs chromium; `make test-browser` installs it")
def test_a_picture_is_taken_and_a_missing_page_said(pipeline, tmp_path, capsys):
    screenshots = pipeline("report_screenshots")
    shot = screenshots.SHOTS["report_training"][0]
    page = tmp_path / shot.page
    page.parent.mkdir()
    page.write_text("<!DOCTYPE html><title>x</title><body style='background: #1f8f7c'></body>")
    screenshots.main([str(tmp_path), str(tmp_path / "out"), "--only", "report_survey", "report_training"])
    picture = Image.open(tmp_path / "out" / "report_training.png").convert("RGB")
    assert picture.size == shot.size
    assert picture.getpixel((640, 500)) == (0x1F, 0x8F, 0x7C)
    assert "report_survey: " in capsys.readouterr().err
    assert not (tmp_path / "out" / "report_survey.png").exists()
