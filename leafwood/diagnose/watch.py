"""The geometry of the last layer while a network is trained: a row of a table at every validation.

Thrampoulidis et al. (NeurIPS 2022) look at how classifiers and class means come towards SELI, slowly and held back by
weight decay, and whether the classifiers of rare classes fall together (minority collapse: a cosine of 1).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from leafwood.classes import IGNORE
from leafwood.diagnose.seli import class_means, collapse, cosines, distance, geometry
from leafwood.errors import BadConfig
from leafwood.graph.batching import Example
from leafwood.nn.unet import PyramidUNet

__all__ = ["GeometryLog", "LastLayer", "measure"]

_EACH = 2000  # voxels of a class


@dataclass(frozen=True)
class LastLayer:
    """How near a last layer is to the geometry that the counts of its classes lead to; distances from 0 to 2.

    Attributes:
        classifiers_to_seli: distance of the classifiers' inner products from SELI.
        classifiers_to_etf: from the simplex of equal counts.
        means_to_seli: distance of the class means' inner products from SELI.
        means_to_etf: from the simplex of equal counts.
        logits_to_seli: distance of the inner products of classifiers with class means from those of both geometries.
        within: variance within the classes over that between them (NC1).
        minority_cosine: minority cosine of the classifiers of the two rarest classes.
    """

    classifiers_to_seli: float
    classifiers_to_etf: float
    means_to_seli: float
    means_to_etf: float
    logits_to_seli: float
    within: float
    minority_cosine: float


def measure(
    classifiers: NDArray[np.floating[Any]],
    features: NDArray[np.floating[Any]],
    label: NDArray[np.int64],
    counts: Sequence[int],
) -> LastLayer:
    """Measure a last layer.

    Args:
        classifiers: (K, d) its weights.
        features: (n, d) its inputs, about as many of each class.
        label: (n,) 0 to K - 1.
        counts: counts of the K classes in training.

    Raises:
        BadConfig: two classes, for which both geometries are one at every imbalance.
        BadBatch: a class without samples.
    """
    if len(counts) < 3:
        raise BadConfig("two classes have the same geometry at every imbalance (SELI = ETF): nothing to measure")
    expected = geometry(counts)
    rows = classifiers.astype(np.float64) - classifiers.mean(axis=0)
    gram, found = rows @ rows.T, collapse(features, label, counts)
    first, second = np.argsort(counts)[:2]
    return LastLayer(
        classifiers_to_seli=distance(gram, expected.classifiers),
        classifiers_to_etf=distance(gram, expected.logits),
        means_to_seli=found.to_seli,
        means_to_etf=found.to_etf,
        logits_to_seli=distance(rows @ class_means(features.astype(np.float64), label, len(counts)).T, expected.logits),
        within=found.within,
        minority_cosine=float(cosines(gram)[first, second]),
    )


class GeometryLog:
    """A :class:`leafwood.train.loop.Watch` that adds a row of :class:`LastLayer` to a CSV file.

    Args:
        path: path of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, step: int, network: nn.Module, sample: Sequence[Example], counts: Sequence[int]) -> None:
        """Look at some voxels of each class, without dropout, and write what is seen."""
        unet = cast(PyramidUNet, network)
        device = unet.last_layer.weight.device
        unet.eval()
        with torch.inference_mode():
            features = torch.cat([unet.channels(graph.to(device)) for graph in sample]).cpu().numpy()
        unet.train()
        label = torch.cat([graph.y for graph in sample]).cpu().numpy()
        rng = np.random.default_rng(0)
        kept = [rng.permutation(np.flatnonzero(label == one))[:_EACH] for one in np.unique(label[label != IGNORE])]
        chosen = np.concatenate(kept)
        weights = unet.last_layer.weight.detach().cpu().numpy()
        self._write({"step": step, **asdict(measure(weights, features[chosen], label[chosen], counts))})

    def _write(self, row: dict[str, float]) -> None:
        """Append a row, with a header if the file is new."""
        new = not self.path.exists()
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow(row)
