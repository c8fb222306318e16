"""PLY, in and out."""

from __future__ import annotations

import numpy as np
import pytest

from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud, BadFile, FileWarning
from leafwood.io.ply import read_ply, write_ply

KINDS = {
    "i1": "char",
    "u1": "uchar",
    "i2": "short",
    "u2": "ushort",
    "i4": "int",
    "u4": "uint",
    "f4": "float",
    "f8": "double",
}
FIELDS = [("x", "f8"), ("y", "f8"), ("z", "f8"), *((f"p_{k}", k) for k in KINDS), ("scalar_Classification", "f4")]


def labelled(cloud: PointCloud) -> PointCloud:
    n = len(cloud)
    return cloud.with_columns(leafwood=np.arange(n) % 3, wood_prob=np.linspace(0, 1, n))


def make(
    path, form: str, fields=FIELDS, n: int = 20, before: str = "", before_data: bytes = b"", after: bytes = b""
) -> np.ndarray:
    order = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}[form]
    table = np.zeros(n, dtype=[(name, order + kind) for name, kind in fields])
    rng = np.random.default_rng(0)
    for name, kind in fields:
        table[name] = rng.integers(0, 100, n) + (rng.random(n) if kind[0] == "f" else 0)
    table["y"] += 6_800_012.345
    head = f"ply\nformat {form} 1.0\ncomment kept\n{before}element vertex {n}\n"
    head += "".join(f"property {KINDS[kind]} {name}\n" for name, kind in fields)
    head += "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    if form == "ascii":
        body = "".join(" ".join(repr(v.item()) for v in row) + "\n" for row in table).encode()
    else:
        body = table.tobytes()
    path.write_bytes(head.encode() + before_data + body + after)
    return table


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_every_property_comes_back(tmp_path, form):
    path, out = tmp_path / "in.ply", tmp_path / "out.ply"
    table = make(path, form, after=b"3 0 1 2\n")
    cloud = labelled(read_ply(path))
    write_ply(cloud, path, out)
    again = read_ply(out)
    assert np.array_equal(again.xyz, cloud.xyz)
    assert np.array_equal(again.origin, [table[a].min() for a in "xyz"])
    for kind in KINDS:
        assert np.array_equal(again.columns[f"p_{kind}"], table[f"p_{kind}"])
    assert np.array_equal(again.columns["classification"], table["scalar_Classification"])
    assert np.array_equal(again.columns["leafwood"], cloud.columns["leafwood"])
    assert np.allclose(again.columns["wood_prob"], cloud.columns["wood_prob"], atol=1e-6)
    assert out.read_bytes().endswith(b"3 0 1 2\n")
    assert b"comment kept\n" in out.read_bytes()
    write_ply(cloud, out, tmp_path / "twice.ply")
    assert (tmp_path / "twice.ply").read_bytes() == out.read_bytes()


@pytest.mark.parametrize(("form", "data"), [("ascii", b"7\n8\n"), ("binary_little_endian", b"\7\0\0\0\x08\0\0\0")])
def test_elements_before_the_vertices_stay(tmp_path, form, data):
    path, out = tmp_path / "in.ply", tmp_path / "out.ply"
    table = make(path, form, before="element camera 2\nproperty int id\n", before_data=data)
    write_ply(labelled(read_ply(path)), path, out)
    assert b"end_header\n" + data in out.read_bytes()
    assert np.array_equal(read_ply(out).columns["p_u2"], table["p_u2"])


def test_open3d_reads_what_is_written(tmp_path):
    import open3d

    path, out = tmp_path / "in.ply", tmp_path / "out.ply"
    table = make(path, "binary_little_endian", fields=[("x", "f8"), ("y", "f8"), ("z", "f8"), ("label", "f4")])
    write_ply(labelled(read_ply(path)), path, out)
    seen = open3d.t.io.read_point_cloud(str(out)).point
    assert np.array_equal(seen.positions.numpy()[:, 1], table["y"])
    assert np.allclose(seen["wood_prob"].numpy()[:, 0], np.linspace(0, 1, 20), atol=1e-6)


def test_property_of_another_kind_with_our_name_survives(tmp_path):
    path, out = tmp_path / "in.ply", tmp_path / "out.ply"
    table = make(path, "binary_little_endian", fields=[*FIELDS, ("wood_prob", "u1")])
    with pytest.warns(FileWarning, match="wood_prob_before"):
        write_ply(labelled(read_ply(path)), path, out)
    again = read_ply(out).columns
    assert np.array_equal(again["wood_prob_before"], table["wood_prob"])
    assert again["wood_prob"].dtype == np.float32


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a PLY"),
        (b"hello\nworld", "not a PLY"),
        (b"ply\nformat ascii 1.0\n", "no end"),
        (b"ply\nformat ascii 1.0\nelement vertex many\nend_header\n", "line 3"),
        (b"ply\nformat odd 1.0\nelement vertex 1\nend_header\n", "line 2"),
        (b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n1\n", "no y, z"),
        (b"ply\nformat ascii 1.0\nelement vertex 1\nproperty list uchar int x\nend_header\n1\n", "has a list"),
    ],
)
def test_damaged_headers(tmp_path, content, words):
    path = tmp_path / "in.ply"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=words):
        read_ply(path)


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian"])
def test_cut_short(tmp_path, form):
    path = tmp_path / "in.ply"
    make(path, form)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BadFile, match=r"promises 20|cannot be read"):
        read_ply(path)


def test_nan_and_no_points(tmp_path):
    path = tmp_path / "in.ply"
    head = (
        "ply\nformat ascii 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
    )
    path.write_text(head.format(1) + "1 nan 2\n")
    with pytest.raises(BadCloud, match=r"in\.ply.*NaN"):
        read_ply(path)
    path.write_text(head.format(0))
    cloud = read_ply(path)
    assert len(cloud) == 0
    write_ply(labelled(cloud), path, tmp_path / "out.ply")
    assert len(read_ply(tmp_path / "out.ply")) == 0
