"""Graphs as training reads them: with labels, and joined to batches by torch_geometric.

Labelling does without torch and torch_geometric, whose import takes longer than many a scan.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import Data

from leafwood.graph.build import build_graph
from leafwood.graph.config import GraphConfig

__all__ = ["Example", "build_example"]


class Example(Data):
    """A :data:`~leafwood.graph.build.Graph` in tensors that `torch_geometric.data.Batch` can join.

    Attributes:
        y: (m,) labels.
        weight: (m,) weights of the loss, if any.
        stand: name of the file that it was cut from, if known.
    """

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        for name, step in (("neighbours", 0), ("children", -1), ("parent", 1)):
            if key.startswith(name):
                return len(self[f"pos{int(key.removeprefix(name)) + step}"])
        return 0

    def __cat_dim__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> int:
        return 0


def build_example(
    xyz: NDArray[np.float32],
    height: NDArray[np.float32],
    config: GraphConfig,
    returns: NDArray[np.uint8] | None = None,
) -> tuple[Example, NDArray[np.int64]]:
    """The graph of a cloud for training; see :func:`~leafwood.graph.build.build_graph`.

    Returns:
        The graph, without labels yet, and the finest voxel of each point (n,).
    """
    graph, node = build_graph(xyz, height, config, returns)
    tensors = {name: torch.from_numpy(array) for name, array in graph.items()}
    return Example(**tensors, num_nodes=len(graph["pos0"])), node
