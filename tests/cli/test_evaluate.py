"""`leafwood evaluate`: tables that fit a terminal, and every score as JSON."""

import json
import shutil

import pytest

from leafwood.cli.main import main


@pytest.fixture(scope="module")
def scans(small_scan, tmp_path_factory):
    """A scan with truth under a long name, and a labelled copy of it that must not be scored twice."""
    folder = tmp_path_factory.mktemp("a folder with a rather long name")
    shutil.copy(small_scan, folder / "a_scan_with_a_name_that_is_longer_than_a_column_of_a_table.laz")
    assert main(["segment", str(folder), "--quiet"]) == 0
    return folder


def test_tables_fit_eighty_columns(scans, capsys):
    assert main(["evaluate", str(scans)]) == 0
    out = capsys.readouterr().out
    assert max(len(line) for line in out.splitlines()) <= 80
    for words in ("height above ground", "density", "points", "G-mean", "AUROC", "all"):
        assert words in out
    assert "…" not in out
    assert out.count("7,544") <= 3  # the file and the sum, once each


def test_json_goes_to_stdout_or_a_file(scans, tmp_path, capsys):
    assert main(["evaluate", str(scans), "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["files"]) == 1
    assert 0 <= found["all"]["overall"]["auroc"] <= 1
    assert main(["evaluate", str(scans), "--json", str(tmp_path / "scores.json")]) == 0
    assert json.loads((tmp_path / "scores.json").read_text()) == found
