"""Files that break LAS readers: each is read and labelled, or refused in one line, soon, and without noise."""

from __future__ import annotations

import struct
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leafwood.errors import BadCloud, BadFile, FileWarning, LeafwoodError
from leafwood.io.describe import describe
from leafwood.io.las.layout import read_layout
from leafwood.io.las.points import read_records
from leafwood.io.las.read import read_las
from leafwood.io.las.relabel import relabel
from leafwood.io.loaders import read

SECONDS = 5


def outcome(path: Path, folder: Path) -> str | None:
    """Read and relabel; the refusal, or None."""
    began = time.perf_counter()
    said = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FileWarning)
        try:
            count = len(read(path))
            labels = np.ones(count, np.uint8), np.full(count, 0.5, np.float32)
            relabel(path, folder / "out.las", *labels, overwrite=True)
            assert len(read_las(folder / "out.las")) == count
        except LeafwoodError as error:
            said = str(error)
    assert time.perf_counter() - began < SECONDS
    assert not [p for p in folder.iterdir() if p.suffix == ".part"]
    return said


def test_every_known_hostile_file(shared_data, tmp_path, capfd):
    outcomes = {p.name: outcome(p, tmp_path) for p in sorted((shared_data / "hostile").glob("*.la[sz]"))}
    refused = {name: said for name, said in outcomes.items() if said}
    assert capfd.readouterr().err == ""
    assert len(outcomes) - len(refused) >= 95
    for name, said in refused.items():
        assert name in said
        assert "\n" not in said
    degrees = [name for name, said in refused.items() if "degrees" in said]
    assert {name.split("__")[-1] for name in degrees} >= {"test_epsg_4326.las", "test_epsg_4047.las", "no-points.las"}


def patched(data: bytes, *changes: tuple[str, int, object]) -> bytes:
    out = bytearray(data)
    for kind, at, value in changes:
        struct.pack_into(kind, out, at, value)
    return bytes(out)


REFUSED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda d: b"", "is empty"),
    "text": (lambda d: b"x y z\n1 2 3\n", "not a LAS"),
    "png": (lambda d: b"\x89PNG\r\n\x1a\n" + bytes(500), "not a LAS"),
    "signature alone": (lambda d: b"LASF", "cut short"),
    "half a header": (lambda d: d[:200], "cut short"),
    "header alone": (lambda d: d[:375], "cut short"),
    "last byte missing": (lambda d: d[:-1], "promises 10 points, the file holds 9"),
    "version 2.0": (lambda d: patched(d, ("B", 24, 2), ("B", 25, 0)), "LAS 2.0"),
    "version 1.9": (lambda d: patched(d, ("B", 25, 9)), "LAS 1.9"),
    "header too small": (lambda d: patched(d, ("<H", 94, 227)), "header of 227 bytes"),
    "points inside the header": (lambda d: patched(d, ("<I", 96, 100)), "inside the header"),
    "points behind the end": (lambda d: patched(d, ("<I", 96, 2**31)), "cut short"),
    "point format 11": (lambda d: patched(d, ("B", 104, 11)), "point format 11"),
    "records too short": (lambda d: patched(d, ("<H", 105, 20)), "20 bytes per point"),
    "records of no bytes": (lambda d: patched(d, ("<H", 105, 0)), "0 bytes per point"),
    "more points than atoms": (lambda d: patched(d, ("<Q", 247, 2**63)), "the file holds 10"),
    "said to be compressed": (lambda d: patched(d, ("B", 104, 0x86)), "LASzip record is missing"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_lies_that_are_refused(tmp_path, build_las, case):
    bend, words = REFUSED[case]
    path = tmp_path / "x.las"
    path.write_bytes(bend(build_las()))
    with pytest.raises(BadFile, match=words):
        read(path)
    with pytest.raises(BadFile, match=words):
        describe(path)
    assert outcome(path, tmp_path)


HARMLESS: dict[str, Callable[[bytes], bytes]] = {
    "bytes behind the points": lambda d: d + b"trailing rubbish",
    "more VLRs promised than there are": lambda d: patched(d, ("<I", 100, 2**32 - 1)),
    "EVLRs promised inside the points": lambda d: patched(d, ("<Q", 235, 400), ("<I", 243, 5)),
    "EVLRs promised behind the end": lambda d: patched(d, ("<Q", 235, 2**60), ("<I", 243, 2**31)),
    "waveforms promised behind the end": lambda d: patched(d, ("<Q", 227, 2**63)),
    "bounds are not numbers": lambda d: patched(d, ("<d", 179, float("nan")), ("<d", 187, float("inf"))),
    "date of no calendar": lambda d: patched(d, ("<H", 90, 999), ("<H", 92, 65535)),
    "text that is not text": lambda d: d[:26] + b"\xff\xfe" * 32 + d[90:],
    "legacy count disagrees": lambda d: patched(d, ("<I", 107, 99)),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_lies_that_do_no_harm(tmp_path, build_las, case):
    path = tmp_path / "x.las"
    path.write_bytes(HARMLESS[case](build_las(vlrs=(("maker", 1, b"abc"),))))
    assert outcome(path, tmp_path) is None
    assert describe(path).count == 10


def test_vlr_longer_than_the_file_is_left_as_it_is(tmp_path, build_las):
    path = tmp_path / "x.las"
    path.write_bytes(
        patched(build_las(vlrs=(("maker", 1, b"abc"), ("maker", 2, b"def"))), ("<H", 375 + 57 + 20, 60_000))
    )
    assert outcome(path, tmp_path) is None
    before, after = read_layout(path), read_layout(tmp_path / "out.las")
    assert [v.key for v in before.vlrs] == [("maker", 1)]
    assert after.gap == before.gap
    assert [v.key for v in after.vlrs] == [("maker", 1), ("LASF_Spec", 4)]


@pytest.mark.parametrize("offset", [(np.nan, 0, 0), (0, np.inf, 0)])
def test_offsets_that_are_no_numbers(tmp_path, build_las, offset):
    path = tmp_path / "x.las"
    path.write_bytes(build_las(offset=offset))
    with pytest.raises(BadCloud, match=r"x\.las"):
        read(path)


def laz_of(folder: Path, build_las: Callable[..., bytes], **choices: object) -> bytes:
    plain = folder / "plain.las"
    plain.write_bytes(build_las(**choices))
    n = read_layout(plain).count
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FileWarning)
        relabel(plain, folder / "plain.laz", np.ones(n), np.zeros(n), overwrite=True)
    return (folder / "plain.laz").read_bytes()


def test_laz_cut_anywhere(tmp_path, build_las, capfd):
    whole = laz_of(tmp_path, build_las, point_format=7, n=5000)
    path = tmp_path / "x.laz"
    for cut in np.linspace(0, len(whole) - 1, 60).astype(int):
        path.write_bytes(whole[:cut])
        said = outcome(path, tmp_path)
        assert said
        assert "x.laz: " in said
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        (0, -1, "chunk table is said to be"),
        (0, -2, "chunk table is said to be"),
        (0, 2**62, "chunk table is said to be"),
        (0, 400, "chunk table"),
    ],
)
def test_chunk_table_elsewhere(tmp_path, build_las, at, value, words):
    whole = laz_of(tmp_path, build_las, n=500)
    start = struct.unpack_from("<I", whole, 96)[0]
    path = tmp_path / "x.laz"
    path.write_bytes(patched(whole, ("<q", start + at, value)))
    assert words in (outcome(path, tmp_path) or "")


