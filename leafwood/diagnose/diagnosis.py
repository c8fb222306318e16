"""How hard labelled stands are to learn from, and what a model has made of them: what `leafwood diagnose` prints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from leafwood.classes import IGNORE, WOOD
from leafwood.datasets.crops import CropConfig
from leafwood.datasets.stands import LabelledStand
from leafwood.diagnose.seli import Collapse, collapse
from leafwood.diagnose.taxonomy import (
    Prediction,
    Regime,
    Separation,
    delta_of_auroc,
    margins,
    predict,
    regime,
    separation,
    usable_separation,
)
from leafwood.diagnose.units import THIRDS, effective_samples, resampled
from leafwood.errors import BadCloud
from leafwood.evaluate.evaluation import height_slices
from leafwood.graph.batching import Example, build_example
from leafwood.inference.model_file import Model
from leafwood.threads import cpu_count
from leafwood.train.pyramid import PyramidSpec, PyramidTask, node_labels

__all__ = ["ADVICE", "Difficulty", "Voxels", "difficulty", "learnt", "sample_voxels"]

ADVICE: dict[Regime, str] = {
    "Normal": "plain cross-entropy will do",
    "Mild": "a moved threshold wins recall back: `balance: true`, or the loss `logit_adjusted`",
    "Extreme": "plain training finds less than half of it: balance the classes (`balance: true`, or the losses "
    "`logit_adjusted`, `gla`, `gca`)",
    "Catastrophic": "plain training finds less than a twentieth of it, or the samples are too few for the features: "
    "balance the classes, which wins back what the threshold has cost, and get more trees with wood or better "
    "features, which is what moves the classes apart",
}
_EACH = 300  # voxels of a crop that separations are estimated from: neighbours say the same
_CLASS = 2000  # voxels of a class that geometry is measured on
_FEW = 6  # units with wood, and with leaves, without which nothing is said
_DRAWS, _INSIDE = 200, (5, 95)  # of the bootstrap; percentiles of an interval
Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Voxels:
    """Labelled finest voxels of crops of stands.

    Attributes:
        features: (n, p) what the network reads, without columns that never change.
        channels: (n, c) what its logits are read from.
        wood: (n,) bool.
        third: (n,) of the height of their crop, 0 the lowest.
        crop: (n,) number of their crop.
        unit: (n,) tree or block of each, from :func:`leafwood.diagnose.units.with_units`.
    """

    features: NDArray[np.float32]
    channels: NDArray[np.float32]
    wood: NDArray[np.bool_]
    third: NDArray[np.int64]
    crop: NDArray[np.int64]
    unit: NDArray[np.int64]

    def take(self, index: NDArray[Any]) -> Voxels:
        """Those at `index`."""
        return replace(self, **{field.name: getattr(self, field.name)[index] for field in fields(self)})


@dataclass(frozen=True)
class Difficulty:
    """How hard it is to tell wood from leaf; see :mod:`leafwood.diagnose.taxonomy`.

    Attributes:
        eta: commoner over rarer voxels.
        units: trees or blocks with leaves, and with wood.
        samples: independent samples that they are worth, of leaf and of wood.
        dimensions: of the features.
        apart: Delta of the features.
        made: Delta of the channels that the model makes of them, the robust one.
        usable: what is left of the robust Delta of the features when the classes' means come from that few samples.
        regime: by the usable Delta.
        r: log(eta) over what Delta and the samples can bear.
        g: 1 where half of the rarer class is found.
        plain: what a plain classifier does to the rarer class, by the usable Delta.
        intervals: 5th and 95th percentile of some of these over units drawn anew, by name.
    """

    eta: float
    units: tuple[int, int]
    samples: tuple[float, float]
    dimensions: int
    apart: Separation
    made: float
    usable: float
    regime: Regime
    r: float
    g: float
    plain: Prediction
    intervals: dict[str, Interval]


class _UnitTask(PyramidTask):
    """Crops whose voxels know their unit, which stands in the place of the tree."""

    def example(self, crop: LabelledStand, rng: np.random.Generator) -> Example:
        """The graph of a crop with y and `unit`, that of any point of the voxel."""
        graph, node = build_example(crop.xyz, crop.height, self.spec.graph, crop.cloud().returns())
        graph.y = torch.from_numpy(node_labels(crop.label, node, len(graph.pos0)))
        unit = np.zeros(len(graph.pos0), dtype=np.int64)
        unit[node] = crop.tree
        graph.unit = torch.from_numpy(unit)
        return graph


def sample_voxels(stands: Sequence[LabelledStand], model: Model, crops: int = 60, seed: int = 0) -> Voxels:
    """Crop stands as training does, and see what the model's network reads and makes of them.

    Args:
        stands: labelled ones, from :func:`leafwood.diagnose.units.with_units`.
        model: any of leafwood's own.
        crops: number of crops.
        seed: of their places.
    """
    spec = PyramidSpec(graph=model.graph, network=model.config, crops=CropConfig(single_tree=0.0))
    examples = _UnitTask(spec).examples(stands, (seed, 0), crops)
    parts: list[tuple[NDArray[Any], ...]] = []
    for number in range(crops):
        graph = {name: value.numpy() for name, value in examples[number].to_dict().items() if torch.is_tensor(value)}
        known = np.flatnonzero(graph["y"] != IGNORE)
        _, channels = model.network(graph, cpu_count())
        third = height_slices(graph["pos0"][:, 2], len(THIRDS))
        wood, crop = graph["y"][known] == WOOD, np.full(len(known), number)
        parts.append((graph["x0"][known], channels[known], wood, third[known], crop, graph["unit"][known]))
    features, *others = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Voxels(features[:, features.std(axis=0) > 1e-6], *others)


def difficulty(voxels: Voxels, units: Sequence[int], seed: int = 0) -> Difficulty:
    """Name how hard it is to learn from these.

    Args:
        voxels: of several crops.
        units: how many trees or blocks of the stands have leaves, and wood; see
            :func:`leafwood.diagnose.units.count_units`.
        seed: of the draw from each crop, and of the intervals.

    Raises:
        BadCloud: fewer than six units have wood, or leaves.
    """
    for name, mask, there in (("leaves", ~voxels.wood, units[0]), ("wood", voxels.wood, units[1])):
        if (found := min(len(np.unique(voxels.unit[mask])), there)) < _FEW:
            raise BadCloud(f"{name} in {found} trees or blocks only; {_FEW} are needed")
    some = voxels.take(_some_of_each(voxels.crop, _EACH, seed))
    apart, dimensions = separation(some.features, some.wood, some.unit), voxels.features.shape[1]
    margin = margins(some.features, some.wood, some.unit)
    samples = effective_samples(margin, some.wood, some.unit, np.asarray(units))
    share = float(voxels.wood.mean())
    told = _told(share, apart.robust, samples, dimensions)
    draws = resampled(margin, some.wood, some.unit, _DRAWS, seed)
    shift = share / (1 - share) / (some.wood.mean() / (1 - some.wood.mean()))  # of the draw from each crop
    odds = draws[:, 0] / np.maximum(1 - draws[:, 0], 1e-9) * shift
    again = [_told(o / (1 + o), delta_of_auroc(a), samples, dimensions) for o, a in zip(odds, draws[:, 1], strict=True)]
    numbers = {name: [_numbers(one)[name] for one in again] for name in _numbers(told)}
    low, high = _INSIDE
    return replace(
        told,
        units=(int(units[0]), int(units[1])),
        apart=apart,
        made=separation(some.channels, some.wood, some.unit).robust,
        intervals={k: (float(np.percentile(v, low)), float(np.percentile(v, high))) for k, v in numbers.items()},
    )


def _told(share: float, delta: float, samples: tuple[float, float], dimensions: int) -> Difficulty:
    """What follows from the share of wood, Delta and the independent samples of leaf and wood."""
    eta, delta = max(share, 1 - share) / max(min(share, 1 - share), 1e-9), max(delta, 1e-3)
    leaf, wood = samples
    rare = wood if share <= 0.5 else leaf
    usable = usable_separation(delta, dimensions, rare, leaf + wood - rare)
    name, r, g = regime(eta, delta, leaf + wood, dimensions, rare)
    plain = predict(eta, max(usable, 1e-3))
    return Difficulty(
        eta, (0, 0), samples, dimensions, Separation(delta, delta, delta), delta, usable, name, r, g, plain, {}
    )


def _numbers(one: Difficulty) -> dict[str, float]:
    """What intervals are given for."""
    return {
        "log_eta": math.log(one.eta),
        "robust": one.apart.robust,
        "usable": one.usable,
        "recall": one.plain.recall,
        "precision": one.plain.precision,
        "recoverable": one.plain.recoverable,
        "r": one.r,
        "g": one.g,
    }


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
