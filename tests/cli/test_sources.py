"""Scans where users keep them: on servers, in lists, and parts of them."""

import json

import laspy
import numpy as np
import pytest

from leafwood.batch import one_file
from leafwood.cli.main import main
from leafwood.io.bounds import Bounds
from leafwood.io.las.layout import read_layout


@pytest.fixture
def copc(served, write_copc, small_scan):
    return write_copc(small_scan, served.folder / "plot.copc.laz")


@pytest.fixture
def half(small_scan):
    low, high = read_layout(small_scan).bounds[:, :2]
    return Bounds(low[0], low[1], (low[0] + high[0]) / 2, high[1] + 1)


def test_of_a_scan_at_an_address_the_points_inside_are_labelled(served, copc, half, tmp_path, capsys):
    url, out = served.url(copc.name), tmp_path / "out"
    out.mkdir()
    assert main(["segment", f"{url}?key=secret", "-o", str(out), f"--bounds={half}"]) == 0
    said = capsys.readouterr()
    las = laspy.read(out / "plot_leafwood.laz")
    full = laspy.read(copc)
    inside = half.holds(np.asarray(full.x), np.asarray(full.y))
    np.testing.assert_array_equal(np.asarray(las.X), np.asarray(full.X)[inside])
    assert set(np.unique(las["leafwood"])) <= {0, 1, 2}
    assert (np.asarray(las["leafwood"]) == 2).any()
    assert f"{url}: {inside.sum():,} of {len(full):,} points lie within --bounds {half}" in said.err
    assert "secret" not in said.err + said.out
    assert [path.name for path in out.iterdir()] == ["plot_leafwood.laz"]
    near = tmp_path / "near.laz"
    assert main(["segment", str(copc), "-o", str(near), f"--bounds={half}"]) == 0
    assert near.read_bytes() == (out / "plot_leafwood.laz").read_bytes()


def test_labels_inside_are_those_of_the_scan_with_what_lies_around(small_scan, half, tmp_path, monkeypatch):
    whole, part, alone = (tmp_path / f"{name}.laz" for name in ("whole", "part", "alone"))
    assert main(["segment", str(small_scan), "-o", str(whole)]) == 0
    assert main(["segment", str(small_scan), "-o", str(part), f"--bounds={half}"]) == 0
    monkeypatch.setattr(one_file, "_AROUND", 0.0)
    assert main(["segment", str(small_scan), "-o", str(alone), f"--bounds={half}"]) == 0
    las, found, edged = (laspy.read(path) for path in (whole, part, alone))
    inside = half.holds(np.asarray(las.x), np.asarray(las.y))
    differ = [
        float((np.asarray(other["leafwood"]) != np.asarray(las["leafwood"])[inside]).mean()) for other in (found, edged)
    ]
    assert differ[0] == 0 < differ[1]


def test_without_bounds_it_is_labelled_as_the_file_is(served, copc, tmp_path):
    for source, target in ((served.url(copc.name), "far.laz"), (str(copc), "near.laz")):
        assert main(["segment", source, "-o", str(tmp_path / target)]) == 0
    assert (tmp_path / "far.laz").read_bytes() == (tmp_path / "near.laz").read_bytes()


def test_an_address_without_an_output_is_refused(served, copc, capsys):
    assert main(["segment", served.url(copc.name)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("labels cannot be written beside it: give a folder as -o")
    assert served.sent == 0


def test_a_report_names_the_address_and_not_its_secret(served, copc, half, tmp_path):
    url = served.url(copc.name)
    words = ["segment", f"{url}?key=secret", "-o", str(tmp_path / "out"), f"--bounds={half}", "--report", "--profile"]
    assert main([*words, "--force"]) == 0
    page = (tmp_path / "out" / "plot_leafwood_report.html").read_text()
    assert "plot.copc.laz" in page
    assert "seconds to label" in page
    assert f"--bounds={half}" in page
    assert "secret" not in page


def test_a_list_is_labelled_file_by_file_and_known_again(served, copc, half, tmp_path, capsys, small_scan):
    (tmp_path / "small.laz").write_bytes(small_scan.read_bytes())
    items = [{"assets": {"data": {"href": href}}} for href in (served.url(copc.name), "small.laz")]
    (tmp_path / "all.vpc").write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    words = ["segment", str(tmp_path / "all.vpc"), "-o", str(tmp_path / "out"), f"--bounds={half}"]
    assert main(words) == 0
    out = sorted((tmp_path / "out").glob("*.laz"))
    assert [path.name for path in out] == ["plot_leafwood.laz", "small_leafwood.laz"]
    before = [path.stat().st_mtime_ns for path in out]
    capsys.readouterr()
    assert main([*words, "--resume"]) == 0
    said = capsys.readouterr()
    assert "files there already" in said.out
    assert "left alone" not in said.err
    assert [path.stat().st_mtime_ns for path in out] == before
    copc.write_bytes(small_scan.read_bytes())  # changed on its server
    assert main([*words, "--resume"]) == 0
    assert [path.stat().st_mtime_ns == time for path, time in zip(out, before, strict=True)] == [False, True]


def test_files_outside_the_bounds_are_passed_over(copc, small_scan, half, tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.laz").write_bytes(small_scan.read_bytes())
    las = laspy.read(small_scan)
    las.x = np.asarray(las.x) + 500
    las.write(folder / "b.laz")
    assert main(["segment", str(folder), "-o", str(tmp_path / "out"), f"--bounds={half}"]) == 0
    said = capsys.readouterr().err
    assert f"passed over: {folder / 'b.laz'}: no point lies within --bounds" in said
    assert main(["segment", str(folder / "b.laz"), "-o", str(tmp_path / "b.laz"), f"--bounds={half}"]) == 1
    assert "the file covers" in capsys.readouterr().err


@pytest.mark.parametrize(("option", "says"), [("--bounds=1,2,3", "four numbers"), ("--part=3/2", "I-th of N")])
def test_what_cannot_be_meant_is_bad_usage(small_scan, tmp_path, capsys, option, says):
    assert main(["segment", str(small_scan), "-o", str(tmp_path / "out.laz"), option]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
