"""Reading LAS into a cloud."""

from __future__ import annotations

import struct

import laspy
import numpy as np
import pyproj
import pytest

from leafwood.errors import BadCloud, BadConfig, BadFile, FileWarning
from leafwood.io.las.read import read_las

pytestmark = pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")
FEET = 1200 / 3937


def wkt(code: int | str) -> tuple[str, int, bytes]:
    return "LASF_Projection", 2112, pyproj.CRS.from_user_input(code).to_wkt().encode() + b"\0"


def keys(*pairs: tuple[int, int]) -> tuple[str, int, bytes]:
    body = struct.pack("<4H", 1, 1, 0, len(pairs)) + b"".join(struct.pack("<4H", k, 0, 1, v) for k, v in pairs)
    return "LASF_Projection", 34735, body


@pytest.mark.parametrize("point_format", range(11))
def test_columns_equal_laspys(las_file, point_format, descriptor):
    extra = (descriptor("gt_wood", "u1"), descriptor("Amplitude", "<f4"), descriptor("label", "<u2", 0.5))
    path = las_file(point_format=point_format, n=300, extra=extra)
    cloud, las = read_las(path), laspy.read(path)
    assert {"gt_wood", "label", "classification", "withheld"} <= set(cloud.columns)
    assert "Amplitude" not in cloud.columns
    assert ("gps_time" in cloud.columns) == (point_format not in (0, 2))
    for name, column in cloud.columns.items():
        assert np.array_equal(column, np.asarray(las[name]), equal_nan=True), name
    assert cloud.columns["withheld"].dtype == bool
    assert cloud.columns["label"].dtype == np.float64


def test_chosen_columns_alone_are_read(las_file, descriptor):
    path = las_file(point_format=7, extra=(descriptor("Amplitude", "<f4"),))
    assert set(read_las(path, ["red", "Amplitude", "no such"]).columns) == {"red", "Amplitude"}
    assert read_las(path, []).columns == {}


def test_places_are_exact(las_file):
    path = las_file(n=1000, scale=(0.01, 0.001, 0.1), offset=(5e5, 6_800_000.0, -10))
    cloud, las = read_las(path), laspy.read(path)
    # float32 holds what lies 1000 km apart to some metres; the check is relative to the extent.
    assert np.abs(cloud.absolute() - las.xyz).max() <= 1e-7 * np.ptp(las.xyz, axis=0).max()
    assert np.array_equal(cloud.origin, las.xyz.min(axis=0))


def test_moved_scan_has_the_same_local_places(las_file):
    near = np.zeros((500, 30), np.uint8)
    near[:, :12] = np.random.default_rng(1).integers(0, 30_000, (500, 3)).astype("<i4").view(np.uint8)
    clouds = [
        read_las(las_file(f"{i}.las", records=near, offset=offset))
        for i, offset in enumerate([(0, 0, 0), (1e6, 1e6, 1e6), (432_123.4567, 6_800_012.345, 80)])
    ]
    for moved in clouds[1:]:
        assert np.array_equal(clouds[0].xyz, moved.xyz)


def test_negative_scale_mirrors(las_file):
    path = las_file(n=100, scale=(-0.001, 0.001, 0.001))
    cloud = read_las(path)
    assert cloud.xyz.min() >= 0
    assert np.allclose(cloud.absolute(), laspy.read(path).xyz, rtol=1e-6, atol=1)


@pytest.mark.parametrize(
    ("record", "unit"),
    [
        (wkt(25832), (1, 1)),
        (wkt(2992), (0.3048, 0.3048)),
        (wkt("EPSG:2263+6360"), (FEET, FEET)),
        (wkt("EPSG:26912+6360"), (1, FEET)),
        (keys((1024, 1), (3072, 25832)), (1, 1)),
        (keys((1024, 1), (3072, 2263)), (FEET, FEET)),
        (keys((1024, 1), (3072, 26912), (4099, 9003)), (1, FEET)),
        (keys((1024, 1), (3072, 32767), (3076, 9002)), (0.3048, 0.3048)),
    ],
)
def test_units_come_from_the_crs(las_file, record, unit):
    cloud = read_las(las_file(vlrs=(record,)))
    assert cloud.unit == pytest.approx(unit, rel=1e-12)
    plain = read_las(las_file("plain.las"))
    assert np.allclose(cloud.xyz, plain.xyz * np.array([unit[0], unit[0], unit[1]]), rtol=1e-6)


def test_crs_in_an_extended_record(las_file):
    cloud = read_las(las_file(evlrs=(wkt(32633),)))
    assert pyproj.CRS.from_wkt(cloud.crs).to_epsg() == 32633


@pytest.mark.parametrize(
    "record", [wkt(4326), keys((1024, 2), (2048, 4326)), keys((1024, 2), (2048, 32767)), wkt("EPSG:4979")]
)
def test_degrees_are_refused_unless_the_crs_is_given(las_file, record):
    path = las_file(vlrs=(record,))
    with pytest.raises(BadCloud, match="degrees"):
        read_las(path)
    assert pyproj.CRS.from_wkt(read_las(path, crs="EPSG:25832").crs).to_epsg() == 25832


def test_geocentric_is_refused(las_file):
    with pytest.raises(BadCloud, match="geocentric"):
        read_las(las_file(vlrs=(wkt(4978),)))


@pytest.mark.parametrize(
    ("vlrs", "words"),
    [
        ((), "no CRS"),
        ((("LASF_Projection", 2112, b"rubbish\0"),), "cannot be understood"),
        ((keys((1024, 1), (3072, 1024)),), "cannot be understood"),
        ((("LASF_Projection", 34735, b"\1\0\1\0\0\0\xff\xff"),), "no CRS"),
    ],
)
def test_missing_or_broken_crs_is_a_warning(las_file, vlrs, words):
    with pytest.warns(FileWarning, match=words):
        cloud = read_las(las_file(vlrs=vlrs))
    assert (cloud.crs, cloud.unit) == (None, (1.0, 1.0))


def test_unknown_crs_option(las_file):
    with pytest.raises(BadConfig, match="EPSG:1"):
        read_las(las_file(), crs="EPSG:1")


@pytest.mark.parametrize(
    "choice",
    [
        {"scale": (0.0, 1, 1)},
        {"scale": (np.nan, 1, 1)},
        {"scale": (1, np.inf, 1)},
        {"offset": (0, 0, np.nan)},
        {"offset": (np.inf, 0, 0)},
        {"scale": (1e300, 1, 1)},
    ],
)
def test_scale_and_offset_must_be_numbers(las_file, choice):
    with pytest.raises(BadCloud, match="scale"):
        read_las(las_file(**choice))


def test_no_points_and_one(las_file):
    empty = read_las(las_file("a.las", n=0))
    assert (len(empty), len(empty.columns["classification"])) == (0, 0)
    assert len(read_las(las_file("b.las", n=1))) == 1


def test_older_count_is_used_where_the_wide_one_is_missing(las_file):
    path = las_file(point_format=3)
    data = bytearray(path.read_bytes())
    struct.pack_into("<Q", data, 247, 0)
    path.write_bytes(data)
    assert len(read_las(path)) == 10


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(BadFile, match="No such file"):
        read_las(tmp_path / "no.las")
    with pytest.raises(BadFile, match="directory"):
        read_las(tmp_path)
