"""A level part by part is the level at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.threads import by_rows


@settings(deadline=None, max_examples=20)
@given(st.sampled_from([1, 2, 4095, 4096, 4097, 9000, 70_001]), st.integers(1, 5), st.integers(1, 3))
def test_parts_make_the_whole(n, width, threads):
    values = np.arange(n * width, dtype=np.float32).reshape(n, width)
    np.testing.assert_array_equal(by_rows(lambda rows: values[rows] * 2, n, threads), values * 2)


@pytest.mark.parametrize("threads", [1, 2])
def test_what_fails_in_a_part_fails(threads):
    def step(rows):
        if rows.start:
            raise ValueError("no such rows")
        return np.zeros((rows.stop - rows.start, 1), dtype=np.float32)

    with pytest.raises(ValueError, match="no such rows"):
        by_rows(step, 20_000, threads)
