"""The cells of the documentation, run in a real notebook: a table, then a view that turns."""

import ast
import re
from pathlib import Path

import pytest

from leafwood.report.browser import DRAWN, is_installed

ROOT = Path(__file__).resolve().parents[2]


def cells():
    """The statements of the block under `In a notebook`, a cell each."""
    text = (ROOT / "docs" / "report.md").read_text(encoding="utf-8").split("## In a notebook")[1]
    block = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    return [ast.get_source_segment(block, statement) for statement in ast.parse(block).body]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What the notebook shows under each cell, as HTML; None where it shows nothing."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "scan.laz").write_bytes((ROOT / "data_samples" / "single_tree.laz").read_bytes())
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells()])
    nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    shown = [[output.data for output in cell.outputs if output.output_type == "execute_result"] for cell in book.cells]
    return [data[0]["text/html"] if data else None for data in shown]


def test_the_cloud_shows_as_a_table_and_its_view_as_a_page(outputs):
    assert [output is not None for output in outputs] == [False, False, True, True]
    table, view = outputs[2:]
    assert "wood" in table
    assert "<table" in table
    assert view.startswith("<iframe srcdoc=")
    assert len(view) < 8e6


@pytest.mark.browser
@pytest.mark.skipif(not is_installed(), reason="needs chromium; `make test-browser` installs it")
def test_the_view_is_drawn_in_its_cell(outputs, tmp_path):
    from leafwood.report.browser import browser

    page = tmp_path / "cells.html"
    page.write_text("<!DOCTYPE html><body>" + "".join(output or "" for output in outputs), encoding="utf-8")
    with browser(tmp_path / "profile") as shown:
        shown.open(page)
        shown.driver.switch_to.frame(shown.find("iframe"))
        shown.wait(DRAWN)
        picture = shown.canvas()
        assert (abs(picture - picture[30, -30]).max(axis=-1) > 0.05).mean() > 0.02
        shown.find("input[name=kind-1]").click()
        assert (abs(picture - shown.canvas()).max(axis=-1) > 0.05).mean() > 0.01
        assert shown.errors() == []
