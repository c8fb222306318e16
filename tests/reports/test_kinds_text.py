"""The kinds of text files behind the reports, made on the spot: names, separators, signs, encodings, counts, labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.errors import BadFile, NoPointCloud
from leafwood.io.loaders import read, write
from leafwood.io.text_names import axes_of

pytestmark = pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")
ROWS = np.round(np.random.default_rng(0).random((40, 3)) * 20, 2) + [470_630, 3_810_230, 2_280]


def as_lines(table: np.ndarray, join: str, comma: bool = False) -> list[str]:
    lines = [join.join(f"{value:.2f}" for value in row) for row in table]
    return [line.replace(".", ",") for line in lines] if comma else lines


@pytest.mark.parametrize(
    "header",
    [
        "x,y,z",
        "X,Y,Z",
        '"X","Y","Z"',
        "//X,Y,Z",
        "# x,y,z",
        "Easting,Northing,Elevation",
        "EASTING,NORTHING,HEIGHT",
        "X_m,Y_m,Z_m",
        "X [m],Y [m],Z [m]",
        "x(m),y(m),z(m)",
        "Points:0,Points:1,Points:2",
        "E,N,H",
        "coord_x,coord_y,coord_z",
        "X Coordinate,Y Coordinate,Z Coordinate",
        "utm_easting,utm_northing,altitude",
        "Rechtswert,Hochwert,z",
    ],
)
def test_headers_in_the_fields_spellings(tmp_path, header):
    path = tmp_path / "p.csv"
    path.write_text("\n".join([header, *as_lines(ROWS, ",")]) + "\n")
    assert np.allclose(read(path).absolute(), ROWS, atol=1e-3)
    order = [2, 0, 1]
    names = header.lstrip("/# ").split(",")
    path.write_text("\n".join([",".join(names[i] for i in order), *as_lines(ROWS[:, order], ",")]) + "\n")
    assert np.allclose(read(path).absolute(), ROWS, atol=1e-3)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("time,lat,lon,elev", "degrees"),
        ("id,a,b,c", "which columns are x, y and z"),
        ("tree,X,Y,DBH", "which columns are x, y and z"),
        ("x,y,z,a,b", "names 5 columns, but the points have 4"),
    ],
)
def test_a_header_that_does_not_say_is_shown_in_the_question(tmp_path, header, words):
    path = tmp_path / "p.csv"
    path.write_text("\n".join([header, *as_lines(np.column_stack([np.arange(40), ROWS]), ",")]))
    with pytest.raises(NoPointCloud, match=words) as caught:
        read(path)
    assert header in str(caught.value)


def test_line_numbers_without_a_header_are_no_coordinates(tmp_path):
    path = tmp_path / "p.txt"
    path.write_text("\n".join(as_lines(np.column_stack([np.arange(40), ROWS]), " ")).replace(".00 4706", " 4706"))
    with pytest.raises(NoPointCloud, match="counts the lines"):
        read(path)


@pytest.mark.parametrize("join", [" ", "\t", ";", ",", "   "])
@pytest.mark.parametrize("comma", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("header", [True, False])
def test_separators_signs_and_encodings_come_back(tmp_path, labelled, join, comma, encoding, header):
    if comma and join == ",":
        return
    path = tmp_path / "p.txt"
    names = [join.join(("x", "y", "z", "note"))] if header else []
    rows = [line + f"{join}7" for line in as_lines(ROWS, join, comma)]
    path.write_bytes(("\r\n".join([*names, *rows]) + "\r\n").encode(encoding))
    done = labelled(path, tmp_path)
    assert np.allclose(done.again.absolute(), ROWS, atol=1e-3)
    before, after = (p.read_bytes().decode(encoding).splitlines() for p in (path, done.target))
    assert all(new.startswith(old) for old, new in zip(before, after, strict=True))
    write(done.again, tmp_path / "twice.txt", like=done.target)
    assert (tmp_path / "twice.txt").read_bytes() == done.target.read_bytes()


@pytest.mark.parametrize("missing", ["NA", "", "NaN", "null", "N/A", "-nan(ind)", "None"])
def test_missing_values_are_unknown_in_columns_and_refused_in_places(tmp_path, missing):
    path = tmp_path / "p.csv"
    path.write_text(f"x,y,z,tree,class\n1,2,3,4,5\n2,3,4,{missing},2\n3,4,5,6,{missing}\n")
    cloud = read(path)
    assert np.isnan(cloud.columns["tree"]).tolist() == [False, True, False]
    assert cloud.columns["classification"].tolist() == [5, 2, 0]
    path.write_text(f"x,y,z,tree\n1,2,3,4\n2,{missing},4,1\n")
    with pytest.raises(BadFile, match="line 3"):
        read(path)


def test_rs_tables_with_quotes_and_row_names(tmp_path, labelled):
    path = tmp_path / "p.txt"
    rows = [f'"{i + 1}" {line} "oak, old"' for i, line in enumerate(as_lines(ROWS, " "))]
    path.write_text("\n".join(['"X" "Y" "Z" "species"', *rows]) + "\n")
    done = labelled(path, tmp_path)
    assert np.allclose(done.again.absolute(), ROWS, atol=1e-3)
    assert done.target.read_text().splitlines()[1].startswith(rows[0] + " ")


def test_quoted_separators_and_hashes_stay_in_their_column(tmp_path, labelled):
    path = tmp_path / "p.csv"
    rows = [f'{line},"#{i}, a ""b""",{i}' for i, line in enumerate(as_lines(ROWS, ","))]
    path.write_text("\n".join(["x,y,z,remark,number", *rows]) + "\n")
    done = labelled(path, tmp_path)
    assert done.again.columns["number"].tolist() == list(range(40))
    write(done.again, tmp_path / "twice.csv", like=done.target)
    assert (tmp_path / "twice.csv").read_bytes() == done.target.read_bytes()


