"""Any small LAS file: labelled it differs in labels alone, and cut or bent it fails with one clear error."""

from __future__ import annotations

import struct
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leafwood.errors import FileWarning, LeafwoodError
from leafwood.io.labels import our_name
from leafwood.io.las.laszip import laszip_body
from leafwood.io.las.layout import RECORD_SIZES, read_layout
from leafwood.io.las.points import LazSink, read_records
from leafwood.io.las.read import read_las
from leafwood.io.las.relabel import relabel

SETTINGS = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
VERSIONS = {0: (0, 1), 1: (0, 1), 2: range(4), 3: range(6), 4: range(11), 5: range(6, 11)}
TYPES = ("u1", "i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f4", "<f8")
names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=16)
others = names.filter(lambda name: our_name(name) is None)  # what an earlier run of leafwood left is replaced
bodies = st.binary(max_size=80)


@st.composite
def las_choices(draw: st.DrawFn) -> dict[str, object]:
    minor = draw(st.sampled_from(sorted(VERSIONS)))
    vlrs = draw(st.lists(st.tuples(names, st.integers(5, 60000), bodies), max_size=4))
    return {
        "minor": minor,
        "point_format": draw(st.sampled_from(list(VERSIONS[minor]))),
        "n": draw(st.sampled_from([0, 1, 2, 17, 300])),
        "seed": draw(st.integers(0, 99)),
        "dims": draw(
            st.lists(
                st.tuples(others, st.sampled_from(TYPES), st.sampled_from([None, 0.01])),
                max_size=5,
                unique_by=lambda d: d[0],
            )
        ),
        "vlrs": tuple(vlrs),
        "evlrs": tuple(draw(st.lists(st.tuples(names, st.integers(5, 60000), bodies), max_size=3)))
        if minor >= 4
        else (),
        "gap": draw(st.binary(max_size=6)),
        "header_extra": draw(st.binary(max_size=6)),
        "encoding": draw(st.sampled_from([0, 1, 17])),
    }


def build(build_las, descriptor, choices: dict[str, object]) -> bytes:
    dims = choices.pop("dims")
    return build_las(**choices, extra=tuple(descriptor(*d) for d in dims))


@given(choices=las_choices(), suffix=st.sampled_from([".las", ".laz"]))
@SETTINGS
def test_any_file_comes_back_with_labels_alone_added(build_las, descriptor, labels, same_but_labels, choices, suffix):
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", FileWarning)
        source, once, twice = (Path(folder) / name for name in ("in.las", f"once{suffix}", f"twice{suffix}"))
        source.write_bytes(build(build_las, descriptor, choices))
        codes, prob = labels(choices["n"])
        relabel(source, once, codes, prob)
        same_but_labels(source, once, codes, prob)
        relabel(once, twice, codes, prob)
        assert once.read_bytes() == twice.read_bytes()


@given(point_format=st.integers(0, 10), extra=st.integers(0, 6), seed=st.integers(0, 1000), sort=st.booleans())
@SETTINGS
def test_laz_gives_back_every_byte(tmp_path, build_las, point_format, extra, seed, sort):
    """What makes writing through lazrs acceptable at all: random and smooth records of each format."""
    length = RECORD_SIZES[point_format] + extra
    records = np.random.default_rng(seed).integers(0, 256, (700, length), dtype=np.uint8)
    if sort:
        records.sort(axis=0)
    if point_format >= 9:
        records[:, 15] &= 0xCF
    body = laszip_body(point_format, extra)
    vlr = ("laszip encoded", 22204, body)
    data = build_las(point_format=point_format, records=records[:0], extra_length=extra, vlrs=(vlr,), count=700)
    path = tmp_path / "x.laz"
    with path.open("wb") as stream:
        stream.write(data)
        sink = LazSink(stream, body)
        for start in range(0, 700, 300):
            sink.write(records[start : start + 300])
        sink.close()
        stream.seek(104)
        stream.write(bytes([point_format | 0x80]))
    assert np.array_equal(np.concatenate(list(read_records(read_layout(path), 256))), records)


def _bend(data: bytes, cut: float, flips: list[tuple[float, int]]) -> bytes:
    bent = bytearray(data[: int(cut * len(data))])
    for place, value in flips:
        if bent:
            bent[int(place * (len(bent) - 1))] = value
    return bytes(bent)


places = st.floats(0, 1)
flips = st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)


@pytest.fixture(scope="module")
def originals(tmp_path_factory, build_las, labels) -> list[bytes]:
    """LAS and LAZ of several formats."""
    folder, out = tmp_path_factory.mktemp("originals"), []
    for minor, point_format in ((2, 3), (3, 4), (4, 6), (4, 7), (5, 10)):
        plain = folder / "in.las"
        plain.write_bytes(
            build_las(minor=minor, point_format=point_format, n=200, evlrs=(("a", 1, b"b" * 40),) * (minor > 3))
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FileWarning)
            relabel(plain, folder / "out.laz", *labels(200), overwrite=True)
        out += [plain.read_bytes(), (folder / "out.laz").read_bytes()]
    return out


@given(which=st.integers(0, 9), cut=st.one_of(st.just(1.0), places), flips=flips)
@settings(SETTINGS, max_examples=150)
def test_damaged_files_read_or_say_why(originals, tmp_path, labels, capfd, which, cut, flips):
    _read_and_relabel(tmp_path, _bend(originals[which], cut, flips), labels)
    assert "panicked" not in capfd.readouterr().err


@given(which=st.integers(0, 9), at=st.integers(94, 260), value=st.binary(min_size=1, max_size=8))
@settings(SETTINGS, max_examples=150)
def test_lying_headers_read_or_say_why(originals, tmp_path, labels, capfd, which, at, value):
    bent = bytearray(originals[which])
    bent[at : at + len(value)] = value
    _read_and_relabel(tmp_path, bytes(bent), labels)
    assert "panicked" not in capfd.readouterr().err


@given(which=st.integers(0, 4), at=st.integers(0, 600), value=st.binary(min_size=1, max_size=8))
@settings(SETTINGS, max_examples=150)
def test_lying_laszip_records_read_or_say_why(originals, tmp_path, labels, capfd, which, at, value):
    """The LASzip record, the chunk table's place and the first chunk: where panics and endless allocations start."""
    data = bytearray(originals[2 * which + 1])
    start = struct.unpack_from("<I", data, 96)[0] - 150
    data[start + at : start + at + len(value)] = value
    _read_and_relabel(tmp_path, bytes(data), labels)
    assert "panicked" not in capfd.readouterr().err


def _error(call: Callable[[], object]) -> str | None:
    try:
        call()
    except LeafwoodError as error:
        return str(error)
    return None


def _read_and_relabel(folder: Path, data: bytes, labels) -> None:
    source, target = folder / "bent.laz", folder / "out.las"
    source.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FileWarning)
        said = _error(lambda: read_las(source))
        if said is None:
            count = len(read_las(source))
            said = _error(lambda: relabel(source, target, *labels(count), overwrite=True))
            assert said or len(read_las(target, crs="EPSG:32633")) == count
    assert said is None or (str(source) in said and "\n" not in said)
    assert {p.name for p in folder.iterdir()} <= {source.name, target.name}
