"""Weights that SOUL's authors released, as a model of leafwood.

The release (Bai et al., NeurIPS 2023) saves the state of a PyTorch module. Its layers are 1 x 1 convolutions and those
here linear ones; a set-abstraction layer reads the offset from its centre before the features, here after them; and its
outputs are wood and leaf, here leaf and wood. Features are standardised file by file there, so the network keeps none
of its own statistics, and samples are cut as the release cuts them.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from leafwood.errors import BadConfig
from leafwood.nn.pointnet2 import PointNet2
from leafwood.soul.samples import SoulConfig
from leafwood.soul.segmenter import SoulModel

__all__ = ["import_release"]

_WRAPPED = ("model_state_dict", "state_dict", "model")  # keys under which checkpoints keep the state
_UNUSED = tuple(f"point_base_model.{name}." for name in ("conv1", "bn1", "drop1", "conv2"))  # declared, never called
_OFFSET = 3  # columns
_LAYER = re.compile(r"(down|up)\.(\d)\.(?:conv\.local_nn\.)?(lins|norms)\.(\d)\.(?:module\.)?(\w+)")


def import_release(path: Path) -> SoulModel:
    """Read a released ``.pth`` file.

    Args:
        path: path of the checkpoint; only tensors are read from it, never code.

    Raises:
        BadConfig: the file is missing, is no checkpoint of tensors, or not one of SOUL's network.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise BadConfig(f"{path}: cannot be read as weights ({str(error).splitlines()[0]})") from error
    state = _state(content, path)
    network = PointNet2()
    wanted, found = network.state_dict(), dict[str, Tensor]()
    for own, theirs in _names(wanted):
        if theirs not in state:
            raise BadConfig(f"{path}: not SOUL's network: there is no {theirs}")
        found[own] = _converted(own, state.pop(theirs))
        if found[own].shape != wanted[own].shape:
            shapes = f"{tuple(found[own].shape)} and not {tuple(wanted[own].shape)}"
            raise BadConfig(f"{path}: not SOUL's network: {theirs} is {shapes}")
    if left := [name for name in state if not name.startswith(_UNUSED)]:
        raise BadConfig(f"{path}: not SOUL's network: it has no {left[0]}")
    network.load_state_dict({**wanted, **found})
    return SoulModel(network.eval(), SoulConfig(released=True), {"released": path.name}, path.stem)


def _state(content: Any, path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, out of what may be around them."""
    for key in _WRAPPED:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(torch.is_tensor(value) for value in content.values()):
        raise BadConfig(
            f"{path}: no state of a network in it; expected names and tensors, or {_WRAPPED[0]!r} with them"
        )
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def _names(wanted: Mapping[str, Tensor]) -> Iterator[tuple[str, str]]:
    """Names of the network's tensors here and in the release."""
    heads = {"0": "fc_0", "2": "fc_1", "4": "fc_out"}
    for own in wanted:
        if found := re.fullmatch(r"head\.(\d)\.(\w+)", own):
            yield own, f"{heads[found[1]]}.{found[2]}"
        elif found := _LAYER.fullmatch(own):
            block = f"{'sa' if found[1] == 'down' else 'fp'}{int(found[2]) + 1}"
            layers = "mlp_convs" if found[3] == "lins" else "mlp_bns"
            yield own, f"point_base_model.{block}.{layers}.{found[4]}.{found[5]}"


def _converted(own: str, value: Tensor) -> Tensor:
    """A tensor of the release as it has to be here."""
    if own.endswith("weight") and value.ndim > 2:
        value = value.flatten(1)
    if own.startswith("down.") and own.endswith("lins.0.weight"):
        return torch.cat([value[:, _OFFSET:], value[:, :_OFFSET]], dim=1)
    return value.flip(0) if own.startswith("head.4.") else value
