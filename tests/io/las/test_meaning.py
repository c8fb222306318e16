"""How a reader can tell which of its two meanings the field `wood_prob` of a file has."""

import laspy
import numpy as np
import pytest

from leafwood.io.las.labels import EQUAL_MEANING, PROB_MEANING
from leafwood.io.las.read import read_las
from leafwood.io.las.relabel import relabel


@pytest.fixture
def old(tmp_path):
    """A file as version 0.1.0 labelled it."""
    header = laspy.LasHeader(version="1.4", point_format=6)
    header.scales = (0.001, 0.001, 0.001)
    header.add_extra_dims(
        [
            laspy.ExtraBytesParams("leafwood", np.uint16, "0 none, 1 leaf, 2 wood"),
            laspy.ExtraBytesParams("wood_prob", np.uint16, EQUAL_MEANING, offsets=np.zeros(1), scales=np.array([1e-4])),
        ]
    )
    las = laspy.LasData(header)
    las.xyz = np.random.default_rng(0).uniform(0, 10, (50, 3))
    las["leafwood"] = np.ones(50, dtype=np.uint16)
    las["wood_prob"] = np.full(50, 0.25)
    las.write(tmp_path / "old.las")
    return tmp_path / "old.las"


def test_an_earlier_meaning_is_read_under_a_name_of_its_own(old):
    columns = read_las(old, crs="EPSG:32633").columns
    assert "wood_prob" not in columns
    np.testing.assert_allclose(columns["wood_prob_equal"], 0.25)


def test_labelling_again_writes_todays_meaning_in_the_same_place(old, tmp_path):
    relabel(old, tmp_path / "new.las", np.ones(50, dtype=np.uint16), np.full(50, 0.125), crs="EPSG:32633")
    dims = {dim.name: dim.description for dim in laspy.read(tmp_path / "new.las").point_format.extra_dimensions}
    assert dims == {"leafwood": "0 none, 1 leaf, 2 wood", "wood_prob": PROB_MEANING}
    assert len(PROB_MEANING) <= 31
    np.testing.assert_allclose(read_las(tmp_path / "new.las").columns["wood_prob"], 0.125)
