"""Points as text, in and out."""

from __future__ import annotations

import numpy as np
import pytest

from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud, BadFile
from leafwood.io.text import read_text, write_text


def labelled(cloud: PointCloud) -> PointCloud:
    n = len(cloud)
    return cloud.with_columns(leafwood=np.arange(n) % 3, wood_prob=np.linspace(0, 1, n))


@pytest.mark.parametrize(
    "text",
    [
        "1 2 3\n4 5 6.5\n",
        "1\t2\t3\n4\t5\t6.5",
        "1,2,3\r\n4,5,6.5\r\n",
        "1; 2; 3\n4; 5; 6.5\n",
        "  1   2  3 \n\n 4 5   6.5\n\n",
        "x y z\n1 2 3\n4 5 6.5\n",
        "# made by hand\n1 2 3\n# more\n4 5 6.5\n",
        "//X Y Z\n1 2 3\n4 5 6.5\n",
        "\ufeff1 2 3\n4 5 6.5\n",
        '"X","Y","Z"\n1,2,3\n4,5,6.5\n',
        "y;x;z\n2;1;3\n5;4;6.5\n",
        "1,2,3,\n4,5,6.5,\n",
        "1e0 2.0 3 oak\n4 5 6.5 ash\n",
    ],
)
def test_layouts(tmp_path, text):
    path = tmp_path / "p.txt"
    path.write_bytes(text.encode())
    cloud = read_text(path)
    assert np.array_equal(cloud.absolute(), [[1, 2, 3], [4, 5, 6.5]])
    write_text(labelled(cloud), path, tmp_path / "out.txt")
    again = read_text(tmp_path / "out.txt")
    assert np.array_equal(again.xyz, cloud.xyz)
    lines, before = (p.read_bytes().splitlines() for p in (tmp_path / "out.txt", path))
    assert len(lines) == len(before)
    for old, new in zip(before, lines, strict=True):
        assert new.startswith(old.rstrip(b" \t,"))


def test_named_columns_take_laspys_names(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("X,Y,Z,Classification,Return Number,scalar_label,species\n1,2,3,2,1,0.5,oak\n4,5,6,5,2,1.5,ash\n")
    columns = read_text(path).columns
    assert set(columns) == {"classification", "return_number", "label"}
    assert columns["classification"].dtype == np.uint8
    assert columns["label"].tolist() == [0.5, 1.5]


def test_second_run_replaces_labels(tmp_path):
    for name, text in (
        ("h.csv", "x,y,z,note\n1,2,3,a\n4,5,6,b\n"),
        ("c.txt", "# x y z\n1 2 3\n4 5 6\n"),
        ("n.txt", "1 2 3\n4 5 6\n"),
    ):
        path = tmp_path / name
        path.write_text(text)
        once, twice = tmp_path / f"{path.stem}_leafwood{path.suffix}", tmp_path / f"twice{name}"
        write_text(labelled(read_text(path)), path, once)
        write_text(labelled(read_text(once)), once, twice)
        assert once.read_bytes() == twice.read_bytes()
        assert len(once.read_text().splitlines()[-1].replace(",", " ").split()) == 5 + (name == "h.csv")


def test_columns_that_only_look_like_labels_stay(tmp_path):
    path = tmp_path / "survey.txt"
    path.write_text("1 2 3 1 0.5000\n4 5 6 2 0.2500\n")
    write_text(labelled(read_text(path)), path, tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text().splitlines()[0].split()[:5] == ["1", "2", "3", "1", "0.5000"]


def test_pts_count_is_checked(tmp_path):
    path = tmp_path / "p.pts"
    path.write_text("2\n1 2 3 10\n4 5 6 11\n")
    assert len(read_text(path)) == 2
    path.write_text("3\n1 2 3 10\n4 5 6 11\n")
    with pytest.raises(BadFile, match="promises 3 points and holds 2"):
        read_text(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("1 2\n3 4\n", "line 1 has 2 values"),
        ("1 2 3\n4 5\n", "line 2 has 2 values, the first point has 3"),
        ("1 2 3\n4 five 6\n", "line 2: 'five' is no number"),
        ("1 2 3\n\n4 5 nan\n", "line 3: coordinates must be finite, not nan"),
        ("1 2 inf\n", "line 1: coordinates must be finite"),
        ("1,5;2,5;drei\n", "'drei' is no number"),
        ("Dear reader\nthis is a letter\n", r"line \d"),
        ("Dear reader\n", "has no points"),
        ("# nothing\n", "has no points"),
        ("\0\1\2 \3 \4\n\5 \6 \7\n", "line"),
    ],
)
def test_wrong_lines_are_named(tmp_path, text, words):
    path = tmp_path / "p.txt"
    path.write_text(text)
    with pytest.raises(BadFile, match=words) as caught:
        read_text(path)
    assert "\n" not in str(caught.value)


def test_header_alone_is_a_cloud_without_points(tmp_path):
    path = tmp_path / "p.txt"
    path.write_text("x y z\n")
    cloud = read_text(path)
    assert len(cloud) == 0
    write_text(labelled(cloud), path, tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "x y z\n"


def test_labels_of_another_cloud_are_refused(tmp_path):
    path = tmp_path / "p.txt"
    path.write_text("1 2 3\n4 5 6\n")
    for keep in ([0], [0, 1, 0]):
        with pytest.raises(BadCloud, match="2 points"):
            write_text(labelled(read_text(path).select(np.array(keep))), path, tmp_path / "out.txt")
    assert [p.name for p in tmp_path.iterdir()] == ["p.txt"]


def test_far_coordinates_keep_their_digits(tmp_path):
    path = tmp_path / "p.xyz"
    path.write_text("432123.4567 6800012.3451 80\n432124.4567 6800013.3452 81\n")
    assert np.allclose(read_text(path).xyz[1], [1, 1.0001, 1], atol=1e-5)


def test_real_tree_keeps_every_line(shared_data, tmp_path):
    source = shared_data / "scans" / "uls_tropical_tree.txt"
    cloud = labelled(read_text(source))
    write_text(cloud, source, tmp_path / "out.txt")
    table = np.loadtxt(tmp_path / "out.txt")
    assert np.array_equal(table[:, :3], np.loadtxt(source))
    assert np.array_equal(table[:, 3], cloud.columns["leafwood"])
    assert np.allclose(table[:, 4], cloud.columns["wood_prob"], atol=0.51e-4)
