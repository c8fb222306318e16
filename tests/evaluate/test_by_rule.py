"""Both rules are scored on the same probabilities."""

import numpy as np
import pytest

from leafwood.cloud import PointCloud
from leafwood.evaluate.by_rule import COLUMNS, RuleScores, with_rule

N = 20_000


@pytest.fixture(scope="module")
def result():
    rng = np.random.default_rng(0)
    xyz = rng.uniform(0, (10, 10, 20), (N, 3))
    wood = rng.random(N) < 0.1
    equal = 1 / (1 + np.exp(-2.5 * (np.where(wood, 1.25, -1.25) + rng.normal(size=N))))
    columns = {
        "leafwood": np.where(np.arange(N) % 50 == 0, 0, 1).astype(np.uint16),
        "wood_prob_equal": equal.astype(np.float32),
        "wood_prob": equal.astype(np.float32),
        "height_ag": np.full(N, np.nan, dtype=np.float32),
    }
    return PointCloud.from_xyz(xyz, columns), wood.astype(np.int8)


def test_labels_are_made_again_and_what_was_not_processed_stays_so(result):
    cloud, _ = result
    label = with_rule(cloud, "balanced").columns["leafwood"]
    done = cloud.columns["leafwood"] > 0
    assert (label[~done] == 0).all()
    np.testing.assert_array_equal(label[done] == 2, cloud.columns["wood_prob_equal"][done] > 0.5)
    assert 0 < (with_rule(cloud, "overlap").columns["leafwood"] == 2).sum() < (label == 2).sum()


def test_overlap_overlaps_more_and_balanced_balances_better_and_scans_add_up(result):
    found = RuleScores.of(*result)
    values = dict(zip(COLUMNS, found.values(), strict=True))
    assert values["overlap: wood iou"] > values["balanced: wood iou"]
    assert values["balanced: g mean"] > values["overlap: g mean"]
    np.testing.assert_allclose((found + found).values(), found.values())
