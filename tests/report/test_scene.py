"""The packed cloud: what a browser unpacks is what went in, to a 65,000th of the extent."""

import base64
import zlib

import numpy as np
import pytest

from leafwood.cloud import PointCloud
from leafwood.report.colouring import by_value, colourings
from leafwood.report.facts import heights_of, in_doubt
from leafwood.report.scene import MOST, pack_scene
from leafwood.report.single import KINDS


def unpack(scene):
    """Coordinates (m, 3) and columns, as `web/src/cloud.js` does it."""
    n = scene.shown
    data = np.frombuffer(zlib.decompress(base64.b64decode(scene.points)), dtype=np.uint8)
    axes = []
    for axis in range(3):
        low, high = data[2 * axis * n : (2 * axis + 1) * n], data[(2 * axis + 1) * n : (2 * axis + 2) * n]
        axes.append(np.cumsum(low.astype(np.int64) + 256 * high.astype(np.int64)) % 65536)
    columns = {name: data[(6 + j) * n : (7 + j) * n] for j, name in enumerate(scene.header["columns"])}
    return np.column_stack(axes) * scene.header["cell"] + scene.header["corner"], columns


def pack(cloud, most=50_000):
    _, height, _ = heights_of(cloud)
    kinds = cloud.columns["leafwood"].astype(np.int64)
    return pack_scene(cloud, height, kinds, KINDS, colourings(cloud, height, in_doubt(cloud)), most=most)


def test_coordinates_and_labels_come_back(cloud):
    scene = pack(cloud)
    xyz, columns = unpack(scene)
    assert (scene.shown, scene.total) == (len(cloud), len(cloud))
    order = np.lexsort(np.round(xyz, 3).T)
    wanted = np.lexsort(np.round(cloud.xyz.astype(float), 3).T)
    worst = np.ptp(cloud.xyz, axis=0) / 65_000
    assert np.all(np.abs(np.sort(xyz, axis=0) - np.sort(cloud.xyz, axis=0)) <= worst)
    assert len(order) == len(wanted)
    for code in (0, 1, 2):
        assert (columns["kind"] == code).sum() == (cloud.columns["leafwood"] == code).sum()


def test_says_how_many_are_shown_and_keeps_the_wood(cloud):
    scene = pack(cloud, most=2_000)
    _, columns = unpack(scene)
    assert (scene.header["shown"], scene.header["total"]) == (2_000, len(cloud))
    wood = (cloud.columns["leafwood"] == 2).mean()
    assert (columns["kind"] == 2).mean() > wood


def test_offers_every_colouring_the_cloud_has_columns_for(cloud):
    names = [mode["name"] for mode in pack(cloud).header["modes"]]
    assert names == ["leaf and wood", "P(wood)", "doubt", "height", "class in the file", "intensity"]
    bare = PointCloud(cloud.xyz, columns={"leafwood": cloud.columns["leafwood"]})
    assert [mode["name"] for mode in pack(bare).header["modes"]] == ["leaf and wood", "height"]


def test_strays_do_not_shrink_the_view(cloud):
    far = PointCloud.from_xyz(
        np.vstack([cloud.absolute(), [[0.0, 0.0, 0.0]]]),
        {"leafwood": np.append(cloud.columns["leafwood"], 0)},
    )
    assert pack(far).header["frame"]["reach"] < 100


@pytest.mark.parametrize("values", [[np.nan, np.nan], [3.0, 3.0], [0.0, np.inf]])
def test_odd_values_have_a_colour(values):
    colouring = by_value("odd", np.array(values), "viridis")
    assert len(colouring.palette) == 256
    assert (colouring.values == 255).tolist() == (~np.isfinite(values)).tolist()


@pytest.mark.slow
def test_the_largest_view_leaves_room_in_a_page_of_15_megabytes():
    rng = np.random.default_rng(2)
    count = 1_000_000
    big = PointCloud(
        (rng.random((count, 3)) * [60, 60, 40]).astype(np.float32),
        columns={
            "leafwood": rng.integers(0, 3, count).astype(np.uint16),
            "wood_prob": rng.random(count),
            "classification": rng.integers(1, 6, count).astype(np.uint8),
            "intensity": rng.integers(0, 60_000, count).astype(np.uint16),
            "height_ag": rng.random(count) * 40,
        },
    )
    scene = pack(big, most=MOST)  # noise, which compresses worse than any scan
    assert scene.shown == MOST
    assert len(scene.points) < 13.5e6
