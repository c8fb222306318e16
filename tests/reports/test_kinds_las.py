"""The kinds of LAS files behind the reports, made on the spot: descriptors, classes, strays, coordinate systems."""

from __future__ import annotations

import struct
import tempfile
import warnings
from pathlib import Path

import laspy
import numpy as np
import pyproj
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leafwood.errors import BadFile, FileWarning
from leafwood.io.describe import describe
from leafwood.io.las.extra import ExtraDim
from leafwood.io.las.layout import read_layout
from leafwood.io.las.relabel import relabel
from leafwood.io.loaders import read

pytestmark = pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")
SETTINGS = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def raw_descriptor(name: bytes, kind: int, options: int = 0) -> bytes:
    return (bytes([0, 0, kind, options]) + name.ljust(32, b"\0")[:32]).ljust(192, b"\0")


def rewritten(source: Path, **options: object) -> Path:
    """The file with labels, in the same folder."""
    count = read_layout(source).count
    target = source.with_name("out.las")
    relabel(source, target, np.arange(count) % 3, np.linspace(0, 1, count), overwrite=True, **options)
    return target


@SETTINGS
@given(st.lists(st.integers(0, 300), min_size=1, max_size=1), st.integers(0, 10))
def test_undescribed_bytes_of_any_length_are_read_by_laspy(build_las, descriptors, lengths, point_format):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.las"
        source.write_bytes(build_las(point_format=point_format, extra_length=lengths[0]))
        target = rewritten(source)
        descriptors(target)
        assert laspy.read(target)["leafwood"].tolist() == (np.arange(10) % 3).tolist()


NAMES = [
    b"X",
    b"classification",
    b"",
    b"  ",
    b"leafwood",
    b"wood_prob",
    b"\xff\xfe",
    b"caf\xe9",
    b"ExtraBytes",
    b"a" * 32,
]


@SETTINGS
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 31), st.integers(0, 31)), max_size=4), max_size=3
    ),
    st.integers(0, 40),
)
def test_descriptors_of_any_kind_end_up_in_one_record_that_laspy_reads(build_las, descriptors, records, length):
    vlrs = tuple(("LASF_Spec", 4, b"".join(raw_descriptor(*dim) for dim in dims)) for dims in records)
    blocks = [ExtraDim(raw_descriptor(*dim), 0) for dims in records for dim in dims]
    if any(dim.raw[2] == 0 and dim.size & 0x18 for dim in blocks):
        return  # laspy itself cannot read such an input
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.las"
        source.write_bytes(build_las(extra_length=length, vlrs=vlrs))
        target = rewritten(source)
        names = descriptors(target)
        assert len(set(names)) == len(names)
        assert laspy.read(target)["leafwood"].tolist() == (np.arange(10) % 3).tolist()
        assert read(target).columns["leafwood"].tolist() == (np.arange(10) % 3).tolist()


def test_descriptors_in_an_extended_record_move_to_the_one(las_file, descriptors, descriptor):
    source = las_file(extra_length=2, evlrs=(("LASF_Spec", 4, descriptor("Amplitude")), ("maker", 1, b"kept")))
    target = rewritten(source)
    assert descriptors(target) == ["Amplitude", "leafwood", "wood_prob"]
    assert [record.key for record in read_layout(target).evlrs] == [("maker", 1)]


@pytest.mark.parametrize(("kind", "scale"), [("<f8", None), ("<f4", None), ("<u1", None), ("<i4", 1e-3)])
def test_labels_of_any_type_are_replaced(las_file, descriptors, kind, scale):
    first = laspy.read(rewritten(las_file(n=30)))
    header = laspy.LasHeader(version="1.4", point_format=6)
    scaled = {} if scale is None else {"scales": np.array([scale]), "offsets": np.array([0.0])}
    dims = [laspy.ExtraBytesParams("leafwood", np.dtype(kind), **scaled)]
    dims += [laspy.ExtraBytesParams("treeID", "u4"), laspy.ExtraBytesParams("wood_prob", "f8")]
    header.add_extra_dims(dims)
    other = laspy.LasData(header)
    other.x = other.y = other.z = np.zeros(30)
    other["leafwood"], other["wood_prob"], other["treeID"] = first["leafwood"], first["wood_prob"], np.arange(30)
    path = las_file().with_name("changed.las")
    other.write(path)
    target = rewritten(path)
    assert descriptors(target) == ["treeID", "leafwood", "wood_prob"]
    assert laspy.read(target)["treeID"].tolist() == list(range(30))


def test_a_field_leafwood_with_other_values_is_somebody_elses(las_file, descriptor, descriptors):
    records = np.random.default_rng(0).integers(0, 255, (10, 32), dtype=np.uint8)
    source = las_file(records=records, extra=(descriptor("leafwood"),))
    with pytest.warns(FileWarning, match="leafwood_before"):
        target = rewritten(source)
    assert descriptors(target) == ["leafwood_before", "leafwood", "wood_prob"]
    assert laspy.read(target)["leafwood_before"].tobytes() == records[:, 30:].tobytes()
    assert describe(source).labels is None


