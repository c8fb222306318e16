"""How hard labelled stands are to learn from, and what a model has made of them: what `leafwood diagnose` prints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from leafwood.classes import IGNORE, OUTPUTS, WOODY
from leafwood.datasets.crops import CropConfig
from leafwood.datasets.stands import LabelledStand
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
from leafwood.diagnose.watch import LastLayer, measure
from leafwood.errors import BadCloud, BadConfig
from leafwood.evaluate.evaluation import height_slices
from leafwood.graph.batching import Example
from leafwood.inference.model_file import Model
from leafwood.threads import cpu_count
from leafwood.train.pyramid import PyramidSpec, PyramidTask

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
        label: (n,) class of each, one of the model's outputs.
        wood: (n,) bool.
        third: (n,) third of the height of their crop, 0 the lowest.
        crop: (n,) number of their crop.
        unit: (n,) tree or block of each, from :func:`leafwood.diagnose.units.with_units`.
    """

    features: NDArray[np.float32]
    channels: NDArray[np.float32]
    label: NDArray[np.int64]
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
        dimensions: number of the features.
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
        graph, node = self.labelled(crop)
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
        seed: seed of their places.
    """
    spec = PyramidSpec(graph=model.graph, network=model.config, crops=CropConfig(single_tree=0.0))
    examples = _UnitTask(spec).examples(stands, (seed, 0), crops)
    parts: list[tuple[NDArray[Any], ...]] = []
    for number in range(crops):
        graph = {name: value.numpy() for name, value in examples[number].to_dict().items() if torch.is_tensor(value)}
        known = np.flatnonzero(graph["y"] != IGNORE)
        _, channels = model.network(dict(graph), cpu_count())
        third = height_slices(graph["pos0"][:, 2], len(THIRDS))
        label, crop = graph["y"][known], np.full(len(known), number)
        wood = np.isin(label, WOODY[len(OUTPUTS[model.config.outputs])])
        parts.append((graph["x0"][known], channels[known], label, wood, third[known], crop, graph["unit"][known]))
    features, *others = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Voxels(features[:, features.std(axis=0) > 1e-6], *others)


def difficulty(voxels: Voxels, units: Sequence[int], seed: int = 0) -> Difficulty:
    """Name how hard it is to learn from these.

    Args:
        voxels: voxels of several crops.
        units: how many trees or blocks of the stands have leaves, and wood; see
            :func:`leafwood.diagnose.units.count_units`.
        seed: seed of the draw from each crop, and of the intervals.

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
    told = _difficulty(share, apart.robust, samples, dimensions)
    draws = resampled(margin, some.wood, some.unit, _DRAWS, seed)
    shift = share / (1 - share) / (some.wood.mean() / (1 - some.wood.mean()))  # of the draw from each crop
    odds = draws[:, 0] / np.maximum(1 - draws[:, 0], 1e-9) * shift
    again = [
        _difficulty(o / (1 + o), delta_of_auroc(a), samples, dimensions) for o, a in zip(odds, draws[:, 1], strict=True)
    ]
    numbers = {name: [_numbers(one)[name] for one in again] for name in _numbers(told)}
    low, high = _INSIDE
    return replace(
        told,
        units=(int(units[0]), int(units[1])),
        apart=apart,
        made=separation(some.channels, some.wood, some.unit).robust,
        intervals={k: (float(np.percentile(v, low)), float(np.percentile(v, high))) for k, v in numbers.items()},
    )


def _difficulty(share: float, delta: float, samples: tuple[float, float], dimensions: int) -> Difficulty:
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


def learnt(voxels: Voxels, model: Model, seed: int = 0) -> tuple[LastLayer, list[int]]:
    """Measure the last layer of a model that tells more than two classes apart.

    Args:
        voxels: voxels of several crops.
        model: the one that they were seen by.
        seed: seed of the draw from each class.

    Returns:
        How near it is to SELI, and the counts of its classes in training.

    Raises:
        BadConfig: the model has two outputs, for which SELI is the same at every imbalance, or its card does not say
            how common the classes were in training.
        BadCloud: a class without voxels.
    """
    names = OUTPUTS[model.config.outputs]
    counts = model.provenance.get("class_counts")
    if len(names) < 3:
        raise BadConfig(
            f"{model.name} has two outputs, whose geometry is the same at every imbalance (SELI = ETF) and so says "
            "nothing of what was learnt; train with `outputs: parts` for that"
        )
    if counts is None:
        raise BadConfig(f"{model.name}: its card does not say how common its classes were in training")
    if missing := set(range(len(names))) - set(np.unique(voxels.label).tolist()):
        raise BadCloud(f"no {names[min(missing)]} in these stands")
    chosen = _some_of_each(voxels.label, _CLASS, seed)
    return measure(model.network.classifiers, voxels.channels[chosen], voxels.label[chosen], counts), list(counts)


def _some_of_each(group: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    """Positions of so many of each group, drawn at random, or all where there are fewer."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(np.flatnonzero(group == name))[:most] for name in np.unique(group)])