def test_several_scans_in_a_pts_file_and_remarks_inside(tmp_path, labelled):
    lines = as_lines(np.column_stack([ROWS, np.full(40, 7)]), " ")
    path = tmp_path / "p.pts"
    path.write_text("\n".join(["25", *lines[:25], "// second", "15", "# remark", *lines[25:]]) + "\n")
    done = labelled(path, tmp_path)
    assert np.allclose(done.again.absolute(), ROWS, atol=1e-3)
    assert [line for line in done.target.read_text().splitlines() if len(line.split()) < 3][:2] == ["25", "// second"]
    path.write_text("\n".join(["25", *lines[:25], "16", *lines[25:]]) + "\n")
    with pytest.raises(BadFile, match="promises 41 points and holds 40"):
        read(path)


def test_a_wrong_line_is_named_by_its_number_in_the_file(tmp_path):
    path = tmp_path / "p.txt"
    lines = ["# a", "x y z", "", *as_lines(ROWS, " ")]
    lines[20] = "1 two 3"
    path.write_text("\n".join(lines))
    with pytest.raises(BadFile, match=r"line 21: 'two' is no number"):
        read(path)


@pytest.mark.parametrize("name", ["out.xyz", "scan_leafwood.txt", "scan.pts"])
def test_labels_without_a_header_are_read_again_whatever_the_name(tmp_path, labelled, name):
    path = tmp_path / f"p{name[-4:]}"
    path.write_text("\n".join(as_lines(ROWS, " ")) + "\n")
    done = labelled(path, tmp_path)
    other = tmp_path / f"again_{name}"
    other.write_bytes(done.target.read_bytes())
    assert np.array_equal(read(other).columns["leafwood"], done.result.columns["leafwood"])


def test_heights_are_columns_too(tmp_path, labelled):
    path = tmp_path / "p.xyz"
    path.write_text("\n".join(as_lines(ROWS, " ")) + "\n")
    done = labelled(path, tmp_path, extra=("height_ag",))
    assert set(done.again.columns) == {"leafwood", "wood_prob", "height_ag"}


def test_somebody_elses_column_leafwood_stays_under_another_name(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("x,y,z,leafwood\n" + "\n".join(f"{line},9" for line in as_lines(ROWS, ",")) + "\n")
    cloud = read(path).with_columns(leafwood=np.ones(40), wood_prob=np.zeros(40))
    with pytest.warns(UserWarning, match="leafwood_before"):
        write(cloud, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[0] == "x,y,z,leafwood_before,leafwood,wood_prob"
    assert read(tmp_path / "out.csv").columns["leafwood_before"].tolist() == [9] * 40


@pytest.mark.parametrize("stray", [(0, 0, 0), (470_630, 3_810_230, 90_000), (1e9, 1e9, 1e9)])
def test_strays_in_text_are_left_out(tmp_path, labelled, stray):
    path = tmp_path / "p.xyz"
    path.write_text("\n".join(as_lines(np.vstack([ROWS, stray, ROWS + 0.5]), " ")) + "\n")
    done = labelled(path, tmp_path)
    assert np.flatnonzero(done.result.strays()).tolist() == [40]
    assert "kilometres away" in done.said


@settings(deadline=None, max_examples=100)
@given(
    st.permutations(range(6)),
    st.lists(st.sampled_from(["id", "r", "gps", "return", "class", "wh"]), min_size=3, max_size=3),
)
def test_axes_are_found_wherever_they_stand(order, others):
    names = ["x", "y", "z", *others[:3]]
    shuffled = [names[i] for i in order]
    assert axes_of(shuffled) == tuple(shuffled.index(axis) for axis in "xyz")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1 2 3 4", "line 6 has 4 values, the first point has 3"),
        ("1 2", "line 6 has 2 values, the first point has 3"),
        ('1 2 "3', "line 6 has a quotation mark without its pair"),
        ("1 2 3\x1f4", "line 6: '3.*4' is no number"),
        ("1 2 3\u30004", "line 6: '3.*4' is no number"),
    ],
)
def test_lines_of_another_width_are_refused(tmp_path, line, words):
    path = tmp_path / "p.xyz"
    rows = as_lines(ROWS, " ")
    path.write_text("\n".join([*rows[:5], line, *rows[5:]]), encoding="utf-8")
    with pytest.raises(BadFile, match=words):
        read(path)


def test_a_header_with_half_a_quotation_is_refused(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("\n".join(['X;Y;Z;class "', *(f"{row};1" for row in as_lines(ROWS, ";"))]))
    with pytest.raises(BadFile, match="line 1 has a quotation mark without its pair"):
        read(path)


def test_labels_stand_before_a_remark_at_the_end_of_a_line(tmp_path, labelled):
    path = tmp_path / "p.xyz"
    rows = as_lines(ROWS, " ")
    path.write_text("\n".join([*rows[:5], rows[5] + " # an odd one", *rows[6:]]) + "\n")
    line = labelled(path, tmp_path).target.read_text().splitlines()[5]
    assert line.startswith(rows[5])
    assert line.endswith(" # an odd one")
