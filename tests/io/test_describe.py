"""What a file is."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest

from leafwood.errors import BadFile
from leafwood.io.describe import describe


def test_header_and_histograms(las_file, descriptor):
    records = np.zeros((400, 32), np.uint8)
    places = np.stack(np.meshgrid(np.arange(20), np.arange(20), indexing="ij"), axis=-1).reshape(-1, 2) * 500
    records[:, :8] = places.astype("<i4").view(np.uint8)
    records[:, 14] = 0x21
    records[:, 16] = np.arange(400) % 4
    crs = ("LASF_Projection", 2112, pyproj.CRS.from_epsg(25832).to_wkt().encode())
    info = describe(
        las_file(records=records, extra=(descriptor("Amplitude"),), vlrs=(crs,), evlrs=(("maker", 7, b"x"),))
    )
    assert (info.kind, info.point_format, info.count, info.compressed, info.copc) == ("LAS 1.4", 6, 400, False, False)
    assert (info.epsg, info.crs_name, info.unit) == (25832, "ETRS89 / UTM zone 32N", (1.0, 1.0))
    assert info.density == pytest.approx(4)
    assert info.classes == {0: 100, 1: 100, 2: 100, 3: 100}
    assert info.returns == {1: 400}
    assert info.labels is None
    assert info.extra_dims == ("Amplitude uint16 a test's",)
    assert info.vlrs == ("LASF_Spec/4 made for a test", "LASF_Projection/2112 made for a test")
    assert info.evlrs == ("maker/7 extended",)
    assert info.bounds.tolist() == [[-9, -8, -7], [9, 8, 7]]
    assert (info.warnings, info.problem) == ((), None)
    assert info.software == "maker 1.0"


def test_header_alone(las_file):
    info = describe(las_file(), full=False)
    assert (info.classes, info.returns, info.density) == (None, None, None)
    assert info.warnings == ("has no CRS; units are taken as metres",)


DEGREES = ("LASF_Projection", 2112, pyproj.CRS.from_epsg(4326).to_wkt().encode())


@pytest.mark.parametrize("choice", [{"vlrs": (DEGREES,)}, {"scale": (0, 1, 1)}])
def test_why_it_would_be_refused(las_file, choice):
    assert describe(las_file(**choice)).problem


def test_density_in_feet_is_per_square_metre(las_file):
    crs = ("LASF_Projection", 2112, pyproj.CRS.from_epsg(2263).to_wkt().encode())
    metres, feet = (
        describe(las_file("a.las", n=3000, scale=(1e-8,) * 3)),
        describe(las_file("b.las", n=3000, scale=(1e-8,) * 3, vlrs=(crs,))),
    )
    assert feet.density > 5 * metres.density


def test_no_points(las_file):
    info = describe(las_file(n=0))
    assert (info.count, info.density, info.bounds, info.classes) == (0, None, None, {})


def test_other_formats(tmp_path):
    (tmp_path / "p.csv").write_text("x,y,z,classification\n0,0,0,2\n0.5,0.5,1,5\n")
    info = describe(tmp_path / "p.csv")
    assert (info.kind, info.count, info.density, info.classes) == ("CSV", 2, 2.0, {2: 1, 5: 1})
    with pytest.raises(BadFile, match="does not exist"):
        describe(tmp_path / "no.las")


def test_real_scans_can_be_described(shared_data):
    for name in ("UAS_Clip.laz", "tiles_52_2026-01-11.copc.laz", "uls_tropical_tree.txt"):
        info = describe(shared_data / "scans" / name)
        assert info.count > 60_000
        assert info.density > 400
