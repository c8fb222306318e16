"""Formats by suffix, of one's own too."""

from __future__ import annotations

from pathlib import Path

import laspy
import numpy as np
import pytest

import leafwood
from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud, BadConfig, BadFile, LeafwoodError, TargetExists
from leafwood.io import loaders
from leafwood.io.loaders import default_output, read, register_loader, suffixes, write

pytestmark = pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")


@pytest.fixture(autouse=True)
def own_registry(monkeypatch):
    monkeypatch.setattr(loaders, "_registered", {})


def labelled(cloud: PointCloud) -> PointCloud:
    n = len(cloud)
    return cloud.with_columns(leafwood=np.arange(n) % 3, wood_prob=np.linspace(0, 1, n))


def test_a_format_of_ones_own(tmp_path):
    # The example of the documentation: a made-up binary format of x, y, z and reflectance.
    @register_loader(".abc")
    def read_abc(path: Path) -> PointCloud:
        table = np.fromfile(path, dtype="<f8").reshape(-1, 4)
        return PointCloud.from_xyz(table[:, :3], {"reflectance": table[:, 3]})

    table = np.random.default_rng(0).random((100, 4)) + np.array([432_000, 6_800_000, 80, 0])
    table.tofile(tmp_path / "scan.ABC")
    cloud = leafwood.segment(read(tmp_path / "scan.ABC"))
    target = default_output(tmp_path / "scan.ABC")
    write(cloud, target, classify=True)

    assert target == tmp_path / "scan_leafwood.laz"
    las = laspy.read(target)
    assert (las.point_format.id, str(las.header.version)) == (6, "1.4")
    assert np.allclose(las.xyz, table[:, :3], atol=1e-4)
    assert np.array_equal(las["reflectance"], table[:, 3])
    assert np.array_equal(las.leafwood, cloud.columns["leafwood"])
    assert np.isin(las.leafwood, (1, 2)).all()
    assert np.array_equal(las.classification, np.array([0, 65, 64])[cloud.columns["leafwood"]])
    assert list(las.point_format.extra_dimension_names) == ["reflectance", "leafwood", "wood_prob"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["scan.ABC", "scan_leafwood.laz"]


def test_a_writer_of_ones_own(tmp_path):
    def write_abc(cloud, source, target, *, extra, overwrite):
        target.write_text(f"{source.name} {len(cloud)} {list(extra)} {overwrite}")

    @register_loader(".tar.abc", writer=write_abc)
    def read_abc(path):
        return PointCloud.from_xyz(np.zeros((3, 3)))

    source = tmp_path / "a.tar.abc"
    source.touch()
    assert default_output(source).name == "a_leafwood.tar.abc"
    write(labelled(read(source)), default_output(source))
    assert default_output(source).read_text() == "a.tar.abc 3 [] False"
    assert ".tar.abc" in suffixes()


def test_registered_loader_comes_before_a_built_in_one(tmp_path, las_file):
    @register_loader(".las")
    def read_other(path):
        return PointCloud.from_xyz(np.ones((1, 3)))

    assert len(read(las_file())) == 1


def test_entry_points_are_loaders(tmp_path, monkeypatch):
    class Point:
        name = "abc"

        @staticmethod
        def load():
            return lambda path: PointCloud.from_xyz(np.ones((2, 3)))

    monkeypatch.setattr(loaders, "entry_points", lambda group: [Point] if group == "leafwood.loaders" else [])
    monkeypatch.setattr(loaders, "_brought", loaders._brought.__wrapped__)  # what was found before is kept otherwise
    (tmp_path / "x.abc").touch()
    cloud = read(tmp_path / "x.abc")
    assert (len(cloud), cloud.path) == (2, tmp_path / "x.abc")
    assert default_output(tmp_path / "x.abc").name == "x_leafwood.laz"


def test_failures_of_a_loader_name_the_file(tmp_path):
    @register_loader(".abc")
    def read_abc(path):
        raise IndexError("list index out of range")

    (tmp_path / "x.abc").touch()
    with pytest.raises(BadFile, match=r"x\.abc: the loader for \.abc failed: IndexError"):
        read(tmp_path / "x.abc")
    with pytest.raises(BadConfig, match="dot"):
        register_loader("abc")


def test_what_cannot_be_read_says_so(tmp_path):
    (tmp_path / "x.what").write_text("?")
    (tmp_path / "x").write_text("?")
    for name, words in (
        ("no.las", "does not exist"),
        (".", "folder"),
        ("x.what", r"no loader for \.what"),
        ("x", "suffix"),
    ):
        with pytest.raises(BadFile, match=words):
            read(tmp_path / name)


def test_las_is_known_by_its_first_bytes(las_file, tmp_path):
    source = las_file("scan.data")
    assert len(read(source)) == 10
    assert default_output(source).name == "scan_leafwood.laz"
    write(labelled(read(source)), default_output(source))
    assert laspy.read(default_output(source)).leafwood.tolist() == [i % 3 for i in range(10)]


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("a.las", "a_leafwood.las"),
        ("a.laz", "a_leafwood.laz"),
        ("a.b.LAZ", "a.b_leafwood.LAZ"),
        ("a.copc.laz", "a_leafwood.laz"),
        ("a.txt", "a_leafwood.txt"),
        ("a.csv", "a_leafwood.csv"),
        ("a.ply", "a_leafwood.ply"),
        ("a.pcd", "a_leafwood.pcd"),
        ("a.e57", "a_leafwood.laz"),
        ("a.what", "a_leafwood.laz"),
        ("a", "a_leafwood.laz"),
    ],
)
def test_default_output(name, output, tmp_path):
    assert default_output(Path("d") / name) == Path("d") / output
    assert default_output(Path("d") / name, tmp_path) == tmp_path / output


