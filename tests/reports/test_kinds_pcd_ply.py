"""The kinds of PCD and PLY files behind the reports, made on the spot."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.errors import BadFile, FileWarning
from leafwood.io.loaders import read, write
from leafwood.io.lzf import decompress

pytestmark = pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")
KINDS = [("F", 4), ("F", 8), ("U", 1), ("U", 2), ("U", 4), ("U", 8), ("I", 1), ("I", 2), ("I", 4), ("I", 8)]
LETTERS = {"F": "f", "U": "u", "I": "i"}
POINTS = 24


def literals(data: bytes) -> bytes:
    """An LZF stream without references."""
    return b"".join(bytes([len(data[i : i + 32]) - 1]) + data[i : i + 32] for i in range(0, len(data), 32))


def make_pcd(
    path: Path, extra: list[tuple[str, str, int, int]], form: str, height: int = 1, viewpoint: str = "1 2 3 1 0 0 0"
):
    fields = [("x", "F", 4, 1), ("y", "F", 4, 1), ("z", "F", 4, 1), *extra]
    rng = np.random.default_rng(0)
    dtype = np.dtype([(f"f{i}", f"<{LETTERS[t]}{s}", (c,)) for i, (_, t, s, c) in enumerate(fields)])
    table = np.zeros(POINTS, dtype=dtype)
    for i in range(len(fields)):
        table[f"f{i}"] = rng.integers(0, 100, table[f"f{i}"].shape)
    head = ["# made for a test", "VERSION 0.7"]
    for name, place in (("FIELDS", 0), ("SIZE", 2), ("TYPE", 1), ("COUNT", 3)):
        head.append(" ".join([name, *(str(field[place]) for field in fields)]))
    head += [
        f"WIDTH {POINTS // height}",
        f"HEIGHT {height}",
        f"VIEWPOINT {viewpoint}",
        f"POINTS {POINTS}",
        f"DATA {form}",
    ]
    if form == "ascii":
        rows = (" ".join(str(v) for i in range(len(fields)) for v in np.ravel(row[f"f{i}"])) for row in table)
        data = "".join(row + "\n" for row in rows).encode()
    elif form == "binary":
        data = table.tobytes()
    else:
        plain = b"".join(np.ascontiguousarray(table[f"f{i}"]).tobytes() for i in range(len(fields)))
        packed = literals(plain)
        data = len(packed).to_bytes(4, "little") + len(plain).to_bytes(4, "little") + packed
    path.write_bytes("\n".join(head).encode() + b"\n" + data)
    return table


field = st.tuples(
    st.sampled_from(["_", "intensity", "normal_x", "positions", "colors", "ring", "Return Number".replace(" ", "_")]),
    st.sampled_from(KINDS),
    st.integers(0, 5),
).map(lambda f: (f[0], *f[1], f[2]))


@settings(deadline=None, max_examples=60)
@given(st.lists(field, max_size=6), st.sampled_from(["ascii", "binary", "binary_compressed"]), st.sampled_from([1, 4]))
def test_any_fields_come_back_beside_the_labels(extra, form, height):
    with tempfile.TemporaryDirectory() as folder:
        path, target = Path(folder) / "in.pcd", Path(folder) / "out.pcd"
        table = make_pcd(path, extra, form, height)
        cloud = read(path)
        assert np.array_equal(cloud.absolute(), np.concatenate([table[f"f{i}"] for i in range(3)], axis=1))
        cloud = cloud.with_columns(leafwood=np.arange(POINTS) % 3, wood_prob=np.linspace(0, 1, POINTS))
        write(cloud, target)
        again = read(target)
        assert again.columns["leafwood"].tolist() == (np.arange(POINTS) % 3).tolist()
        for name, column in cloud.columns.items():
            if name not in ("leafwood", "wood_prob"):
                assert np.array_equal(again.columns[name], column), name
        kept = {b"WIDTH", b"HEIGHT", b"VIEWPOINT", b"POINTS", b"#"}
        lines = [[x for x in p.read_bytes().splitlines() if x.split(b" ")[0] in kept] for p in (path, target)]
        assert lines[0] == lines[1]
        write(again, Path(folder) / "twice.pcd")
        assert (Path(folder) / "twice.pcd").read_bytes() == target.read_bytes()


@pytest.mark.parametrize(("form", "lost"), [("ascii", 20), ("binary", 5), ("binary_compressed", 5)])
def test_a_cut_pcd_is_refused(tmp_path, form, lost):
    path = tmp_path / "in.pcd"
    make_pcd(path, [("ring", "U", 2, 3)], form)
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(BadFile, match=r"promises|damaged"):
        read(path)


@pytest.mark.parametrize(
    "change", [("POINTS 24", "POINTS 1000000000000"), ("WIDTH 24", "WIDTH x"), ("TYPE F", "TYPE Q")]
)
@pytest.mark.parametrize("form", ["ascii", "binary", "binary_compressed"])
def test_a_lying_pcd_header_is_one_line(tmp_path, form, change):
    path = tmp_path / "in.pcd"
    make_pcd(path, [], form)
    path.write_bytes(path.read_bytes().replace(change[0].encode(), change[1].encode()))
    with pytest.raises(BadFile) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_points_that_were_not_measured_stay_in_their_rows(tmp_path, labelled):
    path = tmp_path / "in.pcd"
    table = make_pcd(path, [], "binary", height=4)
    data = path.read_bytes()
    table["f0"][5] = table["f1"][5] = table["f2"][5] = np.nan
    path.write_bytes(data[: -POINTS * 12] + table.tobytes())
    done = labelled(path, tmp_path)
    assert np.flatnonzero(done.result.strays()).tolist() == [5]
    assert done.result.columns["leafwood"][5] == 0
    assert np.isnan(np.frombuffer(done.target.read_bytes()[-POINTS * 18 :], "<f4", 3, 5 * 18)).all()


def test_fields_of_several_values_are_said_to_be_missing_in_las(tmp_path):
    make_pcd(tmp_path / "in.pcd", [("fpfh", "F", 4, 33)], "binary")
    cloud = read(tmp_path / "in.pcd").with_columns(leafwood=np.ones(POINTS), wood_prob=np.zeros(POINTS))
    with pytest.warns(FileWarning, match="fpfh"):
        write(cloud, tmp_path / "out.laz")


@given(st.binary(min_size=1, max_size=300))
def test_lzf_gives_back_literals_and_refuses_garbage(data):
    assert decompress(literals(data), len(data)) == data
    with pytest.raises(ValueError, match="LZF"):
        decompress(data, 10**6)


def test_lzf_references_repeat_what_was_there():
    assert decompress(b"\x01ab\x40\x01", 6) == b"ab" + b"abab"
    assert decompress(b"\x00a\xe0\x05\x00", 1 + 14) == b"a" * 15


VERTEX = "property double x\nproperty double y\nproperty double z\n"


def make_ply(
    path: Path, properties: str = "", count: int = 3, before: str = "", form: str = "binary_little_endian", data=None
):
    head = f"ply\nformat {form} 1.0\n{before}element vertex {count}\n{VERTEX}{properties}end_header\n"
    path.write_bytes(head.encode("latin-1") + (np.arange(9.0).tobytes() if data is None else data))


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"properties": "property list uchar int v\n"}, r"list \(v\) in its vertices"),
        ({"before": "element face 2\nproperty list uchar int v\n"}, r"list \(v\) in its element face"),
        ({"before": "element odd 100000000000\nproperty float a\n"}, "cut short"),
        ({"before": "element odd 100000000000\nproperty float a\n", "form": "ascii"}, "cut short"),
        ({"count": 10**12}, "promises 1000000000000 vertices"),
        ({"count": 10**12, "form": "ascii"}, "promises 1000000000000 vertices"),
        ({"count": -1}, "line 3"),
        ({"before": "element vertex 1\nproperty int a\n"}, "line"),
        ({"properties": "property float\n"}, "cannot be read"),
    ],
)
def test_odd_ply_headers_are_one_line_at_once(tmp_path, choices, words):
    path = tmp_path / "in.ply"
    make_ply(path, **choices)
    with pytest.raises(BadFile, match=words) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["caf\xe9", "leafwood", "scalar_wood_prob", "x", "return", "class", "gps"])
def test_any_property_name_goes_out_again(tmp_path, labelled, name):
    path = tmp_path / "in.ply"
    table = np.zeros(30, dtype=[("x", "<f8"), ("y", "<f8"), ("z", "<f8"), ("v", "<f4")])
    for axis in "xyz":
        table[axis] = np.random.default_rng(ord(axis)).random(30) * 9
    table["v"] = 7.5
    make_ply(path, f"property float {name}\n", 30, data=table.tobytes())
    done = labelled(path, tmp_path)
    assert len(done.again) == 30
    assert any(np.array_equal(column, table["v"]) for column in done.again.columns.values())


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize("kind", ["f4", "f8", "u1", "i4"])
def test_labels_of_any_type_in_ply_are_replaced(tmp_path, labelled, form, kind):
    path = tmp_path / "in.ply"
    names = {"f4": "float", "f8": "double", "u1": "uchar", "i4": "int"}
    order = ">" if "big" in form else "<"
    table = np.zeros(30, dtype=[(n, f"{order}f8") for n in "xyz"] + [("l", order + kind), ("p", f"{order}f4")])
    for axis in "xyz":
        table[axis] = np.random.default_rng(ord(axis)).random(30) * 9
    table["l"], table["p"] = np.arange(30) % 3, 0.25
    data = "".join(" ".join(str(v) for v in row) + "\n" for row in table.tolist()).encode()
    make_ply(
        path,
        f"property {names[kind]} scalar_leafwood\nproperty float scalar_wood_prob\n",
        30,
        form=form,
        data=data if form == "ascii" else table.tobytes(),
    )
    done = labelled(path, tmp_path)
    assert set(done.again.columns) == {"leafwood", "wood_prob"}
    write(done.again, tmp_path / "twice.ply", like=done.target)
    assert (tmp_path / "twice.ply").read_bytes() == done.target.read_bytes()


@pytest.mark.parametrize("suffix", ["ply", "pcd"])
def test_strays_are_left_out_in_every_format(tmp_path, labelled, suffix):
    rng = np.random.default_rng(1)
    xyz = np.vstack([rng.random((400, 3)) * 20 + [470_630, 3_810_230, 300], np.zeros((2, 3))])
    path = tmp_path / f"in.{suffix}"
    if suffix == "ply":
        make_ply(path, count=len(xyz), data=xyz.astype("<f8").tobytes())
    else:
        head = f"FIELDS x y z\nSIZE 8 8 8\nTYPE F F F\nWIDTH {len(xyz)}\nHEIGHT 1\nPOINTS {len(xyz)}\nDATA binary\n"
        path.write_bytes(head.encode() + xyz.astype("<f8").tobytes())
    done = labelled(path, tmp_path)
    assert np.flatnonzero(done.result.strays()).tolist() == [400, 401]
