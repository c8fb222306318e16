"""How hard labelled stands are to learn from, and what a model has made of them: what `leafwood diagnose` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from leafwood.classes import IGNORE, WOOD
from leafwood.datasets.crops import CropConfig
from leafwood.datasets.stands import LabelledStand
from leafwood.diagnose.seli import Collapse, collapse
from leafwood.diagnose.taxonomy import Prediction, Regime, Separation, predict, regime, separation
from leafwood.errors import BadCloud
from leafwood.evaluate.evaluation import height_slices
from leafwood.inference.model_file import Model
from leafwood.threads import cpu_count
from leafwood.train.pyramid import PyramidSpec, PyramidTask

__all__ = ["ADVICE", "THIRDS", "Difficulty", "Voxels", "difficulty", "learnt", "sample_voxels"]

THIRDS = ("lowest third", "middle third", "highest third")
ADVICE: dict[Regime, str] = {
    "Normal": "plain cross-entropy will do",
    "Mild": "move the threshold: `balance: true`, or the loss `logit_adjusted`",
    "Extreme": "balance the classes (`balance: true`, or the losses `gla`, `gca`), small batches, perhaps `sam`",
    "Catastrophic": "more trees with wood, or a coarser question: no loss moves the classes apart",
}
_EACH = 300  # voxels of a crop that separations are estimated from: neighbours say the same
_CLASS = 2000  # voxels of a class that geometry is measured on
_FEW = 6  # crops with wood, and with leaves, without which nothing is said


@dataclass(frozen=True, eq=False)
class Voxels:
    """Labelled finest voxels of crops of stands.

    Attributes:
        features: (n, p) what the network reads, without columns that never change.
        channels: (n, c) what its logits are read from.
        wood: (n,) bool.
        third: (n,) of the height of their crop, 0 the lowest.
        crop: (n,) number of their crop.
    """

    features: NDArray[np.float32]
    channels: NDArray[np.float32]
    wood: NDArray[np.bool_]
    third: NDArray[np.int64]
    crop: NDArray[np.int64]

    def take(self, index: NDArray[Any]) -> Voxels:
        """Those at `index`."""
        return replace(self, **{name: getattr(self, name)[index] for name in self.__dataclass_fields__})


@dataclass(frozen=True)
class Difficulty:
    """How hard it is to tell wood from leaf; see :mod:`leafwood.diagnose.taxonomy`.

    Attributes:
        eta: commoner over rarer voxels.
        crops: that were looked at, the independent samples.
        dimensions: of the features.
        apart: Delta of the features.
        made: Delta of the channels that the model makes of them, the robust one.
        regime: by the robust Delta.
        r: log(eta) over what Delta and the samples can bear.
        g: 1 where half of the rarer class is found.
        plain: what a plain classifier does to the rarer class.
    """

    eta: float
    crops: int
    dimensions: int
    apart: Separation
    made: float
    regime: Regime
    r: float
    g: float
    plain: Prediction


def sample_voxels(stands: Sequence[LabelledStand], model: Model, crops: int = 60, seed: int = 0) -> Voxels:
    """Crop stands as training does, and see what the model's network reads and makes of them.

    Args:
        stands: labelled ones.
        model: any of leafwood's own.
        crops: number of crops.
        seed: of their places.
    """
    spec = PyramidSpec(graph=model.graph, network=model.config, crops=CropConfig())
    examples = PyramidTask(spec).examples(stands, (seed, 0), crops)
    parts: list[tuple[NDArray[Any], ...]] = []
    for number in range(crops):
        graph = {name: value.numpy() for name, value in examples[number].to_dict().items() if torch.is_tensor(value)}
        known = np.flatnonzero(graph["y"] != IGNORE)
        _, channels = model.network(graph, cpu_count())
        third = height_slices(graph["pos0"][:, 2], len(THIRDS))
        wood, crop = graph["y"][known] == WOOD, np.full(len(known), number)
        parts.append((graph["x0"][known], channels[known], wood, third[known], crop))
    features, *others = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Voxels(features[:, features.std(axis=0) > 1e-6], *others)


def difficulty(voxels: Voxels, seed: int = 0) -> Difficulty:
    """Name how hard it is to learn from these.

    Args:
        voxels: of several crops.
        seed: of the draw from each.

    Raises:
        BadCloud: fewer than six crops have wood, or leaves.
    """
    for name, mask in (("wood", voxels.wood), ("leaves", ~voxels.wood)):
        if (found := len(np.unique(voxels.crop[mask]))) < _FEW:
            raise BadCloud(f"{name} in {found} crops only; {_FEW} are needed")
    some = voxels.take(_some_of_each(voxels.crop, _EACH, seed))
    apart = separation(some.features, some.wood, some.crop)
    share, crops, dimensions = float(voxels.wood.mean()), len(np.unique(voxels.crop)), voxels.features.shape[1]
    eta = max(share, 1 - share) / min(share, 1 - share)
    made = separation(some.channels, some.wood, some.crop).robust
    delta = max(apart.robust, 1e-3)
    return Difficulty(eta, crops, dimensions, apart, made, *regime(eta, delta, crops, dimensions), predict(eta, delta))


def learnt(voxels: Voxels, seed: int = 0) -> tuple[Collapse, list[str], list[int]]:
    """Measure the inputs of the last layer.

    Two classes look alike whatever the imbalance, so the wood of each third of the height is a class.

    Args:
        voxels: of several crops.
        seed: of the draw from each class.

    Returns:
        The geometry, the names of its classes, and their voxels.

    Raises:
        BadCloud: fewer than three classes have more voxels than the last layer has channels.
    """
    label = np.where(voxels.wood, 1 + voxels.third, 0)
    counts = np.bincount(label, minlength=4)
    kept = np.flatnonzero(counts > voxels.channels.shape[1])
    if len(kept) < 3 or kept[0] != 0:
        raise BadCloud("too little wood, or too few leaves, to measure what was learnt")
    known = np.flatnonzero(np.isin(label, kept))
    chosen = known[_some_of_each(label[known], _CLASS, seed)]
    found = collapse(voxels.channels[chosen], np.searchsorted(kept, label[chosen]), counts[kept])
    names = ["leaf", *(f"wood, {third}" for third in THIRDS)]
    return found, [names[i] for i in kept], counts[kept].tolist()


def _some_of_each(group: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    """Positions of so many of each group, drawn at random, or all where there are fewer."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(np.flatnonzero(group == name))[:most] for name in np.unique(group)])
