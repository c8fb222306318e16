"""What relabelling writes, and what it refuses."""

from __future__ import annotations

import os
import struct
import warnings
from pathlib import Path

import laspy
import numpy as np
import pyproj
import pytest

from leafwood._version import __version__
from leafwood.classes import ClassMap
from leafwood.errors import BadCloud, BadConfig, BadFile, FileProblem, FileWarning, TargetExists
from leafwood.io.las.extra import describe_records
from leafwood.io.las.layout import read_layout
from leafwood.io.las.relabel import relabel

pytestmark = pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")


def classes(count: int = 256) -> np.ndarray:
    records = np.zeros((count, 30), dtype=np.uint8)
    records[:, 16] = np.arange(count) % 256
    return records


def test_only_vegetation_and_unclassified_points_change_class(las_file, tmp_path, records):
    source = las_file(records=classes())
    relabel(source, tmp_path / "out.las", np.full(256, 2), np.ones(256), classify=True)
    changed = np.flatnonzero(records(read_layout(tmp_path / "out.las"))[:, 16] != np.arange(256))
    assert changed.tolist() == [0, 1, 3, 4, 5]


def test_found_ground_becomes_class_2_where_nothing_else_stood(las_file, tmp_path, records):
    source = las_file(records=classes(8))
    ground = np.array([1, 0, 0, 1, 0, 0, 1, 1], dtype=bool)
    relabel(source, tmp_path / "out.las", np.zeros(8), np.zeros(8), classify=True, ground=ground)
    assert records(read_layout(tmp_path / "out.las"))[:, 16].tolist() == [2, 1, 2, 2, 4, 5, 6, 7]


def test_class_codes_can_be_chosen_and_stay_by_default(las_file, tmp_path, records):
    source = las_file(records=np.zeros((3, 30), np.uint8))
    codes = np.array([0, 1, 2])
    relabel(source, tmp_path / "a.las", codes, np.zeros(3), classify=True, class_map=ClassMap(leaf=5, wood=4))
    relabel(source, tmp_path / "b.las", codes, np.zeros(3))
    assert records(read_layout(tmp_path / "a.las"))[:, 16].tolist() == [0, 5, 4]
    assert records(read_layout(tmp_path / "b.las"))[:, 16].tolist() == [0, 0, 0]


def test_old_formats_get_no_class_codes(las_file, tmp_path, labels, same_but_labels):
    for point_format in range(6):
        source = las_file(minor=4, point_format=point_format)
        relabel(source, tmp_path / "out.las", *labels(10), overwrite=True)
        same_but_labels(source, tmp_path / "out.las", *labels(10))


def test_twice_is_once(las_file, tmp_path, labels):
    source = las_file(point_format=7, n=500, extra_length=3)
    relabel(source, tmp_path / "once.laz", *labels(500), extra={"height_ag": np.arange(500.0)})
    relabel(tmp_path / "once.laz", tmp_path / "twice.laz", *labels(500), extra={"height_ag": np.arange(500.0)})
    assert (tmp_path / "once.laz").read_bytes() == (tmp_path / "twice.laz").read_bytes()


def test_second_run_replaces_labels_and_their_classes(las_file, tmp_path, records):
    source = las_file(records=classes(4))  # 0, 1, 2, 3
    relabel(source, tmp_path / "a.las", np.array([1, 2, 0, 2]), np.full(4, 0.25), classify=True)
    relabel(tmp_path / "a.las", tmp_path / "b.las", np.array([2, 0, 0, 1]), np.full(4, 0.75), classify=True)
    out = laspy.read(tmp_path / "b.las")
    assert list(out.point_format.extra_dimension_names) == ["leafwood", "wood_prob"]
    assert out.leafwood.tolist() == [2, 0, 0, 1]
    assert np.asarray(out.classification).tolist() == [64, 1, 2, 65]
    assert np.allclose(out.wood_prob, 0.75)


def test_class_64_of_somebody_else_stays(las_file, tmp_path, records):
    source = las_file(records=classes(66))
    relabel(source, tmp_path / "out.las", np.full(66, 1), np.zeros(66), classify=True)
    assert records(read_layout(tmp_path / "out.las"))[64:, 16].tolist() == [64, 65]


