"""`leafwood info`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leafwood.batch.one_file import LabelOptions, label_file
from leafwood.batch.rehearse import rehearse
from leafwood.cli.main import main
from leafwood.errors import LeafwoodError

NEAR = (1e-9, 1e-9, 1e-9)  # random integers within four metres


def test_says_what_segment_would_do(tmp_path, build_las, capsys):
    path = tmp_path / "scan.las"
    path.write_bytes(build_las(minor=2, point_format=1, n=20, scale=NEAR))
    assert main(["info", str(path)]) == 0
    out = capsys.readouterr().out
    for words in (
        "LAS 1.2, point format 1, uncompressed",
        "points/m²",
        "warning: has no CRS",
        "segment would write scan_leafwood.las",
        "--upgrade",
    ):
        assert words in out


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"n": 0}, "as this one has none"),
        ({"scale": (0, 0, 0)}, "would refuse it"),
        ({"scale": NEAR}, "65 (leaf) and 64 (wood)"),
        ({}, "are these metres?"),
    ],
)
def test_other_outcomes(tmp_path, build_las, capsys, choice, words):
    path = tmp_path / "scan.las"
    path.write_bytes(build_las(**choice))
    assert main(["info", str(path)]) == 0
    assert words in capsys.readouterr().out


def test_markup_in_names_is_printed_as_it_is(tmp_path, build_las, capsys):
    path = tmp_path / "[red]scan[bold].las"
    path.write_bytes(build_las(vlrs=(("[bold]", 9, b""),)))
    assert main(["info", "--header", str(path)]) == 0
    out = capsys.readouterr().out
    assert "[red]scan[bold]_leafwood.las" in out
    assert "[bold]/9" in out


def test_bad_file_is_one_line(tmp_path, capsys):
    path = tmp_path / "x.las"
    path.write_bytes(b"nothing")
    assert main(["info", str(path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(at=st.lists(st.tuples(st.integers(0, 374), st.integers(0, 255)), min_size=1, max_size=4))
def test_info_and_segment_agree(at, build_las, tmp_path_factory):
    """Whatever the header says, info promises what segment then does."""
    folder = tmp_path_factory.mktemp("mutated")
    content = bytearray(build_las(n=60, scale=NEAR))
    for place, value in at:
        content[place] = value
    path = folder / "scan.las"
    path.write_bytes(bytes(content))
    try:
        promised = rehearse(path).problem is None
    except Exception as error:
        pytest.fail(f"{type(error).__name__}: {error}")
    try:
        label_file(path, folder / "out.las", LabelOptions())
        done = True
    except LeafwoodError:
        done = False
    assert promised == done
