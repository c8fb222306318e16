"""The page of a scan: everything in it, nothing from elsewhere, and the command line's numbers."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from leafwood.canopy.profile import measure_canopy
from leafwood.errors import BadCloud
from leafwood.report.facts import measure
from leafwood.report.provenance import Provenance
from leafwood.report.row import read_row, row_of
from leafwood.report.single import report_page, write_report

NASTY = "<script>alert(1)</script>&\"'.laz"


class Page(HTMLParser):
    """Elements with their attributes, and the text outside scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self._inside = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside.append(tag)

    def handle_endtag(self, tag):
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data):
        if not self._inside:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(cloud, name="scan.laz", **known):
    facts = measure(cloud)
    told = Provenance(source=Path(name), sha256="0" * 64, **known)
    return report_page(cloud, facts, told, row_of(cloud, facts, name, facts.warnings)), facts


@pytest.fixture(scope="module")
def made(cloud):
    return page_of(cloud, command="leafwood segment scan.laz", model="uav", model_sha256="1" * 64, seconds=3.25)


def test_nothing_comes_from_elsewhere(made):
    text, _ = made
    page = Page(text)
    given = [pair for _, attributes in page.elements for pair in attributes.items()]
    links = [value for name, value in given if name in ("src", "srcset", "href")]
    assert links
    assert all(link.startswith(("data:", "#")) for link in links)
    outside = set(re.findall(r"https?://[^\s\"'<>)\\]+", text))
    assert {url.split("/")[2] for url in outside} <= {"www.w3.org"}  # names of XML languages, which nobody fetches
    assert "@import" not in text
    assert "url(http" not in text
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy


def test_what_is_there(made):
    text, facts = made
    page = Page(text)
    for words in ("Before you use the labels", "By height", "The numbers", "What was done", "How to cite"):
        assert words in page.text
    assert page.text.index("Before you use the labels") < page.text.index("points are shown")  # doubts come first
    assert len(page.all("img")) == 4
    assert all(len(image["alt"]) > 20 for image in page.all("img"))
    assert len(page.all("svg")) == 5
    assert all(len(figure["aria-label"]) > 20 for figure in page.all("figure") if figure.get("role") == "img")
    assert "three.js" in text.lower()
    assert "Permission is hereby granted" in text
    assert "1" * 64 in page.text
    assert "3.2" in page.text
    assert len(text) < 15e6
    assert facts.doubts[0].title in page.text


def test_numbers_are_those_of_the_cloud_and_of_the_profile(cloud, made):
    text, facts = made
    label = cloud.columns["leafwood"]
    assert (facts.leaf, facts.wood, facts.other) == tuple(int((label == code).sum()) for code in (1, 2, 0))
    layers = facts.layers
    assert layers.leaf.sum() + layers.wood.sum() == facts.leaf + facts.wood
    assert facts.histogram.sum() == facts.leaf + facts.wood
    doubtful = (label != 0) & (np.maximum(cloud.columns["wood_prob"], 1 - cloud.columns["wood_prob"]) < 0.7)
    assert facts.doubt_share == pytest.approx(doubtful.sum() / (label != 0).sum())
    canopy = measure_canopy(cloud)
    value, error = canopy.profile.index("lad", canopy.config.dz)
    assert f"{float(value):.2f} ± {float(error):.2f} m²/m²" in Page(text).text


def test_names_from_the_users_file_cannot_become_part_of_the_page(cloud):
    text, _ = page_of(cloud, NASTY, model=NASTY, warnings=(NASTY,), command=NASTY, settings={NASTY: NASTY})
    assert "alert(1)</script>" not in text
    assert Page(text).text.count(NASTY) >= 5


def test_a_sparse_scan_must_look_distrusted(cloud):
    thin = cloud.select(np.arange(0, len(cloud), 30))
    text, facts = page_of(thin)
    assert any(doubt.severe for doubt in facts.doubts)
    assert "Do not rely on these labels" in Page(text).text
    assert "The labels may be used" not in Page(text).text


def test_a_tree_without_ground_has_no_profile_and_says_why(cloud):
    crown = cloud.select(cloud.xyz[:, 2] > 8)
    text, facts = page_of(crown)
    assert facts.canopy is None
    assert not facts.above_ground
    assert "There is no profile of leaf area: no leaf area follows from it" in Page(text).text
    assert "The labels may be used" in Page(text).text


def test_how_unlike_the_scans_in_calibration_it_is(cloud):
    told = Provenance(source=Path("scan.laz"), sha256="0" * 64, model="uav", unlike=2.34)
    facts = measure(cloud, (), told.unlike)
    text = Page(report_page(cloud, facts, told, row_of(cloud, facts, "scan.laz", ()))).text
    assert "Unlike any scan in calibration" in text
    assert "2.3 times as far" in text
    assert "2.34 (up to 1" in text
    assert "not recorded in the file" in Page(page_of(cloud)[0]).text


def test_labels_without_probabilities_are_enough(cloud):
    columns = {name: column for name, column in cloud.columns.items() if name != "wood_prob"}
    text, facts = page_of(replace(cloud, columns=columns))
    assert facts.doubtful is None
    assert np.isnan(facts.doubt_share)
    assert "unknown" in Page(text).text


def test_the_page_carries_its_line_of_a_survey(cloud, tmp_path):
    target = tmp_path / "scan_report.html"
    row = write_report(cloud, target, Provenance(source=Path(NASTY), sha256="0"))
    assert read_row(target, tmp_path) == replace(row, report="scan_report.html")
    assert read_row(target, tmp_path / "below").report == "../scan_report.html"


def test_the_same_page_twice(cloud):
    assert page_of(cloud)[0] == page_of(cloud)[0]


def test_what_cannot_be_reported_on_says_what_to_do(cloud):
    with pytest.raises(BadCloud, match="leafwood segment"):
        measure(replace(cloud, columns={}))
    with pytest.raises(BadCloud, match="no points"):
        measure(cloud.select(np.zeros(0, dtype=int)))