def test_dimension_of_another_kind_with_our_name_survives(las_file, tmp_path, descriptor):
    source = las_file(extra=(descriptor("wood_prob", "<f4"), descriptor("Reflectance", "<i2", 0.01)))
    with pytest.warns(FileWarning, match="wood_prob_before"):
        relabel(source, tmp_path / "out.las", np.ones(10), np.full(10, 0.5))
    a, b = laspy.read(source), laspy.read(tmp_path / "out.las")
    names = ["wood_prob_before", "Reflectance", "leafwood", "wood_prob"]
    assert list(b.point_format.extra_dimension_names) == names
    assert a["wood_prob"].tobytes() == b["wood_prob_before"].tobytes()
    assert np.allclose(b["wood_prob"], 0.5)


def test_undocumented_bytes_stay_and_get_described(las_file, tmp_path):
    source = las_file(extra_length=5)
    relabel(source, tmp_path / "out.las", np.ones(10), np.zeros(10))
    a, b = laspy.read(source), laspy.read(tmp_path / "out.las")
    assert list(b.point_format.extra_dimension_names) == ["ExtraBytes", "leafwood", "wood_prob"]
    assert np.array_equal(a["ExtraBytes"], b["ExtraBytes"])


def test_descriptor_bytes_stay(las_file, tmp_path, descriptor):
    odd = bytearray(descriptor("odd", "<i4", 0.5))
    odd[0:2], odd[3] = b"\x12\x34", 0x1F
    odd[40:112] = bytes(range(72))  # no data, minimum, maximum: laspy writes only the first back
    source = las_file(extra=(bytes(odd),))
    relabel(source, tmp_path / "out.las", np.ones(10), np.zeros(10))
    assert describe_records(read_layout(tmp_path / "out.las"))[0][0].raw == bytes(odd)


def test_more_dimensions_and_their_limits(las_file, tmp_path):
    source, n = las_file(), 10
    extra = {"entropy": np.linspace(0, 1, n), "stem": np.arange(n) > 4}
    relabel(source, tmp_path / "out.laz", np.ones(n), np.zeros(n), extra=extra)
    out = laspy.read(tmp_path / "out.laz")
    assert np.allclose(out["entropy"], extra["entropy"])
    assert out["stem"].tolist() == extra["stem"].tolist()
    for bad in (
        {"a": np.zeros(n), "b": np.zeros(n), "c": np.zeros(n)},
        {"classification": np.zeros(n)},
        {"x" * 33: np.zeros(n)},
        {"leafwood": np.zeros(n)},
        {"text": np.full(n, "a")},
    ):
        with pytest.raises(BadConfig):
            relabel(source, tmp_path / "bad.laz", np.ones(n), np.zeros(n), extra=bad)
    relabel(source, tmp_path / "long.laz", np.ones(n), np.zeros(n), extra={"x" * 32: np.zeros(n)})
    assert "x" * 32 in laspy.read(tmp_path / "long.laz").point_format.extra_dimension_names


@pytest.mark.parametrize(
    ("codes", "prob"), [(np.ones(9), np.zeros(10)), (np.ones(10), np.zeros(11)), (np.full(10, 3), np.zeros(10))]
)
def test_labels_that_do_not_fit_are_refused(las_file, tmp_path, codes, prob):
    with pytest.raises(BadCloud, match=r"in\.las"):
        relabel(las_file(), tmp_path / "out.las", codes, prob)
    assert not (tmp_path / "out.las").exists()


def test_probabilities_are_clipped_and_nan_is_zero(las_file, tmp_path):
    prob = np.array([-1, 0, 0.00004, 0.00006, 1, 2, np.nan, np.inf, 0.5, 0.12345])
    relabel(las_file(), tmp_path / "out.las", np.ones(10), prob)
    assert np.allclose(laspy.read(tmp_path / "out.las").wood_prob, [0, 0, 0, 1e-4, 1, 1, 0, 1, 0.5, 0.1234], atol=1e-9)


def test_generating_software_is_appended_once(las_file, tmp_path):
    tag = f"leafwood {__version__}"
    relabel(las_file(), tmp_path / "a.las", np.ones(10), np.zeros(10))
    assert read_layout(tmp_path / "a.las").software == f"maker 1.0; {tag}"
    source = las_file()
    data = bytearray(source.read_bytes())
    data[58:90] = b"a name that needs all 32 bytes!!"
    source.write_bytes(data)
    relabel(source, tmp_path / "b.las", np.ones(10), np.zeros(10))
    software = read_layout(tmp_path / "b.las").software
    assert software.startswith("a name that")
    assert software.endswith(tag)
    assert len(software) <= 32


def test_content_decides_what_the_source_is(las_file, laz_file, tmp_path, labels, same_but_labels):
    plain = las_file("plain.laz")
    zipped = laz_file("zipped.laz").rename(tmp_path / "zipped.las")
    relabel(plain, tmp_path / "a.laz", *labels(10))
    same_but_labels(plain, tmp_path / "a.laz", *labels(10))
    relabel(zipped, tmp_path / "b.las", *labels(10))
    assert not read_layout(tmp_path / "b.las").compressed
    assert not laspy.read(tmp_path / "b.las").header.are_points_compressed


