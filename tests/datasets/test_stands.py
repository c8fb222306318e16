"""Labelled stands as training reads them."""

from pathlib import Path

import laspy
import numpy as np
import pytest

from leafwood.datasets.stands import load_stand
from leafwood.errors import BadCloud
from leafwood.spatial.order import voxel_cells

SAMPLE = Path(__file__).resolve().parents[2] / "data_samples" / "uav_plot.laz"


def test_one_point_per_finest_voxel():
    stand = load_stand(SAMPLE)
    cells = voxel_cells(stand.xyz, 0.025)
    assert len(np.unique(cells, axis=0)) == len(stand) > 10_000


def test_rarity_rises_towards_the_ground():
    stand = load_stand(SAMPLE)
    low, high = (stand.rarity[(stand.height > a) & (stand.height < b)].mean() for a, b in ((1, 4), (12, 30)))
    assert low > 1.2 * high
    assert stand.rarity.mean() == pytest.approx(1, abs=1e-3)


def test_return_numbers_come_from_the_file():
    stand, las = load_stand(SAMPLE), laspy.read(SAMPLE)
    assert stand.return_number.max() == np.asarray(las.return_number).max() > 1
    assert (stand.return_number <= stand.number_of_returns).all()


def test_a_stand_without_labelled_vegetation_is_refused(tmp_path):
    las = laspy.read(SAMPLE)
    las.points = las.points[np.asarray(las.classification) == 2]
    las.write(tmp_path / "bare.laz")
    with pytest.raises(BadCloud, match=r"bare\.laz.*no labelled vegetation"):
        load_stand(tmp_path / "bare.laz")


def test_withheld_returns_are_unknown():
    stand = load_stand(SAMPLE)
    assert stand.cloud().returns().any()
    withheld = stand.without_returns()
    assert not withheld.cloud().returns().any()
    np.testing.assert_array_equal(withheld.xyz, stand.xyz)


def test_a_lone_tree_is_known_as_one_and_stands_on_its_lowest_point():
    stand, tree = (
        load_stand(SAMPLE.with_name("single_tree.laz")),
        load_stand(SAMPLE.with_name("single_tree.laz"), lone_tree=True),
    )
    assert tree.trees.tolist() == [1]
    assert len(tree) == len(stand)
    assert not tree.ground.any()
    np.testing.assert_allclose(tree.height, tree.xyz[:, 2] - tree.xyz[:, 2].min(), atol=0.03)
