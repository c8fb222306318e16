"""E57 in, LAZ out."""

from __future__ import annotations

import sys

import laspy
import numpy as np
import pye57
import pytest

from leafwood.errors import BadFile, MissingExtra
from leafwood.io.e57 import read_e57
from leafwood.io.loaders import default_output, read, write


@pytest.fixture
def two_scans(tmp_path):
    path = tmp_path / "scan.e57"
    file = pye57.E57(str(path), mode="w")
    for number in range(2):
        xyz = np.random.default_rng(number).random((3, 50)) * 10
        data = dict(zip(("cartesianX", "cartesianY", "cartesianZ"), xyz, strict=True))
        data["intensity"] = np.arange(50.0)
        file.write_scan_raw(data, translation=np.array([432_000.0, 6_800_000.0, 100.0 * number]))
    file.close()
    return path


def test_scans_share_coordinates(two_scans):
    cloud = read_e57(two_scans)
    assert len(cloud) == 100
    assert np.bincount(cloud.columns["point_source_id"]).tolist() == [0, 50, 50]
    assert np.allclose(cloud.columns["intensity"][:50], np.arange(50))
    assert (cloud.absolute()[:, 1] >= 6_800_000).all()
    assert cloud.absolute()[50:, 2].min() >= 100


def test_labels_go_out_as_laz(two_scans):
    cloud = read(two_scans).with_columns(leafwood=np.ones(100, int), wood_prob=np.full(100, 0.5))
    write(cloud, default_output(two_scans))
    las = laspy.read(two_scans.with_name("scan_leafwood.laz"))
    assert np.asarray(las.leafwood).tolist() == [1] * 100
    assert np.asarray(las.classification).tolist() == [0] * 100
    assert np.asarray(las.point_source_id).tolist() == [1] * 50 + [2] * 50


def test_damage_and_absence(two_scans, monkeypatch):
    two_scans.write_bytes(two_scans.read_bytes()[:300])
    with pytest.raises(BadFile, match="E57"):
        read_e57(two_scans)
    monkeypatch.setitem(sys.modules, "pye57", None)
    with pytest.raises(MissingExtra, match=r"leafwood\[e57\]"):
        read_e57(two_scans)
