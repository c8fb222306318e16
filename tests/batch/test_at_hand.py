"""A scan as a file of this machine: fetched from a server, whole or in part, and cleared away."""

import shutil
import warnings
from pathlib import Path

import laspy
import numpy as np
import pytest

from leafwood.batch.at_hand import at_hand
from leafwood.errors import BadConfig, BadFile, FileProblem, FileWarning, NoPointCloud
from leafwood.io.bounds import Bounds
from leafwood.io.las.copc import find_nodes
from leafwood.io.las.layout import read_layout

SAMPLE = Path(__file__).resolve().parents[2] / "data_samples" / "single_tree.laz"
pytestmark = pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")


@pytest.fixture
def bounds():
    low, high = read_layout(SAMPLE).bounds[:, :2]
    return Bounds(*low, *(low + (high - low) / 5))


@pytest.fixture
def copc(served, write_copc):
    return write_copc(SAMPLE, served.folder / "tree.copc.laz")


def read(path):
    las = laspy.read(path)
    return las.points.array.tobytes()


def test_of_copc_at_an_address_only_what_lies_inside_is_sent(served, copc, bounds, tmp_path):
    url = Path(served.url(copc.name))
    with at_hand(url, tmp_path, bounds) as far:
        sent = served.sent
        with at_hand(copc, tmp_path, bounds) as near:
            assert far.read_bytes() == near.read_bytes()
            assert far.name == copc.name
    assert 0 < sent < 0.4 * copc.stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == ["served"]


def test_of_a_real_file_the_nodes_inside_are_sent_and_little_else(served, shared_data, tmp_path):
    source = shared_data / "scans" / "tiles_52_2026-01-11.copc.laz"
    shutil.copy(source, served.folder / "big.copc.laz")
    layout = read_layout(source)
    low, high = layout.bounds[:, :2]
    part = Bounds(*(low + (high - low) * 0.05), *(low + (high - low) * 0.1))
    with source.open("rb") as stream:
        nodes = find_nodes(layout, stream, part)
    with at_hand(Path(served.url("big.copc.laz")), tmp_path, part) as scan:
        found = laspy.read(scan)
    las = laspy.read(source)
    assert len(found) == part.holds(np.asarray(las.x), np.asarray(las.y)).sum()
    assert served.sent < sum(node.size for node in nodes) + 100_000 < 0.6 * layout.size


def test_without_bounds_the_whole_file_is_fetched_and_cleared_away(served, tmp_path):
    shutil.copy(SAMPLE, served.folder / "tree.laz")
    with at_hand(Path(served.url("tree.laz") + "?key=1"), tmp_path) as scan:
        assert scan.read_bytes() == SAMPLE.read_bytes()
        assert scan.name == "tree.laz"
        assert scan.parent.name.startswith(".leafwood-")
    assert [path.name for path in tmp_path.iterdir()] == ["served"]


@pytest.mark.parametrize("ranges", [True, False])
def test_what_is_no_copc_is_fetched_whole_and_so_is_all_from_a_server_without_ranges(
    served, copc, bounds, tmp_path, ranges
):
    served.ranges = ranges
    name = copc.name
    if ranges:
        name = "tree.laz"
        shutil.copy(SAMPLE, served.folder / name)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with (
            at_hand(Path(served.url(name)), tmp_path, bounds) as far,
            at_hand(served.folder / name, tmp_path, bounds) as near,
        ):
            assert read(far) == read(near)
    said = [str(item.message) for item in caught if issubclass(item.category, FileWarning)]
    assert any("is no COPC, and is fetched whole" in line and served.url(name) in line for line in said)
    assert any("points lie within" in line for line in said)


def test_a_scan_of_this_machine_is_itself(tmp_path):
    with at_hand(SAMPLE, tmp_path) as scan:
        assert scan == SAMPLE
    assert list(tmp_path.iterdir()) == []


def test_what_is_said_of_the_file_is_said_of_the_scan(served, copc, tmp_path):
    url = Path(served.url(copc.name) + "?secret")
    with pytest.raises(NoPointCloud) as caught, at_hand(url, tmp_path, Bounds(0, 0, 1, 1)):
        pass
    assert str(caught.value).startswith(f"{served.url(copc.name)}: no point lies within")
    with pytest.raises(BadFile, match=rf"^{served.url(copc.name)}: odd$"), at_hand(url, tmp_path) as scan:
        raise BadFile(f"{scan}: odd")
    assert [path.name for path in tmp_path.iterdir()] == ["served"]


def test_bounds_are_for_las(tmp_path):
    scan = tmp_path / "a.xyz"
    scan.write_text("1 2 3\n")
    with pytest.raises(BadConfig, match=r"a\.xyz: `bounds` are for"), at_hand(scan, tmp_path, Bounds(0, 0, 1, 1)):
        pass


def test_a_connection_that_ends_early_is_no_scan(served, tmp_path):
    shutil.copy(SAMPLE, served.folder / "tree.laz")
    served.ranges, served.cut = False, 10_000
    with pytest.raises((BadFile, FileProblem), match=r"tree\.laz"), at_hand(Path(served.url("tree.laz")), tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["served"]


def test_no_room_for_it_is_said_before_it_is_fetched(served, tmp_path, monkeypatch):
    shutil.copy(SAMPLE, served.folder / "tree.laz")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: _Disk())
    url = Path(served.url("tree.laz"))
    with pytest.raises(FileProblem, match=r"tree\.laz: has .* MB, .* 0 MB are left"), at_hand(url, tmp_path):
        pass
    assert served.sent == 0


class _Disk:
    free = 1000
