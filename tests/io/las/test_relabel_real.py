"""Every real file against its labelled copy: header field by field, record by record, point by point."""

from __future__ import annotations

import warnings
from pathlib import Path

import laspy
import numpy as np
import pytest

from leafwood.errors import FileWarning, LeafwoodError
from leafwood.io.las.layout import read_layout
from leafwood.io.las.points import read_records
from leafwood.io.las.relabel import relabel

pytestmark = pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")

# lazrs cannot decode them, or they hold fewer points than they promise.
UNREADABLE = {
    "LASzip_LASzip__data__broken_coder.laz",
    "LASzip_LASzip__data__broken_compressor.laz",
    "LASzip_LASzip__data__broken_type.laz",
    "PDAL_PDAL__test__data__las__garbage_nVariableLength.las",
    "PDAL_PDAL__test__data__las__permutations__1.2-no-points.las",
    "visgl_loaders.gl__modules__las__test__data__pdrf10-1.5.laz",
    "visgl_loaders.gl__modules__las__test__data__pdrf7-v4-1.4.laz",
    "visgl_loaders.gl__modules__las__test__data__pdrf9-1.5.laz",
}
# Their record of extra dimensions promises more bytes than the points have.
MISDESCRIBED = {"r-lidar_lasR__inst__extdata__malformed_extrabytes.las"}
# LAZ would damage waveforms of several scanner channels.
LAS_ONLY = {"visgl_loaders.gl__modules__las__test__data__pdrf10-1.5.las"}


@pytest.mark.parametrize("suffix", [".las", ".laz"])
@pytest.mark.parametrize("folder", ["scans", "labelled", "wood_only", "hostile"])
def test_labelled_copy_differs_in_labels_alone(shared_data, tmp_path, labels, same_but_labels, folder, suffix):
    done = 0
    for source in sorted((shared_data / folder).glob("*.la[sz]")):
        if source.name in UNREADABLE | MISDESCRIBED or (suffix == ".laz" and source.name in LAS_ONLY):
            continue
        target = tmp_path / f"out{suffix}"
        codes, prob = labels(read_layout(source).count)
        relabel(source, target, codes, prob, overwrite=True)
        same_but_labels(source, target, codes, prob)
        done += 1
    assert done > 0


def test_unreadable_files_say_so_and_leave_nothing(shared_data, tmp_path, labels):
    for name in UNREADABLE:
        source = shared_data / "hostile" / name
        with pytest.raises(LeafwoodError, match=r"\.la[sz]: ") as caught:
            relabel(source, tmp_path / "out.laz", *labels(read_layout(source).count))
        assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_waveforms_of_several_channels_only_as_las(shared_data, tmp_path, labels, same_but_labels):
    for name in LAS_ONLY:
        source = shared_data / "hostile" / name
        codes, prob = labels(read_layout(source).count)
        with pytest.raises(LeafwoodError, match="several scanner channels"):
            relabel(source, tmp_path / "out.laz", codes, prob)
        assert list(tmp_path.iterdir()) == []


def test_descriptors_that_do_not_fit_are_dropped_and_said(shared_data, tmp_path, labels):
    for name in MISDESCRIBED:
        source = shared_data / "hostile" / name
        with pytest.warns(FileWarning, match="descriptors do not fit"):
            relabel(source, tmp_path / "out.las", *labels(read_layout(source).count))
        out = laspy.read(tmp_path / "out.las")
        assert list(out.point_format.extra_dimension_names) == ["leafwood", "wood_prob"]
        assert (out.X == laspy.read(source).X).all()


@pytest.mark.parametrize("name", ["UAS_Clip.laz", "bcts_1.laz", "als_pf8_50mx100m.las", "tiles_52_2026-01-11.copc.laz"])
def test_laspy_agrees(shared_data: Path, tmp_path: Path, labels, name: str):
    """The same comparison through another reader, so that one wrong idea of the format cannot hide."""
    source, target = shared_data / "scans" / name, tmp_path / "out.laz"
    codes, prob = labels(read_layout(source).count)
    relabel(source, target, codes, prob)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        a, b = laspy.read(source), laspy.read(target)
    for dimension in a.point_format.dimension_names:
        assert np.array_equal(np.asarray(a[dimension]), np.asarray(b[dimension])), dimension
    assert np.array_equal(b["leafwood"], codes)
    assert np.allclose(b["wood_prob"], prob, atol=0.51e-4)
    assert a.header.parse_crs() == b.header.parse_crs()
    for key in ("uuid", "system_identifier", "creation_date", "file_source_id", "version"):
        assert getattr(a.header, key) == getattr(b.header, key)
    assert (a.header.scales == b.header.scales).all()
    assert (a.header.mins == b.header.mins).all()


@pytest.mark.parametrize("name", ["LPine1_demo.laz", "bcts_1.laz"])
def test_upgraded_scan_reads_the_same_in_laspy(shared_data, tmp_path, labels, name):
    source, target = shared_data / "scans" / name, tmp_path / "out.laz"
    codes, prob = labels(read_layout(source).count)
    relabel(source, target, codes, prob, upgrade=True)
    a, b = laspy.read(source), laspy.read(target)
    assert (b.point_format.id, str(b.header.version), b.header.global_encoding.wkt) == (6, "1.4", True)
    same = set(a.point_format.dimension_names) & set(b.point_format.dimension_names)
    assert {"X", "classification", "return_number", "number_of_returns", "withheld", "edge_of_flight_line"} <= same
    for dimension in same:
        assert np.array_equal(np.asarray(a[dimension]), np.asarray(b[dimension])), dimension
    assert np.allclose(np.asarray(b.scan_angle) * 0.006, a.scan_angle_rank, atol=0.003)
    assert (b.header.number_of_points_by_return[:5] == a.header.number_of_points_by_return[:5]).all()
    was, now = a.header.parse_crs(), b.header.parse_crs()
    assert (was is None and now is None) or (now.sub_crs_list or [now])[0].to_epsg() == was.to_epsg()


def test_point_by_point_compressed_file_equals_its_twin(shared_data):
    """LASzip 1.2 without chunks, on which lazrs panics when asked plainly."""
    old = read_layout(
        shared_data / "hostile" / "PDAL_PDAL__test__data__laz__simple-laszip-compressor-version-1.2r0.laz"
    )
    twin = read_layout(shared_data / "hostile" / "PDAL_PDAL__test__data__las__simple.las")
    a, b = (np.concatenate(list(read_records(layout))) for layout in (old, twin))
    assert np.array_equal(a[:, 12:], b[:, 12:])
    assert np.allclose(a[:, :12].copy().view("<i4") * old.scale + old.offset, b[:, :12].copy().view("<i4") * twin.scale)
