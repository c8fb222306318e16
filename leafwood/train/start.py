"""What every training begins with: a device, first weights, and counts of the classes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from leafwood.classes import IGNORE
from leafwood.errors import BadConfig
from leafwood.graph.batching import Example
from leafwood.inference.model_file import graph_of, weights_file
from leafwood.nn.unet import begin_with

__all__ = ["TrainingDevice", "class_counts", "start_from", "training_device"]

TrainingDevice = Literal["auto", "cpu", "cuda"]


def training_device(name: TrainingDevice) -> torch.device:
    """Where to train; ``auto`` is a GPU where torch sees one.

    Raises:
        BadConfig: a GPU is asked for and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise BadConfig("device: cuda is asked for, and torch sees no GPU")
    found = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(found if name == "auto" else name)


def start_from(network: nn.Module, path: Path) -> None:
    """Load weights into a fresh network.

    Raises:
        BadConfig: they or their card are missing, or of a network of another shape.
    """
    path = weights_file(path)
    try:
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        graph = graph_of(card) if "graph" in card else None
        begin_with(network, {name: value.float() for name, value in load_file(path).items()}, graph)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise BadConfig(f"start: {path}: not weights of this network ({str(error).splitlines()[0]})") from error


def class_counts(graphs: Sequence[Example], outputs: int) -> list[int]:
    """Voxels of each output's class in labelled graphs."""
    counts = torch.stack([torch.bincount(graph.y[graph.y != IGNORE], minlength=outputs) for graph in graphs])
    found: list[int] = counts.sum(dim=0).tolist()
    return found