@pytest.mark.parametrize("scale", [np.nan, np.inf, 0.0])
def test_a_field_leafwood_without_a_usable_scale_is_described(las_file, descriptor, scale):
    source = las_file(extra=(descriptor("leafwood", "<u2", scale),))
    assert describe(source).count == 10
    rewritten(source)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_header_that_promises_no_points_before_points_is_refused(las_file, laz_file, compressed):
    path = (laz_file if compressed else las_file)(n=400)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 107, 0)
    struct.pack_into("<Q", data, 247, 0)
    path.write_bytes(data)
    with pytest.raises(BadFile, match="promises no points"):
        read(path)


def stand(n: int = 3000) -> np.ndarray:
    """Integer coordinates of a scan 20 m wide, steps of 1 cm."""
    return np.random.default_rng(3).integers(0, 2000, (n, 3)) + [47_000_000, 381_000_000, 10_000]


@pytest.mark.parametrize("place", [(0, 0, 0), (-(2**31), 2**31 - 1, 0), (47_000_000, 381_000_000, 300_000)])
@pytest.mark.parametrize("number", [1, 5])
def test_strays_do_not_cost_the_others_their_place(las_file, labelled, tmp_path, place, number):
    xyz = stand()
    xyz[100 : 100 + number] = place
    records = np.zeros((len(xyz), 30), np.uint8)
    records[:, :12] = xyz.astype("<i4").view(np.uint8)
    done = labelled(las_file(records=records, scale=(0.01,) * 3), tmp_path)
    out = done.result.strays()
    assert np.flatnonzero(out).tolist() == list(range(100, 100 + number))
    assert done.result.xyz[~out].max() < 21
    assert np.allclose(done.result.xyz[~out][0], (xyz[~out][0] - xyz[~out].min(axis=0)) * 0.01, atol=1e-4)


def test_two_plots_far_apart_are_no_strays(las_file):
    xyz = stand()
    xyz[::2, 0] += 500_000
    records = np.zeros((len(xyz), 30), np.uint8)
    records[:, :12] = xyz.astype("<i4").view(np.uint8)
    assert not read(las_file(records=records, scale=(0.01,) * 3)).strays().any()


def test_overflown_coordinates_are_warned_of(las_file):
    xyz = stand(200)
    xyz[:, 0] = np.where(np.arange(200) % 2, -(2**31) + 5, 2**31 - 5)
    records = np.zeros((200, 30), np.uint8)
    records[:, :12] = xyz.astype("<i4").view(np.uint8)
    with pytest.warns(FileWarning, match="X cover the whole range"):
        read(las_file(records=records, scale=(0.0001,) * 3))


def key_directory(**keys: int) -> tuple[str, int, bytes]:
    numbers = {"model": 1024, "geographic": 2048, "projected": 3072, "unit": 3076, "vertical": 4096}
    entries = b"".join(struct.pack("<4H", numbers[name], 0, 1, value) for name, value in keys.items())
    return "LASF_Projection", 34735, struct.pack("<4H", 1, 1, 0, len(keys)) + entries


@pytest.mark.parametrize("code", [7415, 5554, 9518, 6349])
@pytest.mark.parametrize("vertical", [5703, 7415, 32633, 4326])
def test_geotiff_keys_never_end_in_an_exception_of_pyproj(las_file, code, vertical):
    path = las_file(point_format=1, minor=2, vlrs=(key_directory(model=1, projected=code, vertical=vertical),))
    info = describe(path)
    assert info.problem is None or "degrees" in info.problem
    if info.problem is None:
        assert read(path).crs is not None


@SETTINGS
@given(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 4))
def test_any_geotiff_keys_are_described(build_las, projected, vertical, geographic, model):
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "in.las"
        keys = key_directory(model=model, projected=projected, vertical=vertical, geographic=geographic)
        path.write_bytes(build_las(point_format=1, minor=2, vlrs=(keys,)))
        assert describe(path).count == 10


@pytest.mark.parametrize("number", [2112, 4224])
def test_feet_are_converted_wherever_wkt_stands(las_file, number):
    wkt = pyproj.CRS.from_epsg(2263).to_wkt("WKT2_2019").encode() + b"\0"
    assert read(las_file(vlrs=(("LASF_Projection", number, wkt),))).unit == pytest.approx((0.3048006, 0.3048006))
    extended = las_file("e.las", evlrs=(("LASF_Projection", number, wkt),))
    assert read(extended).unit == pytest.approx((0.3048006, 0.3048006))


@pytest.mark.parametrize(("minor", "point_format", "ground"), [(2, 1, True), (3, 0, True), (4, 3, True), (4, 6, False)])
def test_class_8_is_ground_before_point_format_6(las_file, minor, point_format, ground):
    path = las_file(minor=minor, point_format=point_format)
    assert (8 in read(path).meaning.ground) is ground


def test_classification_stays_unless_it_is_to_be_written(las_file, records):
    table = np.zeros((6, 30), dtype=np.uint8)
    table[:, 16] = [1, 5, 2, 6, 64, 0]
    source = las_file(records=table)
    codes, prob, ground = np.array([1, 2, 0, 0, 1, 0]), np.zeros(6), np.array([0, 0, 1, 0, 0, 1], dtype=bool)
    for options, classes in (
        ({}, [1, 5, 2, 6, 64, 0]),
        ({"ground": ground}, [1, 5, 2, 6, 64, 0]),
        ({"classify": True, "ground": ground}, [65, 64, 2, 6, 64, 2]),
    ):
        relabel(source, source.with_name("out.las"), codes, prob, overwrite=True, **options)
        assert records(read_layout(source.with_name("out.las")))[:, 16].tolist() == classes
