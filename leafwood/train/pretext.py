"""A task without labels to learn shapes from: where has something been taken out of this scan?

Scans are many, and labels of wood are few. Balls of points are hidden, the network sees the rest, and tells which of
the voxels it sees had hidden points beside them; a stem that ends in mid-air tells that points are hidden, the edge of
a crown does not. It is masked-point prediction posed as two classes, so that everything that trains a segmenter trains
this too. Nothing of it depends on how common wood is. Pre-training under imbalance: Shwartz-Ziv et al. (NeurIPS 2023);
the task is leafwood's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leafwood.config import in_range
from leafwood.datasets.stands import LabelledStand
from leafwood.errors import BadConfig
from leafwood.graph.batching import Example
from leafwood.spatial.neighbours import nearest
from leafwood.train.pyramid import PyramidSpec, PyramidTask
from leafwood.train.steps import Method
from leafwood.train.tasks import Task

__all__ = ["HoledTask", "PretextConfig", "PretextTask", "beside_hidden", "hide"]


@dataclass(frozen=True, kw_only=True)
class PretextConfig(Method):
    """What is hidden.

    Attributes:
        kind: kind of the method.
        share: share of the points of a crop that is hidden, about.
        radius: least and greatest radius of a hidden ball, metres.
        reach: metres within which a voxel is beside a hidden point.

    Raises:
        BadConfig: a value out of range.
    """

    needs_labels: ClassVar[bool] = False

    kind: Literal["pretext"] = "pretext"
    share: float = 0.25
    radius: tuple[float, float] = (0.2, 0.7)
    reach: float = 0.12

    def __post_init__(self) -> None:
        in_range("method.share", self.share, 0.01, 0.9)
        in_range("method.reach", self.reach, 1e-3)
        if not 0 < self.radius[0] <= self.radius[1]:
            raise BadConfig(f"method.radius must be two lengths above 0 m, not {self.radius}")

    def check(self, model: str, *, started: bool) -> None:
        """Refuse another network than leafwood's own."""
        if model != "pyramid":
            raise BadConfig("method: pretext needs leafwood's own network")

    def task(self, task: Task) -> Task:
        """The same network on crops with holes.

        Raises:
            BadConfig: crops are to be balanced by labels, which are not read.
        """
        assert isinstance(task, PyramidTask)
        if task.spec.even_crops:
            raise BadConfig("even_crops needs labels and does not go with method: pretext")
        if task.spec.network.outputs != "wood":
            raise BadConfig("method: pretext has two answers; leave network.outputs at `wood`")
        return PretextTask(task.spec, self)


class HoledTask(PyramidTask):
    """leafwood's graph U-Net on crops with holes; subclasses say what is asked about them.

    Args:
        spec: network and crops.
        config: what is hidden.
    """

    def __init__(self, spec: PyramidSpec, config: PretextConfig) -> None:
        super().__init__(spec)
        self.config = config

    def holed(self, crop: LabelledStand, rng: np.random.Generator) -> tuple[Example, Tensor]:
        """The labelled graph of what is left of a crop, and which of its voxels (m,) are beside a hidden point."""
        hidden = hide(crop.xyz, self.config, rng)
        graph = super().example(crop.take(np.flatnonzero(~hidden)), rng)
        return graph, beside_hidden(graph, crop.xyz[hidden], self.config)


class PretextTask(HoledTask):
    """The pretext task: y is 1 beside a hidden point, else 0."""

    def example(self, crop: LabelledStand, rng: np.random.Generator) -> Example:
        """The graph of what is left of a crop; its labels are not looked at."""
        graph, beside = self.holed(crop, rng)
        graph.y = beside
        return graph


def beside_hidden(graph: Example, hidden: NDArray[np.float32], config: PretextConfig) -> Tensor:
    """Whether each finest voxel (m,) is beside a hidden point: int64, 1 or 0.

    Args:
        graph: graph of what is seen.
        hidden: (h, 3) metres, places of the hidden points.
        config: how near a hidden point has to be.
    """
    beside = np.zeros(len(graph.pos0), dtype=np.int64)
    if len(hidden):
        _, distance = nearest(hidden, 1, graph.pos0.numpy())
        beside = (distance[:, 0] < config.reach).astype(np.int64)
    return torch.from_numpy(beside)


def hide(xyz: NDArray[np.float32], config: PretextConfig, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose points to hide: balls around points drawn at random, until the share is reached.

    Args:
        xyz: (n, 3) metres, n >= 1.
        config: how many points, in balls how large.
        rng: what decides.

    Returns:
        (n,) True where hidden; at least one point is not.
    """
    hidden = np.zeros(len(xyz), dtype=bool)
    while hidden.mean() < config.share:
        centre = xyz[rng.choice(np.flatnonzero(~hidden))]
        ball = hidden | (np.linalg.norm(xyz - centre, axis=1) < rng.uniform(*config.radius))
        if ball.all():
            break
        hidden = ball
    return hidden
