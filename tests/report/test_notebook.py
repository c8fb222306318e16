"""Clouds in a notebook: a short text, a table, and a view in a frame."""

import html

import numpy as np
import pytest

import leafwood
from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud


def test_a_cloud_is_a_line_of_text(cloud):
    text = repr(cloud)
    assert len(text) < 400
    assert "30,000" in text
    assert "leafwood:uint16" in text
    assert "array" not in text
    assert repr(PointCloud(np.zeros((0, 3), dtype=np.float32))) == "PointCloud(points: 0, columns: none, CRS: none)"


def test_the_table_counts_labels_and_escapes_names(cloud):
    named = cloud.with_columns(**{"<b>": cloud.columns["leafwood"]})
    table = named._repr_html_()
    wood = int((cloud.columns["leafwood"] == 2).sum())
    assert f"{wood:,} wood" in table
    assert "&lt;b&gt;" in table
    assert "<b>" not in table


def test_the_view_is_a_whole_page_in_a_frame(cloud):
    cell = cloud.view()._repr_html_()
    assert cell.startswith('<iframe srcdoc="')
    inside = html.unescape(cell.split('srcdoc="')[1].split('" title=')[0])
    assert inside.startswith("<!DOCTYPE html>")
    assert "30,000 of 30,000 points are shown" in inside


def test_nothing_to_view(cloud):
    with pytest.raises(BadCloud, match="leafwood segment"):
        leafwood.view(PointCloud(cloud.xyz))
