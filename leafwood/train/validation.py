"""How a network does on the validation crops: scores, and what it said of every voxel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from leafwood.classes import IGNORE, WOODY
from leafwood.evaluate.crops import SeenCrop
from leafwood.evaluate.metrics import Scores, score

__all__ = ["Validation", "validate"]


class Validation(NamedTuple):
    """What a network says of the validation crops.

    Attributes:
        scores: of all voxels, weighed as in training.
        crops: the crops, in order.
    """

    scores: Scores
    crops: list[SeenCrop]


def validate(network: nn.Module, checks: Iterable[Any], device: torch.device) -> Validation:
    """Let a network label the validation crops; it is left in training mode.

    Args:
        network: from a batch to logits.
        checks: batches of :class:`~leafwood.graph.batching.Example`.
        device: where the network is.
    """
    network.eval()
    total = score(np.empty(0), np.empty(0))
    crops: list[SeenCrop] = []
    with torch.inference_mode():
        for batch in checks:
            chances = torch.softmax(network(batch.to(device)), dim=1).cpu().numpy()
            woody, labels = list(WOODY[chances.shape[1]]), batch.y.cpu().numpy()
            truth = np.where(labels == IGNORE, IGNORE, np.isin(labels, woody)).astype(np.int8)
            prob = chances[:, woody].sum(axis=1)
            weight = batch.weight.cpu().numpy() if "weight" in batch else None
            total += score(truth, prob, weight=weight)
            crops += _apart(batch, truth, prob)
    network.train()
    return Validation(total, crops)


def _apart(batch: Any, truth: NDArray[np.int8], prob: NDArray[np.float32]) -> Iterator[SeenCrop]:
    """The crops of a batch; coordinates that the network does not read in metres are in `metres`."""
    xyz = batch["metres" if "metres" in batch else "pos0"].cpu().numpy()
    ends = batch.ptr.tolist()
    stands = batch.stand if "stand" in batch else [""] * batch.num_graphs
    for stand, low, high in zip(stands, ends[:-1], ends[1:], strict=True):
        yield SeenCrop(stand, xyz[low:high], truth[low:high], prob[low:high])
