"""How unlike known scans a scan is."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from leafwood.postprocess.likeness import DescriptorStatistics, describe_pieces, unlike


@pytest.fixture(scope="module")
def pieces():
    return np.random.default_rng(0).normal((3.0, -1.0, 0.2), (2.0, 0.1, 0.01), (400, 3))


def test_most_of_the_pieces_lie_within_one(pieces):
    known = describe_pieces(pieces)
    assert np.mean([unlike(piece, known) <= 1 for piece in pieces]) == pytest.approx(0.95, abs=0.01)
    assert known.pieces == 400


def test_distance_grows_with_every_step_away_in_units_of_the_spread(pieces):
    known = describe_pieces(pieces)
    steps = [unlike(np.array(known.mean) + k * np.array(known.spread), known) for k in (0, 2, 4)]
    assert steps[0] == 0
    assert steps[2] == pytest.approx(2 * steps[1], rel=1e-6)
    assert steps[2] > 2


def test_statistics_survive_a_card(pieces):
    known = describe_pieces(pieces)
    again = json.loads(json.dumps(asdict(known)))
    assert DescriptorStatistics(**{k: tuple(v) if isinstance(v, list) else v for k, v in again.items()}) == known