def test_chunk_table_of_four_billion_chunks(tmp_path, build_las):
    whole = laz_of(tmp_path, build_las, n=500)
    table = struct.unpack_from("<q", whole, struct.unpack_from("<I", whole, 96)[0])[0]
    path = tmp_path / "x.laz"
    path.write_bytes(patched(whole, ("<I", table + 4, 2**32 - 1)))
    assert "lists 4294967295 chunks" in (outcome(path, tmp_path) or "")


def test_layer_of_four_gigabytes(tmp_path, build_las):
    whole = laz_of(tmp_path, build_las, n=500)
    layout = read_layout(tmp_path / "plain.laz")
    path = tmp_path / "x.laz"
    path.write_bytes(patched(whole, ("<I", layout.points_start + 8 + layout.record_length + 4, 2**32 - 1)))
    assert "larger than its chunk" in (outcome(path, tmp_path) or "")


def test_of_a_part_of_the_points_its_own_chunks_are_looked_at(tmp_path, build_las):
    whole = laz_of(tmp_path, build_las, n=60_000)  # chunks of 50,000 and 10,000
    layout = read_layout(tmp_path / "plain.laz")
    path = tmp_path / "x.laz"
    path.write_bytes(patched(whole, ("<I", layout.points_start + 8 + layout.record_length + 4, 2**32 - 1)))
    layout = read_layout(path)
    assert sum(map(len, read_records(layout, first=55_000))) == 5_000
    for part in ({}, {"stop": 40_000}, {"first": 40_000, "stop": 55_000}):
        with pytest.raises(BadFile, match="larger than its chunk"):
            list(read_records(layout, **part))


def test_laz_with_more_points_promised(tmp_path, build_las):
    whole = laz_of(tmp_path, build_las, n=500)
    path = tmp_path / "x.laz"
    for count, words in ((60_000, "promises 60000 points"), (2**60, "promises")):
        path.write_bytes(patched(whole, ("<Q", 247, count)))
        assert words in (outcome(path, tmp_path) or "")


def test_folders_and_devices(tmp_path):
    (tmp_path / "folder.las").mkdir()
    for path in (tmp_path / "folder.las", tmp_path / "gone.las"):
        with pytest.raises(BadFile):
            read(path)
