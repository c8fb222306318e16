"""A level part by part is the level at once."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.nn.rows import by_rows


@settings(deadline=None, max_examples=20)
@given(st.sampled_from([1, 2, 1024, 1025, 1033, 9000, 70_001]), st.integers(1, 5))
def test_parts_make_the_whole(n, width):
    values = torch.arange(n * width, dtype=torch.float32).reshape(n, width)
    with torch.inference_mode():
        assert torch.equal(by_rows(lambda rows: values[rows] * 2, n), values * 2)


def test_gradients_see_all_rows_at_once():
    seen = []
    values = torch.ones(5000, 2, requires_grad=True)

    def step(rows):
        seen.append(rows)
        return values[rows] * 3

    by_rows(step, 5000).sum().backward()
    assert seen == [slice(0, 5000)]
    assert (values.grad == 3).all()


def test_each_thread_computes_alone_and_the_caller_keeps_its_threads():
    before = torch.get_num_threads()
    with torch.inference_mode():
        threads = by_rows(lambda rows: torch.full((rows.stop - rows.start, 1), torch.get_num_threads()), 20_000)
    assert (threads == 1).all()
    assert torch.get_num_threads() == before


def test_what_fails_in_a_part_fails():
    def step(rows):
        if rows.start:
            raise ValueError("no such rows")
        return torch.zeros(rows.stop - rows.start, 1)

    with torch.inference_mode(), pytest.raises(ValueError, match="no such rows"):
        by_rows(step, 20_000)
