"""Records from anywhere in a file are those of the whole file."""

from __future__ import annotations

import laspy
import lazrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.io.las import points
from leafwood.io.las.laszip import can_begin_anywhere, checked_body, chunks_of_any_size
from leafwood.io.las.layout import read_layout
from leafwood.io.las.points import read_records

COUNT = 7_003


@pytest.fixture(scope="module")
def files(build_las, write_copc, tmp_path_factory):
    """The same points as LAS, as LAZ in chunks of one size, and as COPC, whose chunks are of any size."""
    folder = tmp_path_factory.mktemp("points")
    plain = folder / "plain.las"
    plain.write_bytes(build_las(n=COUNT, point_format=6, scale=(0.01, 0.01, 0.01)))
    las = laspy.read(plain)
    record = lazrs.LazVlr.new_for_compression(6, las.point_format.num_extra_bytes, False)
    assert record.chunk_size() > COUNT
    las.write(folder / "chunks.laz")
    return {"las": plain, "laz": folder / "chunks.laz", "copc": write_copc(plain, folder / "x.copc.laz")}


@pytest.fixture(scope="module")
def wholes(files):
    return {kind: laspy.read(path).points.array.tobytes() for kind, path in files.items()}


def some(layout, **part) -> bytes:
    return b"".join(records.tobytes() for records in read_records(layout, **part))


@pytest.mark.parametrize("kind", ["las", "laz", "copc"])
@settings(max_examples=40, deadline=None)
@given(ends=st.tuples(st.integers(0, COUNT), st.integers(0, COUNT)), block=st.integers(1, COUNT))
def test_any_part_is_that_part_of_the_whole(kind, files, wholes, ends, block):
    layout = read_layout(files[kind])
    assert can_begin_anywhere(layout)
    (first, stop), size = sorted(ends), layout.record_length
    blocks = list(read_records(layout, block, first=first, stop=stop))
    assert b"".join(each.tobytes() for each in blocks) == wholes[kind][first * size : stop * size]
    assert {len(each) for each in blocks[:-1]} <= {block}


def test_copc_has_chunks_of_any_size_and_they_are_many(files):
    layout = read_layout(files["copc"])
    body, _ = checked_body(layout)
    assert chunks_of_any_size(body)
    with files["copc"].open("rb") as stream:
        stream.seek(layout.points_start)
        assert len({points for points, _ in lazrs.read_chunk_table(stream, lazrs.LazVlr(body))}) > 5


@pytest.mark.parametrize("kind", ["laz", "copc"])
def test_chunks_too_large_to_hold_are_read_from_the_beginning(kind, files, wholes, monkeypatch):
    monkeypatch.setattr(points, "_PARALLEL_BYTES", 100)
    layout = read_layout(files[kind])
    for first, stop in ((0, COUNT), (1, 2), (3_000, 6_500)):
        expected = wholes[kind][first * layout.record_length : stop * layout.record_length]
        assert some(layout, chunk=700, first=first, stop=stop) == expected


def test_of_copc_the_columns_that_are_asked_for_are_right(files):
    layout, las = read_layout(files["copc"]), laspy.read(files["copc"])
    found = np.concatenate(list(read_records(layout, 500, columns=["classification"], first=2_000, stop=5_000)))
    np.testing.assert_array_equal(found[:, :12].copy().view("<i4")[:, 2], las.Z[2_000:5_000])
    np.testing.assert_array_equal(found[:, 16], las.classification[2_000:5_000])
