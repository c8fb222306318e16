"""What tiles add up to."""

import numpy as np

from leafwood.batch.survey.tile import TileSums, descriptor_of
from leafwood.postprocess.likeness import DescriptorStatistics, unlike
from leafwood.spatial.tiles import Box


def tile(number, seen, descriptor):
    return TileSums(Box(number, 0, number + 1, 1), 10 + seen, seen, np.array(descriptor), 0)


def test_the_descriptor_of_a_survey_is_the_mean_over_all_points_that_were_seen():
    tiles = [tile(0, 30, [30.0, 60.0]), tile(1, 0, [0.0]), tile(2, 10, [50.0, -20.0])]
    np.testing.assert_allclose(descriptor_of(tiles), [2.0, 1.0])
    np.testing.assert_array_equal(descriptor_of(tiles), descriptor_of(tiles[::-1]))
    known = DescriptorStatistics(mean=(0.0, 1.0), spread=(1.0, 1.0), usual=1.0, pieces=9)
    assert np.isclose(unlike(descriptor_of(tiles), known), np.sqrt(2.0))


def test_of_nothing_seen_nobody_knows():
    known = DescriptorStatistics(mean=(0.0, 1.0), spread=(1.0, 1.0), usual=1.0, pieces=9)
    assert np.isnan(unlike(descriptor_of([tile(0, 0, [0.0])]), known))
    assert np.isnan(unlike(np.zeros(2), None))
