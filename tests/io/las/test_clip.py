"""The points inside a rectangle, byte for byte and in order, and of COPC nothing else read."""

import struct
from pathlib import Path

import laspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.errors import BadConfig, BadFile, NoPointCloud
from leafwood.io.bounds import Bounds
from leafwood.io.las.clip import clip
from leafwood.io.las.copc import find_nodes
from leafwood.io.las.layout import read_layout

SAMPLES = Path(__file__).resolve().parents[3] / "data_samples"
SAMPLE = SAMPLES / "single_tree.laz"


@pytest.fixture(scope="module")
def copc(write_copc, tmp_path_factory):
    return write_copc(SAMPLE, tmp_path_factory.mktemp("copc") / "tree.copc.laz")


def middle(path, share=0.3):
    low, high = read_layout(path).bounds[:, :2]
    size = high - low
    return Bounds(*(low + size * share), *(high - size * share))


def held(path, bounds, records):
    layout = read_layout(path)
    found = records(layout)
    xy = np.ascontiguousarray(found[:, :8]).view("<i4") * layout.scale[:2] + layout.offset[:2]
    return found[bounds.holds(*xy.T)]


@pytest.mark.parametrize("kind", ["laz", "las", "copc"])
def test_it_holds_the_points_inside_as_they_are_and_in_order(kind, copc, records, tmp_path):
    source = {"laz": SAMPLE, "copc": copc, "las": tmp_path / "plain.las"}[kind]
    if kind == "las":
        laspy.read(SAMPLE).write(source)
    bounds = middle(source)
    target = tmp_path / source.name.replace("plain", "part")
    kept = clip(source, target, bounds)
    layout = read_layout(target)
    inside = held(source, bounds, records)
    np.testing.assert_array_equal(records(layout), inside)
    assert (kept.kept, kept.points) == (layout.count, read_layout(source).count)
    assert 0 < kept.kept < kept.points
    assert not layout.is_copc
    assert layout.compressed == (kind != "las")
    own = [(v.user, v.record_id, v.body) for v in read_layout(source).vlrs if v.user not in ("copc", "laszip encoded")]
    assert [(v.user, v.record_id, v.body) for v in layout.vlrs if v.user != "laszip encoded"] == own
    las = laspy.read(target)
    np.testing.assert_allclose(las.header.mins, las.xyz.min(axis=0))
    np.testing.assert_allclose(las.header.maxs, las.xyz.max(axis=0))
    counted = np.bincount(las.return_number, minlength=16)[1:]
    np.testing.assert_array_equal(las.header.number_of_points_by_return, counted)


def test_what_lies_around_is_written_too_and_not_counted(copc, records, tmp_path):
    bounds = middle(copc)
    kept = clip(copc, tmp_path / "part.laz", bounds, around=1.5)
    np.testing.assert_array_equal(records(read_layout(tmp_path / "part.laz")), held(copc, bounds.widened(1.5), records))
    assert kept.kept == len(held(copc, bounds, records)) < read_layout(tmp_path / "part.laz").count


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.floats(0, 1), min_size=4, max_size=4, unique=True))
def test_of_copc_it_is_what_laspy_and_reading_everything_find(cuts, copc, records, tmp_path_factory):
    low, high = read_layout(copc).bounds[:, :2]
    x, y = sorted(cuts[:2]), sorted(cuts[2:])
    bounds = Bounds(*(low + (high - low) * [x[0], y[0]]), *(low + (high - low) * [x[1], y[1]]))
    target = tmp_path_factory.mktemp("part") / "part.laz"
    inside = held(copc, bounds, records)
    if bounds.x0 >= bounds.x1 or bounds.y0 >= bounds.y1 or not len(inside):
        return
    clip(copc, target, bounds)
    np.testing.assert_array_equal(records(read_layout(target)), inside)
    with laspy.CopcReader.open(copc) as reader:
        theirs = reader.query(laspy.copc.Bounds(np.array(bounds[:2]), np.array(bounds[2:])))
    ours = laspy.read(target).points
    among = {row.tobytes() for row in theirs.array}
    assert len(theirs) >= len(ours)
    assert all(row.tobytes() in among for row in ours.array)


