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
from leafwood.graph.config import GraphConfig
from leafwood.nn.structure import UNetConfig
from leafwood.nn.trained import Network, TrainedUNet
from leafwood.postprocess.calibration import Calibration
from leafwood.postprocess.likeness import DescriptorStatistics

__all__ = [
    "DEFAULT_MODEL",
    "Model",
    "available_models",
    "graph_of",
    "kind_of",
    "load_model",
    "save_calibration",
    "save_model",
    "weights_file",
]

DEFAULT_MODEL = "uav"
_KIND = "pyramid"  # of leafwood's own network, in :mod:`leafwood.models`; cards of version 0.1 do not say it
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
        descriptors: statistics of what it was calibrated on, None where it was not or its card does not have them.
    """

    network: Network
    graph: GraphConfig
    config: UNetConfig
    calibration: Calibration = field(default_factory=Calibration)
    provenance: dict[str, Any] = field(default_factory=dict)
    name: str = "unsaved"
    sha256: str = ""
    descriptors: DescriptorStatistics | None = None

    @property
    def calibrated(self) -> bool:
        """Whether a calibration was fitted, by `leafwood calibrate`."""
        return self.calibration != Calibration()


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
        "kind": _KIND,
        "graph": asdict(graph) | {"columns": _column_names(graph)},
        "network": asdict(config),
        "calibration": None,
        "descriptors": None,
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
        BadConfig: there is no such model, its files do not belong together, or it has only learnt a pretext task.
    """
    path = weights_file(name)
    try:
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        graph = graph_of(card)
        config = UNetConfig(**_tuples(card["network"]))
        network = TrainedUNet(load_file(path), graph, config)
        calibration = Calibration(**_tuples(_renamed(card["calibration"] or {})))
        known = card.get("descriptors")
        descriptors = DescriptorStatistics(**_tuples(known)) if known else None
    except (OSError, ValueError, KeyError, TypeError, IndexError, SafetensorError) as error:
        raise BadConfig(f"{path}: not a leafwood model ({str(error).splitlines()[0]})") from error
    if _is_pretext(card):
        raise BadConfig(
            f"{path}: weights of a pretext task do not tell wood from leaf; train on from them with `start`"
        )
    return Model(
        network,
        graph,
        config,
        calibration,
        card.get("provenance", {}),
        path.stem,
        hashlib.sha256(path.read_bytes()).hexdigest(),
        descriptors,
    )


def save_calibration(path: Path, calibration: Calibration, descriptors: DescriptorStatistics) -> None:
    """Write a calibration into the card of the weights `path`, in place of the one it had."""
    card = path.with_suffix(".json")
    described = json.loads(card.read_text(encoding="utf-8"))
    described |= {"calibration": asdict(calibration), "descriptors": asdict(descriptors)}
    card.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def kind_of(path: Path) -> str:
    """The kind of model, a name of :data:`leafwood.models.MODEL_KINDS`, that a weights file's card says.

    Where there is no card, or none that can be read, the kind is that of leafwood's own network, whose reader says what
    is wrong.
    """
    try:
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return _KIND
    return str(card.get("kind", _KIND)) if isinstance(card, dict) else _KIND


def graph_of(card: Mapping[str, Any]) -> GraphConfig:
    """The graphs that the weights of a card read; cards of version 0.1 say `returns` and do not name their columns.

    Raises:
        BadConfig: a value out of range, or columns that today's feature groups do not have.
        KeyError, TypeError: not a card.
    """
    values = _tuples(card["graph"])
    if values.pop("returns", False):
        values["features"] = (*GraphConfig().features, "returns")
    columns = values.pop("columns", None)
    graph = GraphConfig(**values)
    if columns is not None and [list(names) for names in columns] != _column_names(graph):
        raise BadConfig("its input columns are not those of this version of leafwood")
    return graph


def _column_names(graph: GraphConfig) -> list[list[str]]:
    """Names of the input columns of each level."""
    return [list(graph.column_names(level)) for level in range(graph.n_levels)]


def _is_pretext(card: Mapping[str, Any]) -> bool:
    """Whether the weights have only learnt without labels; cards of version 0.1 say `pretask`."""
    config = card.get("provenance", {}).get("config", {})
    return bool(config.get("pretask")) or config.get("method", {}).get("kind") == "pretext"


def _renamed(calibration: dict[str, Any]) -> dict[str, Any]:
    """A card's calibration with the field names of today; cards of version 0.1 say `traits` for `descriptor`."""
    return {"descriptor" if name == "traits" else name: value for name, value in calibration.items()}


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has no tuples; the configurations are hashable."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