def test_zero_points_and_one(las_file, tmp_path, labels, same_but_labels):
    for n in (0, 1):
        for suffix in (".las", ".laz"):
            source = las_file(n=n)
            target = tmp_path / f"out{n}{suffix}"
            relabel(source, target, *labels(n))
            same_but_labels(source, target, *labels(n))
            assert len(laspy.read(target)) == n
            relabel(target, tmp_path / f"again{n}{suffix}", *labels(n))
            assert (tmp_path / f"again{n}{suffix}").read_bytes() == target.read_bytes()


def test_target_rules(las_file, tmp_path):
    source = las_file()
    before = source.read_bytes()
    (tmp_path / "link.las").symlink_to(source)
    os.link(source, tmp_path / "hard.las")
    for name in ("in.las", "link.las", "hard.las"):
        for overwrite in (False, True):
            with pytest.raises(TargetExists):
                relabel(source, tmp_path / name, np.ones(10), np.zeros(10), overwrite=overwrite)
    (tmp_path / "there.las").write_bytes(b"precious")
    (tmp_path / "dangling.las").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.las").mkdir()
    for name in ("there.las", "dangling.las", "folder.las"):
        with pytest.raises(TargetExists):
            relabel(source, tmp_path / name, np.ones(10), np.zeros(10))
    assert (tmp_path / "there.las").read_bytes() == b"precious"
    with pytest.raises(FileProblem, match="does not exist"):
        relabel(source, tmp_path / "no" / "out.las", np.ones(10), np.zeros(10))
    for name in ("out.txt", "out.copc.laz", "out"):
        with pytest.raises(BadConfig):
            relabel(source, tmp_path / name, np.ones(10), np.zeros(10))
    relabel(source, tmp_path / "there.las", np.ones(10), np.zeros(10), overwrite=True)
    assert laspy.read(tmp_path / "there.las").leafwood.tolist() == [1] * 10
    assert source.read_bytes() == before


