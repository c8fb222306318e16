"""Grids as GeoTIFF: read back where they were put, with what is said about them."""

import sys

import numpy as np
import pyproj
import pytest
import rasterio

from leafwood.errors import BadConfig, MissingExtra, TargetExists
from leafwood.io.geotiff import write_geotiff

CELLS = np.array([[10, 40], [11, 40], [13, 42]])
WKT = pyproj.CRS.from_epsg(32633).to_wkt()


def test_values_lie_where_their_cells_are(tmp_path):
    target = tmp_path / "grid.tif"
    bands = {"lad 1.5 m": np.array([1.0, 2.0, 3.0]), "count": np.array([4, 5, 6])}
    write_geotiff(target, CELLS, 5.0, bands, crs=WKT, tags={"k": "0.5"})
    with rasterio.open(target) as file:
        assert file.crs.to_epsg() == 32633
        assert file.bounds == (50.0, 200.0, 70.0, 215.0)
        assert file.descriptions == ("lad 1.5 m", "count")
        assert file.tags()["k"] == "0.5"
        assert np.isnan(file.nodata)
        places = [(52.5, 202.5), (57.5, 202.5), (67.5, 212.5), (52.5, 212.5)]
        np.testing.assert_array_equal([v[0] for v in file.sample(places, 1)], [1, 2, 3, np.nan])
        np.testing.assert_array_equal([v[0] for v in file.sample(places, 2)], [4, 5, 6, np.nan])


def test_of_a_compound_system_only_the_plan_is_kept(tmp_path):
    crs = pyproj.crs.CompoundCRS("both", [pyproj.CRS.from_epsg(6341), pyproj.CRS.from_epsg(5703)]).to_wkt()
    write_geotiff(tmp_path / "a.tif", CELLS, 1.0, {"v": np.ones(3)}, crs=crs, tags={})
    write_geotiff(tmp_path / "b.tif", CELLS, 1.0, {"v": np.ones(3)}, crs=None, tags={})
    with rasterio.open(tmp_path / "a.tif") as with_crs, rasterio.open(tmp_path / "b.tif") as without:
        assert with_crs.crs.to_epsg() == 6341
        assert without.crs is None


def test_refusals(tmp_path, monkeypatch):
    target = tmp_path / "grid.tif"
    target.write_bytes(b"mine")
    with pytest.raises(TargetExists):
        write_geotiff(target, CELLS, 1.0, {"v": np.ones(3)}, crs=None, tags={})
    assert target.read_bytes() == b"mine"
    far = np.array([[0, 0], [100_000, 100_000]])
    with pytest.raises(BadConfig, match="larger cells"):
        write_geotiff(tmp_path / "far.tif", far, 1.0, {"v": np.ones(2)}, crs=None, tags={})
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(MissingExtra, match=r"leafwood\[formats\]"):
        write_geotiff(tmp_path / "none.tif", CELLS, 1.0, {"v": np.ones(3)}, crs=None, tags={})
