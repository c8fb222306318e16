"""Validation crops: what is written is read again, the worst come first, and scores are those of the voxels."""

import numpy as np
import pytest

from leafwood.errors import BadFile
from leafwood.evaluate.crops import SeenCrop, evaluate_crops, read_crops, worst_crops, write_crops
from leafwood.evaluate.metrics import score


def crop(stand, leaf_wrong, wood_wrong, seed=0, wood=100):
    """400 leaf voxels and some of wood in a box, with so many mistakes in each, and ten voxels that nobody knows."""
    rng = np.random.default_rng(seed)
    truth = np.repeat([0, 1, -1], [400, wood, 10]).astype(np.int8)
    prob = np.where(truth == 1, 0.9, 0.1).astype(np.float32)
    prob[:leaf_wrong], prob[400 : 400 + wood_wrong] = 0.8, 0.2
    return SeenCrop(stand, (rng.random((len(truth), 3)) * [4, 4, 9]).astype(np.float32), truth, prob)


@pytest.fixture
def crops():
    return [crop("good.laz", 4, 1), crop("bad.laz", 40, 60, seed=1), crop("good.laz", 0, 0, seed=2)]


def test_mistakes_are_the_mean_of_leaf_and_wood(crops):
    assert crops[0].mistakes == pytest.approx((4 / 400 + 1 / 100) / 2)
    assert crop("few.laz", 40, 5, wood=6).mistakes == pytest.approx(0.1)  # six voxels of wood say nothing
    assert crop("none.laz", 0, 0, wood=0).mistakes == 0


def test_the_worst_come_first_and_faultless_ones_not_at_all(crops):
    assert [one.stand for one in worst_crops(crops, 4)] == ["bad.laz", "good.laz"]
    assert [one.mistakes for one in worst_crops(crops, 1)] == [crops[1].mistakes]


def test_scores_by_stand_height_and_density(crops):
    found, stands = evaluate_crops(crops)
    assert list(stands) == ["bad.laz", "good.laz"]
    assert stands["bad.laz"].wood_recall == pytest.approx(0.4)
    assert stands["good.laz"].leaf_recall == pytest.approx(1 - 4 / 800)
    known = np.concatenate([one.truth for one in crops]) >= 0
    whole = score(*(np.concatenate([getattr(one, name) for one in crops])[known] for name in ("truth", "prob")))
    for strata in (found.height, found.density):
        np.testing.assert_array_equal(sum(part.confusion for part in strata.values()), whole.confusion)


def test_what_is_written_is_read_again(crops, tmp_path):
    path = tmp_path / "validation.npz"
    write_crops(crops, path)
    write_crops(crops, path)  # a later validation takes its place
    for one, again in zip(crops, read_crops(path), strict=True):
        assert again.stand == one.stand
        for name in ("xyz", "truth", "prob"):
            np.testing.assert_array_equal(getattr(again, name), getattr(one, name))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"text"])
def test_another_file_is_refused(content, tmp_path):
    (tmp_path / "validation.npz").write_bytes(content)
    with pytest.raises(BadFile, match="not the validation crops"):
        read_crops(tmp_path / "validation.npz")


def test_an_archive_of_something_else_is_refused(tmp_path):
    np.savez(tmp_path / "validation.npz", size=np.arange(3))
    with pytest.raises(BadFile, match="not the validation crops"):
        read_crops(tmp_path / "validation.npz")
