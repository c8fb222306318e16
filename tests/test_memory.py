"""Amounts of memory as people write them, and what a tile may take of them."""

import pytest

from leafwood.errors import BadConfig
from leafwood.memory import LEAST, as_bytes, default_memory, in_words, machine_memory, points_of_tile


@pytest.mark.parametrize(
    ("words", "amount"),
    [("3GB", 3 * 10**9), ("3 gb", 3 * 10**9), ("2.5G", 25 * 10**8), ("800MB", 8 * 10**8), (10**9, 10**9)],
)
def test_amounts_are_understood(words, amount):
    assert as_bytes(words) == amount


@pytest.mark.parametrize("words", ["much", "-3GB", "3 apples", "100MB", "5", ""])
def test_what_is_no_amount_or_too_little_is_refused(words):
    with pytest.raises(BadConfig, match="memory"):
        as_bytes(words)


def test_a_tile_takes_what_the_cloud_leaves_and_no_more_than_it_needs():
    assert points_of_tile(LEAST) == 100_000
    assert points_of_tile(LEAST, held=10**9) == 100_000
    assert 400_000 < points_of_tile(10**9) < 700_000
    assert points_of_tile(10**9, held=10**6) < points_of_tile(10**9)
    assert points_of_tile(64 * 10**9) == 1_600_000


def test_the_machine_bounds_what_is_used():
    assert LEAST <= default_memory() <= max(machine_memory(), LEAST)
    assert in_words(default_memory())
