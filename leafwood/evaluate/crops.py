"""What a network said of validation crops, as a training run leaves it and as its report reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import LEAF, OUT_LEAF, OUT_WOOD, WOOD
from leafwood.cloud import PointCloud
from leafwood.errors import BadFile
from leafwood.evaluate.evaluation import Evaluation, evaluate
from leafwood.evaluate.metrics import Scores
from leafwood.io.target import writing

__all__ = ["SeenCrop", "evaluate_crops", "read_crops", "worst_crops", "write_crops"]

_COLUMNS = ("xyz", "truth", "prob")
_ENOUGH = 20  # voxels of a class in a crop, from which on the share of mistakes in it says something


@dataclass(frozen=True, eq=False)
class SeenCrop:
    """A labelled crop of m voxels, or of m points for a network without voxels.

    Attributes:
        stand: name of its file.
        xyz: (m, 3) float32 metres.
        truth: (m,) int8 LEAF, WOOD or IGNORE.
        prob: (m,) float32 P(wood), not calibrated.
    """

    stand: str
    xyz: NDArray[np.float32]
    truth: NDArray[np.int8]
    prob: NDArray[np.float32]

    @property
    def cloud(self) -> PointCloud:
        """The crop as a labelled cloud: wood is what is more probable than not."""
        label = np.where(self.prob > 0.5, OUT_WOOD, OUT_LEAF).astype(np.uint16)
        return PointCloud(self.xyz, columns={"leafwood": label, "wood_prob": self.prob})

    @property
    def mistakes(self) -> float:
        """Share of wrong labels, the mean of leaf and wood; a class with fewer than 20 voxels is left out."""
        wrong = (self.prob > 0.5) != (self.truth == WOOD)
        classes = [self.truth == one for one in (LEAF, WOOD)]
        shares = [float(wrong[those].mean()) for those in classes if those.sum() >= _ENOUGH]
        return float(np.mean(shares)) if shares else 0.0


def evaluate_crops(crops: Sequence[SeenCrop]) -> tuple[Evaluation, dict[str, Scores]]:
    """Scores of crops by height within the crop and by local density, and those of each stand, worst G-mean first.

    Args:
        crops: one or more.
    """
    found = [(crop.stand, evaluate(crop.cloud, crop.truth)) for crop in crops]
    names = dict.fromkeys(name for name, _ in found)
    stands = {name: reduce(add, (part.overall for stand, part in found if stand == name)) for name in names}
    worst_first = sorted(stands, key=lambda name: np.nan_to_num(stands[name].as_dict()["g_mean"], nan=2.0))
    return reduce(add, (part for _, part in found)), {name: stands[name] for name in worst_first}


def worst_crops(crops: Sequence[SeenCrop], most: int) -> list[SeenCrop]:
    """The crops with the largest shares of mistakes, the worst first; without those that have none."""
    wrong = sorted(crops, key=lambda crop: -crop.mistakes)
    return [crop for crop in wrong[:most] if crop.mistakes > 0]


def write_crops(crops: Sequence[SeenCrop], path: Path) -> None:
    """Write crops as NumPy's ``.npz``, in place of an earlier file.

    It holds ``stand`` (k,) names, ``size`` (k,) voxels of each crop, and ``xyz``, ``truth`` and ``prob`` of all voxels,
    one crop after the other.
    """
    columns: dict[str, Any] = {name: np.concatenate([getattr(crop, name) for crop in crops]) for name in _COLUMNS}
    columns |= {"stand": [crop.stand for crop in crops], "size": [len(crop.prob) for crop in crops]}
    with writing(path, None, overwrite=True) as stream:
        np.savez_compressed(stream, **columns)


def read_crops(path: Path) -> list[SeenCrop]:
    """Read what :func:`write_crops` wrote.

    Raises:
        BadFile: it is missing, damaged or something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            ends = np.cumsum(file["size"])[:-1]
            parts = zip(file["stand"].tolist(), *(np.split(file[name], ends) for name in _COLUMNS), strict=True)
            return [SeenCrop(*part) for part in parts]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise BadFile(f"{path}: not the validation crops of a training run ({error})") from error
