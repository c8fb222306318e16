"""PCD in and out."""

from __future__ import annotations

import numpy as np
import pytest

from leafwood.errors import BadCloud, BadFile
from leafwood.io.pcd import read_pcd, write_pcd
from leafwood.spatial.ground import not_vegetation

HEAD = (
    "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z label gps\nSIZE 8 8 8 2 8\nTYPE F F F U F\nCOUNT 1 1 1 1 1\n"
    "WIDTH {0}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {0}\nDATA {1}\n"
)
DTYPE = [("x", "<f8"), ("y", "<f8"), ("z", "<f8"), ("label", "<u2"), ("gps", "<f8")]


def make(path, form: str = "binary", n: int = 50) -> np.ndarray:
    table = np.zeros(n, dtype=DTYPE)
    rng = np.random.default_rng(0)
    for name, kind in DTYPE:
        table[name] = rng.integers(0, 100, n) + (np.round(rng.random(n), 3) if kind[1] == "f" else 0)
    table["y"] += 6_800_012.345678
    text = "".join(" ".join(repr(v.item()) for v in row) + "\n" for row in table)
    path.write_bytes(HEAD.format(n, form).encode() + (text.encode() if form == "ascii" else table.tobytes()))
    return table


@pytest.mark.parametrize("form", ["ascii", "binary"])
def test_every_field_comes_back(tmp_path, form):
    path, out = tmp_path / "in.pcd", tmp_path / "out.pcd"
    table = make(path, form)
    cloud = read_pcd(path)
    assert np.allclose(cloud.absolute()[:, 1], table["y"], atol=1e-5)
    assert np.array_equal(cloud.columns["label"], table["label"])
    cloud = cloud.with_columns(leafwood=np.arange(50) % 3, wood_prob=np.linspace(0, 1, 50))
    write_pcd(cloud, path, out)
    again = read_pcd(out)
    assert np.array_equal(again.xyz, cloud.xyz)
    assert np.array_equal(again.columns["gps"], table["gps"])
    assert again.columns["leafwood"].tolist() == (np.arange(50) % 3).tolist()
    assert np.allclose(again.columns["wood_prob"], np.linspace(0, 1, 50), atol=1e-6)
    write_pcd(cloud, out, tmp_path / "twice.pcd")
    assert set(read_pcd(tmp_path / "twice.pcd").columns) == set(again.columns)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.pcd", "out.pcd", "twice.pcd"]


@pytest.mark.parametrize("form", ["ascii", "binary"])
def test_cut_short(tmp_path, form):
    path = tmp_path / "in.pcd"
    make(path, form)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(BadFile, match="promises 50 points"):
        read_pcd(path)


@pytest.mark.parametrize(
    "content", [b"", b"hello", HEAD.format("x", "ascii").encode(), b"FIELDS a b\nPOINTS 1\nDATA ascii\n1 2\n"]
)
def test_not_pcd(tmp_path, content):
    path = tmp_path / "in.pcd"
    path.write_bytes(content)
    with pytest.raises(BadFile, match="not a PCD"):
        read_pcd(path)


def test_nan_and_no_points(tmp_path):
    path = tmp_path / "in.pcd"
    path.write_text(HEAD.format(2, "ascii") + "1 nan 3 1 1\n1 2 3 1 1\n")
    with pytest.raises(BadCloud, match="NaN"):
        read_pcd(path)
    make(path, n=0)
    assert len(read_pcd(path)) == 0


def test_a_field_of_several_values_has_no_meaning_of_ours(tmp_path):
    path = tmp_path / "a.pcd"
    head = "VERSION 0.7\nFIELDS x y z class\nSIZE 4 4 4 1\nTYPE F F F U\nCOUNT 1 1 1 2\n"
    head += "WIDTH 2\nHEIGHT 1\nPOINTS 2\nDATA ascii\n"
    path.write_text(head + "0 0 0 1 2\n1 1 1 3 4\n")
    cloud = read_pcd(path)
    assert "classification" not in cloud.columns
    assert cloud.columns["classification_values"].tolist() == [[1, 2], [3, 4]]
    assert not not_vegetation(cloud).any()
