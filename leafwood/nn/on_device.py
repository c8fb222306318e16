"""The trained network in torch, for a GPU: :class:`~leafwood.nn.unet.PyramidUNet` as it labels there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from leafwood.errors import BadConfig
from leafwood.graph.build import Graph
from leafwood.graph.config import GraphConfig
from leafwood.nn.structure import UNetConfig
from leafwood.nn.trained import Floats, leaf_and_wood
from leafwood.nn.unet import PyramidUNet

__all__ = ["DeviceUNet"]


class DeviceUNet:
    """Logits of a graph's finest voxels, computed by torch; a :class:`~leafwood.nn.trained.Network`.

    Sums are taken in another order than by :class:`~leafwood.nn.trained.TrainedUNet`, so labels may differ where the
    two classes are all but equally probable.

    Args:
        weights: tensors by the names that PyramidUNet gives them.
        graph: the graphs it reads.
        config: its shape.
        device: of torch, such as ``cuda``.

    Raises:
        BadConfig: torch sees no such device.
        RuntimeError: a tensor is missing, has another shape, or is not one of this network.
    """

    def __init__(
        self, weights: Mapping[str, NDArray[Any]], graph: GraphConfig, config: UNetConfig, device: str
    ) -> None:
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise BadConfig(f"device {device} is asked for, and torch sees no GPU")
        network = PyramidUNet(graph, config)
        network.load_state_dict({name: torch.from_numpy(np.float32(value)) for name, value in weights.items()})
        self.network, self.device = network.eval().to(device), device

    def __call__(self, graph: Graph, threads: int) -> tuple[Floats, Floats]:
        """Logits (m, 2) of the m finest voxels, leaf and wood, and the channels (m, c) that they are read from."""
        tensors = {name: torch.from_numpy(array).to(self.device) for name, array in graph.items()}
        with torch.inference_mode():
            hidden = self.network.channels(tensors)
            logits = self.network.last_layer(hidden)
        return leaf_and_wood(logits.cpu().numpy()), hidden.cpu().numpy()

    @property
    def classifiers(self) -> Floats:
        """The last layer's weights (outputs, c): a row for each output."""
        return np.asarray(self.network.last_layer.weight.detach().cpu().numpy())