def test_write_keeps_the_source_it_is_told(las_file, tmp_path, same_but_labels):
    source = las_file(point_format=7, n=30)
    cloud = labelled(read(source)).with_columns(height_ag=np.arange(30.0))
    write(cloud, tmp_path / "a.laz")
    same_but_labels(source, tmp_path / "a.laz", cloud.columns["leafwood"], cloud.columns["wood_prob"])
    write(cloud, tmp_path / "b.laz", like=tmp_path / "a.laz", extra=["height_ag"])
    assert laspy.read(tmp_path / "b.laz")["height_ag"].tolist() == list(range(30))
    with pytest.raises(TargetExists):
        write(cloud, tmp_path / "a.laz")
    with pytest.raises(TargetExists):
        write(cloud, source, overwrite=True)
    with pytest.raises(BadFile, match="does not exist"):
        write(cloud, tmp_path / "c.laz", like=tmp_path / "gone.laz")
    with pytest.raises(BadConfig, match="cannot be written as"):
        write(cloud, tmp_path / "c.txt")
    with pytest.raises(BadCloud, match="no column leafwood"):
        write(read(source), tmp_path / "c.laz")
    with pytest.raises(BadCloud, match="for 30 points"):
        write(cloud.select(np.arange(5)), tmp_path / "c.laz")


def test_cloud_from_no_file_becomes_las(tmp_path):
    columns = {
        "classification": np.array([2, 5, 5]),
        "return_number": np.array([1, 2, 99]),  # does not fit its four bits
        "gps_time": np.array([1.5, 2.5, 3.5]),
        "withheld": np.array([True, False, False]),
        "a name of far more than thirty-two bytes é": np.arange(3, dtype=np.int64),
        "text": np.array(["a", "b", "c"]),
        **{c: np.array([1, 2, 60_000]) for c in ("red", "green", "blue")},
    }
    places = np.array([432_000.5, 6_800_012.345, 80])
    cloud = labelled(PointCloud.from_xyz(np.eye(3) + places, columns))
    write(cloud, tmp_path / "out.las", classify=True)
    las = laspy.read(tmp_path / "out.las")
    assert las.point_format.id == 7
    assert np.asarray(las.classification).tolist() == [2, 65, 64]
    assert las.gps_time.tolist() == [1.5, 2.5, 3.5]
    assert np.asarray(las.withheld).tolist() == [1, 0, 0]
    assert las.blue.tolist() == [1, 2, 60_000]
    extra = list(las.point_format.extra_dimension_names)
    assert extra[0] == "return_number_2"
    assert las["return_number_2"].tolist() == [1, 2, 99]
    assert las[extra[1]].tolist() == [0, 1, 2]
    assert np.allclose(las.xyz, np.eye(3) + places, atol=1e-4)


def test_text_can_go_out_as_laz(tmp_path):
    (tmp_path / "p.txt").write_text("1 2 3\n4 5 6\n")
    write(labelled(read(tmp_path / "p.txt")), tmp_path / "p.laz")
    assert laspy.read(tmp_path / "p.laz").leafwood.tolist() == [0, 1]


def test_feet_survive_a_new_file(tmp_path):
    import pyproj

    wkt = pyproj.CRS.from_epsg(2263).to_wkt()
    xyz = np.array([[1e6, 2e5, 100.0], [1e6 + 30, 2e5, 130.0]])
    cloud = PointCloud.from_xyz(xyz, unit=(1200 / 3937,) * 2, crs=wkt)
    write(labelled(cloud), tmp_path / "out.laz")
    again = read(tmp_path / "out.laz")
    assert np.allclose(again.absolute(), xyz, atol=1e-3)
    assert np.allclose(again.xyz, cloud.xyz, atol=1e-4)


def test_reading_never_imports_torch():
    import subprocess
    import sys

    code = (
        "import sys, leafwood.io.loaders, leafwood.io.las.relabel, leafwood.io.describe\n"
        "print('torch' in sys.modules, 'open3d' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_everything_raised_is_ours(tmp_path):
    for suffix in suffixes():
        path = tmp_path / f"x{suffix}"
        for content in (b"", b"\0" * 40, b"garbage, not points\n", bytes(range(256)) * 4):
            path.write_bytes(content)
            with pytest.raises(LeafwoodError):
                read(path)
