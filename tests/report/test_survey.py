"""A survey's page: failures on top, the same numbers as table, CSV and JSON, a map of what has a place."""

import csv
import json

import pytest
from pyproj import CRS

from leafwood.errors import TargetExists
from leafwood.report.row import Row, failed_row
from leafwood.report.survey import survey_files, write_survey

UTM = CRS.from_epsg(32633).to_wkt()
NASTY = "<img src=x onerror=alert(1)>.laz"


@pytest.fixture
def rows(tmp_path):
    place = {"crs": UTM, "unit": 1.0}
    return [
        Row("a.laz", 1000, 500.0, 0.1, 2.5, 0.2, 0.2, bounds=(0, 0, 50, 50), report="a_report.html", **place),
        Row("b.laz", 2000, 20.0, 0.4, None, None, 0.8, ("sparse",), 1, ("odd",), (50, 0, 100, 50), **place),
        Row("local.laz", 300, 900.0, 0.3, bounds=(0, 0, 5, 5)),
        failed_row(tmp_path / NASTY, ValueError(f"{tmp_path / NASTY}: is cut short")),
    ]


def test_failures_are_on_top_then_what_is_severe(rows, tmp_path):
    page, table, data = write_survey(rows, tmp_path)
    names = [row["file"] for row in json.loads(data.read_text())]
    assert names == [NASTY, "b.laz", "a.laz", "local.laz"]
    with table.open() as file:
        lines = list(csv.DictReader(file))
    assert [line["file"] for line in lines] == names
    assert (lines[0]["failure"], lines[1]["doubts"]) == ("is cut short", "sparse")
    assert (lines[1]["lai"], lines[2]["lai"], lines[2]["x_max"]) == ("", "2.5", "50")
    text = page.read_text()
    assert text.index("is cut short") < text.index("a_report.html")
    assert NASTY not in text
    assert "1 failed" in text


def test_the_map_shows_what_has_a_place(rows, tmp_path):
    text = write_survey(rows, tmp_path)[0].read_text()
    assert text.count("data-tile=") == 2
    assert "2 of the scans are not on the map" in text
    assert "WGS 84 / UTM zone 33N" in text


def test_without_a_coordinate_system_there_is_no_map(rows, tmp_path):
    text = write_survey(rows[2:], tmp_path)[0].read_text()
    assert "data-tile=" not in text
    assert "there is no map" in text


def test_nothing_is_written_over_unasked(rows, tmp_path):
    survey_files(tmp_path)[2].write_text("mine")
    with pytest.raises(TargetExists):
        write_survey(rows, tmp_path)
    assert not survey_files(tmp_path)[0].exists()
