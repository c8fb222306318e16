"""Small labelled clouds to report on."""

import laspy
import numpy as np
import pytest

from leafwood.cloud import PointCloud


def make_cloud(seed=0, count=30_000):
    """Four trees on flat ground with labels, probabilities, classes, intensities and returns."""
    rng = np.random.default_rng(seed)
    tree = np.array([[4, 4], [4, 12], [12, 4], [12, 12]])[rng.integers(0, 4, count)]
    ground = rng.random(count) < 0.3
    wood = ~ground & (rng.random(count) < 0.15)
    xyz = np.empty((count, 3))
    xyz[:, :2] = tree + rng.normal(0, 1.2, (count, 2))
    xyz[:, 2] = rng.normal(11, 2, count)
    xyz[wood] = np.column_stack(
        [tree[wood] + rng.normal(0, 0.3, (wood.sum(), 2)), 12 * np.sqrt(rng.random(wood.sum()))]
    )
    xyz[ground] = np.column_stack([16 * rng.random((ground.sum(), 2)), rng.normal(0, 0.02, ground.sum())])
    sure = 0.62 + 0.38 * rng.random(count)
    columns = {
        "leafwood": np.where(ground, 0, np.where(wood, 2, 1)).astype(np.uint16),
        "wood_prob": np.where(ground, 0, np.where(wood, sure, 0.38 * rng.random(count))),
        "classification": np.where(ground, 2, 1).astype(np.uint8),
        "intensity": rng.integers(0, 4000, count).astype(np.uint16),
        "return_number": (1 + np.arange(count) % 2).astype(np.uint8),
        "number_of_returns": np.full(count, 2, dtype=np.uint8),
    }
    return PointCloud.from_xyz(np.maximum(xyz, 0) + [500_000.0, 5_400_000.0, 300.0], columns)


@pytest.fixture(scope="session")
def cloud():
    return make_cloud()


def write_labelled(cloud, path, crs=True):
    """A LAS file of a labelled cloud."""
    header = laspy.LasHeader(point_format=6, version="1.4")
    header.scales, header.offsets = [0.001] * 3, np.floor(cloud.origin)
    header.add_extra_dim(laspy.ExtraBytesParams("leafwood", np.uint16))
    header.add_extra_dim(laspy.ExtraBytesParams("wood_prob", np.uint16, scales=np.array([1e-4]), offsets=np.zeros(1)))
    if crs:
        from pyproj import CRS

        header.add_crs(CRS.from_epsg(32633))
    las = laspy.LasData(header)
    las.xyz = cloud.absolute()
    for name in cloud.columns:
        las[name] = cloud.columns[name]
    las.write(path)
    return path


@pytest.fixture(autouse=True, scope="session")
def small_pictures():
    """Pictures inside pages take most of the time that pages take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("leafwood.report.embedded._WIDTH", 150)
        yield