@pytest.mark.parametrize("failure", [KeyboardInterrupt, MemoryError, OSError("disk full"), SystemExit])
def test_nothing_is_left_when_writing_is_stopped(las_file, tmp_path, monkeypatch, failure):
    source = las_file()
    (tmp_path / "out.las").write_bytes(b"older")

    def stop(*_: object) -> None:
        raise failure

    monkeypatch.setattr("leafwood.io.las.relabel.write_classes", stop)
    with pytest.raises(FileProblem if isinstance(failure, OSError) else failure):
        relabel(source, tmp_path / "out.las", np.ones(10), np.zeros(10), classify=True, overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.las", "out.las"]
    assert (tmp_path / "out.las").read_bytes() == b"older"


def test_extended_records_and_internal_waveforms_move_together(las_file, tmp_path, labels, same_but_labels):
    evlrs = (("maker", 1, b"abc" * 50), ("LASF_Spec", 65535, bytes(range(200))), ("copc", 1000, b"tree"))
    source = las_file(point_format=9, evlrs=evlrs, gap=b"gap", header_extra=b"maker's own")
    data = bytearray(source.read_bytes())
    record = read_layout(source).evlrs[1]
    struct.pack_into("<Q", data, 227, record.start)
    source.write_bytes(data)
    for suffix in (".las", ".laz"):
        target = tmp_path / f"out{suffix}"
        relabel(source, target, *labels(10))
        same_but_labels(source, target, *labels(10))
        out = read_layout(target)
        assert [r.key for r in out.evlrs] == [("maker", 1), ("LASF_Spec", 65535)]
        assert out.waveform_start == out.evlrs[1].start
        assert target.stat().st_size == out.evlrs[1].stop


def test_waveforms_of_las_13_become_an_extended_record_on_upgrade(las_file, tmp_path):
    source = las_file(minor=3, point_format=4)
    waves = struct.pack("<H16sHQ32s", 0, b"LASF_Spec", 65535, 100, b"waves") + bytes(100)
    data = bytearray(source.read_bytes())
    struct.pack_into("<Q", data, 227, len(data))
    source.write_bytes(bytes(data) + waves)
    for upgrade in (False, True):
        relabel(source, tmp_path / f"{upgrade}.las", np.ones(10), np.zeros(10), upgrade=upgrade)
        out = read_layout(tmp_path / f"{upgrade}.las")
        assert out.path.read_bytes()[out.waveform_start :] == waves
    assert [r.start for r in out.evlrs] == [out.waveform_start]
    assert out.point_format == 9


@pytest.mark.parametrize("point_format", range(6))
def test_upgrade_keeps_every_field(las_file, tmp_path, point_format):
    source = las_file(minor=3, point_format=point_format, n=200, extra_length=2)
    relabel(source, tmp_path / "out.laz", np.zeros(200), np.zeros(200), upgrade=True)
    a, b = laspy.read(source), laspy.read(tmp_path / "out.laz")
    assert b.point_format.id == {0: 6, 1: 6, 2: 7, 3: 7, 4: 9, 5: 10}[point_format]
    for name in set(a.point_format.dimension_names) - {"scan_angle_rank"}:
        assert np.asarray(a[name]).tobytes() == np.asarray(b[name]).tobytes(), name
    assert np.allclose(np.asarray(b.scan_angle) * 0.006, np.asarray(a.scan_angle_rank), atol=0.003)
    assert np.array_equal(np.asarray(b.overlap), np.asarray(a.classification) == 12)
    assert b.header.global_encoding.wkt
    assert b.header.point_count == 200
    legacy = (tmp_path / "out.laz").read_bytes()[107:131]
    assert legacy == bytes(24)


def test_upgrade_turns_geotiff_into_wkt(las_file, tmp_path):
    keys = struct.pack("<16H", 1, 1, 0, 3, 1024, 0, 1, 1, 3072, 0, 1, 25832, 4096, 0, 1, 5783)
    source = las_file(minor=2, point_format=1, vlrs=(("LASF_Projection", 34735, keys), ("maker", 9, b"kept")))
    relabel(source, tmp_path / "out.las", np.ones(10), np.zeros(10), upgrade=True)
    out = read_layout(tmp_path / "out.las")
    assert [v.key for v in out.vlrs] == [("maker", 9), ("LASF_Projection", 2112), ("LASF_Spec", 4)]
    crs = laspy.read(tmp_path / "out.las").header.parse_crs()
    assert [part.to_epsg() for part in crs.sub_crs_list] == [25832, 5783]


@pytest.mark.parametrize(("minor", "point_format", "record"), [(4, 6, 2112), (2, 1, 34735)])
def test_crs_can_be_given(las_file, tmp_path, minor, point_format, record):
    old = ("LASF_Projection", 2112, b'LOCAL_CS["nonsense"]\0')
    source = las_file(minor=minor, point_format=point_format, vlrs=(old,))
    relabel(source, tmp_path / "out.las", np.ones(10), np.zeros(10), crs="EPSG:32633")
    out = read_layout(tmp_path / "out.las")
    assert ("LASF_Projection", record) in [v.key for v in out.vlrs]
    assert laspy.read(tmp_path / "out.las").header.parse_crs() == pyproj.CRS.from_epsg(32633)
    with pytest.raises(BadConfig):
        relabel(source, tmp_path / "bad.las", np.ones(10), np.zeros(10), crs="EPSG:999999")


def test_what_the_user_should_know_is_said(las_file, tmp_path):
    source = las_file(minor=2, point_format=1)
    source.write_bytes(source.read_bytes() + b"trailing")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        relabel(source, tmp_path / "out.las", np.ones(10), np.zeros(10), classify=True)
    said = " ".join(str(w.message) for w in caught)
    for words in ("LAS 1.2", "upgrade=True", "no room for leaf and wood classes", "8 bytes at its end"):
        assert words in said


def test_too_many_dimensions_are_refused(las_file, tmp_path, descriptor):
    source = las_file(extra=tuple(descriptor(f"d{i}", "u1") for i in range(340)))
    with pytest.raises(BadFile, match="no room"):
        relabel(source, tmp_path / "out.las", np.ones(10), np.zeros(10))


def test_copc_becomes_laz_without_its_tree(shared_data, tmp_path, labels):
    source = shared_data / "hostile" / "r-lidar_rlas__inst__extdata__example.copc.laz"
    with pytest.warns(FileWarning, match="COPC"):
        relabel(source, tmp_path / "out.laz", *labels(30))
    out = read_layout(tmp_path / "out.laz")
    assert not out.is_copc
    assert out.evlrs == ()
    assert np.array_equal(laspy.read(source).xyz, laspy.read(tmp_path / "out.laz").xyz)


def test_path_may_be_text(las_file, tmp_path):
    relabel(str(las_file()), str(tmp_path / "out.las"), np.ones(10), np.zeros(10))
    assert Path(tmp_path / "out.las").is_file()