def test_rectangles_beside_each_other_share_no_point(copc, tmp_path):
    low, high = read_layout(copc).bounds[:, :2]
    las = laspy.read(copc)
    cut = float(np.asarray(las.x)[len(las) // 2])  # a side that goes through a point
    left = Bounds(low[0], low[1], cut, high[1] + 1)
    right = Bounds(cut, low[1], high[0] + 1, high[1] + 1)
    parts = [clip(copc, tmp_path / f"{n}.laz", b).kept for n, b in enumerate((left, right))]
    assert sum(parts) == len(las)


def test_old_formats_keep_their_old_counts(las_file, records, tmp_path):
    xyz = np.random.default_rng(1).integers(0, 100, (50, 3), dtype="<i4")
    points = np.zeros((50, 28), dtype=np.uint8)
    points[:, :12] = xyz.view(np.uint8)
    points[:, 14] = np.arange(50) % 5 + 1
    source = las_file(minor=2, point_format=1, records=points, scale=(1, 1, 1))
    bounds = Bounds(0, 0, 50, 50)
    tell = bytearray(source.read_bytes())
    struct.pack_into("<6d", tell, 179, 100, 0, 100, 0, 100, 0)
    source.write_bytes(tell)
    clip(source, tmp_path / "part.las", bounds)
    layout = read_layout(tmp_path / "part.las")
    inside = points[(xyz[:, :2] < 50).all(axis=1)]
    np.testing.assert_array_equal(records(layout), inside)
    np.testing.assert_array_equal(layout.returns, np.bincount(inside[:, 14], minlength=6)[1:6])


@pytest.mark.parametrize("place", [(1e7, 1e7, 1e7 + 1, 1e7 + 1), None])
def test_no_point_inside_is_said_with_what_the_file_covers(copc, tmp_path, place):
    low = read_layout(copc).bounds[0]
    bounds = Bounds(*place) if place else Bounds(low[0], low[1], low[0] + 1e-6, low[1] + 1e-6)
    with pytest.raises(NoPointCloud, match=r"no point lies within .* the file covers"):
        clip(copc, tmp_path / "part.laz", bounds)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,x", "0,0,0,1", "2,0,1,1", "0,0,nan,1", "0,0,inf,1", ""])
def test_what_is_no_rectangle_is_refused(text):
    with pytest.raises(BadConfig, match="`bounds`"):
        Bounds.parse(text)


def test_a_rectangle_is_printed_as_it_is_read():
    bounds = Bounds(-0.1, 1e7 / 3, 2.5, 5233506.295)
    assert Bounds.parse(str(bounds)) == bounds


def damage(copc, tmp_path, change):
    """The file with its root page changed: (entries, 32) bytes in, the same out."""
    data = bytearray(copc.read_bytes())
    info = read_layout(copc).find("copc", 1)
    start, size = struct.unpack_from("<QQ", info.body, 40)
    page = np.frombuffer(data, np.uint8, size, start).reshape(-1, 32).copy()
    change(page.view([("key", "<i4", 4), ("start", "<u8"), ("size", "<i4"), ("points", "<i4")])[:, 0], start, size)
    data[start : start + size] = page.tobytes()
    path = tmp_path / "damaged.copc.laz"
    path.write_bytes(data)
    return path


def circle(page, start, size):
    page["start"][-1], page["size"][-1], page["points"][-1] = start, size, -1


def outside(page, start, size):
    page["start"][0] = 1 << 60


def negative(page, start, size):
    page["size"][0] = -5


def countless(page, start, size):
    page["points"][0] = 2**31 - 1


def more(page, start, size):
    page["points"][0] += 1_000_000


def deep(page, start, size):
    page["key"][0, 0] = 4000


@pytest.mark.parametrize("change", [circle, outside, negative, countless, more, deep])
def test_a_damaged_octree_is_one_clear_error(change, copc, tmp_path):
    path = damage(copc, tmp_path, change)
    with pytest.raises(BadFile, match=r"damaged\.copc\.laz.*octree"), path.open("rb") as stream:
        find_nodes(read_layout(path), stream, middle(copc, 0))


def test_damaged_points_are_one_clear_error(copc, tmp_path):
    data = bytearray(copc.read_bytes())
    start = read_layout(copc).points_start + 8
    data[start + 30 : start + 1000] = bytes(970)
    (tmp_path / "bad.copc.laz").write_bytes(data)
    with pytest.raises(BadFile, match="damaged"):
        clip(tmp_path / "bad.copc.laz", tmp_path / "part.laz", middle(copc, 0))
