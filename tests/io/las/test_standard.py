"""The tables of the point formats are those that laspy has."""

import numpy as np
import pytest
from laspy.point import dims
from laspy.point.format import PointFormat
from laspy.point.record import PackedPointRecord

from leafwood.io.las.layout import RECORD_SIZES
from leafwood.io.las.standard import standard_columns, standard_values
from leafwood.io.las.stream import open_las


@pytest.mark.parametrize("point_format", range(len(RECORD_SIZES)))
def test_dimensions_have_laspys_names_and_values(point_format: int) -> None:
    laspys = PointFormat(point_format)
    records = np.random.default_rng(point_format).integers(0, 256, (50, RECORD_SIZES[point_format]), dtype=np.uint8)
    points = PackedPointRecord(records.reshape(-1).view(laspys.dtype()), laspys)
    assert set(standard_columns(point_format)) == set(laspys.dimension_names)
    assert standard_columns(point_format)[:3] == ("X", "Y", "Z")
    for name in laspys.dimension_names:
        values = standard_values(records, point_format, name)
        assert values.tobytes() == np.asarray(points[name]).astype(values.dtype).tobytes(), name


@pytest.mark.parametrize("point_format", range(len(RECORD_SIZES)))
def test_dimensions_of_bits_come_last(point_format: int) -> None:
    parts = [part.name for fields in dims.COMPOSED_FIELDS[point_format].values() for part in fields]
    assert list(standard_columns(point_format)[-len(parts) :]) == parts


@pytest.mark.parametrize("point_format", [1, 6, 8, 10])
def test_a_dimension_read_alone_is_what_it_is_among_all(point_format, las_file, laz_file):
    choices = {"point_format": point_format, "n": 300, "seed": 3}
    whole, compressed = open_las(las_file(**choices)), open_las(laz_file(**choices))
    names = standard_columns(point_format)[3:]
    ((places, values),) = whole.chunks(names)
    for name in names:
        ((places_alone, alone),) = compressed.chunks((name,))
        assert np.array_equal(places_alone, places)
        assert alone[name].tobytes() == values[name].tobytes(), name
