"""Weights on disk: a safetensors file and a JSON card of the same name beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from leafwood.errors import BadConfig
from leafwood.graph.build import GraphConfig
from leafwood.nn.shape import UNetConfig
from leafwood.nn.trained import Network, TrainedUNet
from leafwood.postprocess.calibration import Calibration

__all__ = ["SOUL", "Model", "available_models", "kind_of", "load_model", "save_model", "weights_file"]

SOUL = "soul"  # kind of the baseline, in its card
_SHIPPED = Path(__file__).parents[1] / "weights"


@dataclass(frozen=True, eq=False)
class Model:
    """A network with all that is needed to use it.

    Attributes:
        network: what labels a graph.
        graph: the graphs it reads.
        config: its shape.
        calibration: from logits to P(wood).
        provenance: how it came about: command, data, seeds, hours, hardware, scores.
        name: file stem.
        sha256: of the weights file, empty before it is saved.
    """

    network: Network
    graph: GraphConfig
    config: UNetConfig
    calibration: Calibration = field(default_factory=Calibration)
    provenance: dict[str, Any] = field(default_factory=dict)
    name: str = "unsaved"
    sha256: str = ""


def available_models() -> list[str]:
    """Names of the models inside the package."""
    return sorted(p.stem for p in _SHIPPED.glob("*.safetensors"))


def save_model(
    weights: Mapping[str, NDArray[Any]], graph: GraphConfig, config: UNetConfig, provenance: dict[str, Any], path: Path
) -> None:
    """Write `path` (``.safetensors``, half precision: the file is half as large) and its card ``.json``.

    Args:
        weights: of a :class:`~leafwood.nn.unet.PyramidUNet`, by name.
        graph: the graphs it reads.
        config: its shape.
        provenance: how it came about.
        path: of the weights.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(value, dtype=np.float16) for name, value in weights.items()}, path)
    card = {
        "format": 1,
        "graph": asdict(graph),
        "network": asdict(config),
        "calibration": asdict(Calibration()),
        "provenance": provenance,
    }
    path.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def weights_file(name: str | Path) -> Path:
    """Where a model's weights are.

    Args:
        name: a name of :func:`available_models`, or the path of a ``.safetensors`` file.

    Raises:
        BadConfig: there is no such model.
    """
    path = Path(name)
    if path.suffix != ".safetensors":
        path = _SHIPPED / f"{name}.safetensors"
    if not path.is_file():
        raise BadConfig(f"no model {str(name)!r}: give one of {', '.join(available_models())}, or a .safetensors file")
    return path


def load_model(name: str | Path) -> Model:
    """Load a shipped model by name, or a file.

    Args:
        name: a name of :func:`available_models`, or the path of a ``.safetensors`` file with its card beside it.

    Returns:
        The model.

    Raises:
        BadConfig: there is no such model, its files do not belong together, or it has only learnt a pre-task.
    """
    path = weights_file(name)
    try:
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        graph = GraphConfig(**_tuples(card["graph"]))
        config = UNetConfig(**_tuples(card["network"]))
        network = TrainedUNet(load_file(path), graph, config)
        calibration = Calibration(**_tuples(_renamed(card["calibration"])))
    except (OSError, ValueError, KeyError, TypeError, IndexError, SafetensorError) as error:
        raise BadConfig(f"{path}: not a leafwood model ({str(error).splitlines()[0]})") from error
    if card.get("provenance", {}).get("config", {}).get("pretask"):
        raise BadConfig(f"{path}: weights of a pre-task do not tell wood from leaf; train on from them with `start`")
    return Model(
        network,
        graph,
        config,
        calibration,
        card.get("provenance", {}),
        path.stem,
        hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def kind_of(path: Path) -> str | None:
    """What a ``.safetensors`` file's card says its network is, where it is not leafwood's own."""
    try:
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return card.get("kind") if path.suffix == ".safetensors" and isinstance(card, dict) else None


def _renamed(calibration: dict[str, Any]) -> dict[str, Any]:
    """A card's calibration with the field names of today; cards of version 0.1 say `traits` for `descriptor`."""
    return {"descriptor" if name == "traits" else name: value for name, value in calibration.items()}


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has no tuples; the configurations are hashable."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
