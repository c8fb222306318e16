"""Weights on disk: a safetensors file and a JSON card of the same name beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from leafwood.errors import BadConfig
from leafwood.graph.config import GraphConfig
from leafwood.inference.card import GRAPH, checked, network_of, provenance_of, read_card
from leafwood.io.target import writing
from leafwood.nn.structure import UNetConfig
from leafwood.nn.trained import Network, TrainedUNet
from leafwood.postprocess.calibration import Calibration
from leafwood.postprocess.likeness import DescriptorStatistics
from leafwood.shown import as_line, as_table
from leafwood.weights import FOLDER, shipped_models

__all__ = [
    "Model",
    "graph_of",
    "kind_of",
    "load_model",
    "save_calibration",
    "save_model",
    "weights_file",
    "write_weights",
]

_KIND = "pyramid"  # of leafwood's own network, in :mod:`leafwood.models`; cards of version 0.1 do not say it
_READ_OUT = 32  # channels that the logits are read from


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

    def __repr__(self) -> str:
        return as_line("Model", self._summary())

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return as_table("Model", self._summary())

    def _summary(self) -> Iterator[tuple[str, str]]:
        """What there is, a name and a few words each."""
        yield "name", self.name
        yield "features", " ".join(self.graph.features)
        yield "calibrated", "yes" if self.calibrated else "no"
        yield "SHA-256", self.sha256 or "not saved"

    @property
    def calibrated(self) -> bool:
        """Whether a calibration was fitted, by `leafwood calibrate`."""
        return self.calibration != Calibration()


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
    write_weights(save({name: np.ascontiguousarray(value, dtype=np.float16) for name, value in weights.items()}), path)
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


def write_weights(content: bytes, path: Path) -> None:
    """Write a ``.safetensors`` file, whole or not at all, that others may read where the user's umask lets them.

    safetensors' own ``save_file`` makes files that nobody but their owner can read.

    Args:
        content: what safetensors' ``save`` gives.
        path: of the weights; an existing file is replaced, and the folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path, None, overwrite=True) as stream:
        stream.write(content)


def weights_file(name: str | Path) -> Path:
    """Where a model's weights are.

    Args:
        name: a name of :func:`~leafwood.weights.shipped_models`, or the path of a ``.safetensors`` file.

    Raises:
        BadConfig: there is no such model.
    """
    path = Path(name)
    if path.suffix != ".safetensors":
        path = FOLDER / f"{name}.safetensors"
    if not path.is_file():
        raise BadConfig(f"no model {str(name)!r}: give one of {', '.join(shipped_models())}, or a .safetensors file")
    return path


def load_model(name: str | Path) -> Model:
    """Load a shipped model by name, or a file.

    Args:
        name: a name of :func:`~leafwood.weights.shipped_models`, or the path of a ``.safetensors`` file with its card
            beside it.

    Returns:
        The model.

    Raises:
        BadConfig: there is no such model, its files do not belong together, or it has only learnt a pretext task.
    """
    path = weights_file(name)
    try:
        card = read_card(path)
        graph = graph_of(card)
        config = network_of(card, graph.n_levels)
        calibration = checked(Calibration, _renamed(card.get("calibration") or {}), {}, "calibration")
        known = card.get("descriptors")
        descriptors = checked(DescriptorStatistics, known, {}, "descriptors") if known else None
        provenance = provenance_of(card)
        length = 1 + len(graph.described()) + _READ_OUT
        if len(calibration.descriptor) not in (0, length):
            raise ValueError("calibration.descriptor is not as long as what the network says of a scan")
        if descriptors and not len(descriptors.mean) == len(descriptors.spread) == length:
            raise ValueError("descriptors are not as long as what the network says of a scan")
        network = TrainedUNet(_finite(load_file(path)), graph, config)
    except (OSError, ValueError, KeyError, TypeError, IndexError, SafetensorError) as error:
        raise BadConfig(f"{path}: not a leafwood model ({str(error).splitlines()[0]})") from error
    if _is_pretext(provenance):
        raise BadConfig(
            f"{path}: weights of a pretext task do not tell wood from leaf; train on from them with `start`"
        )
    return Model(
        network,
        graph,
        config,
        calibration,
        provenance,
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
        kind = read_card(path).get("kind", _KIND)
    except (OSError, ValueError):
        return _KIND
    return kind if isinstance(kind, str) else "of no known name"


def graph_of(card: Mapping[str, Any]) -> GraphConfig:
    """The graphs that the weights of a card read; cards of version 0.1 say `returns` and do not name their columns.

    Raises:
        ValueError: a value of another type or out of range, or columns that today's feature groups do not have.
    """
    values = dict(card["graph"]) if isinstance(card.get("graph"), dict) else {"graph": None}
    returns, columns = values.pop("returns", False), values.pop("columns", None)
    if not isinstance(returns, bool):
        raise ValueError("graph.returns: expected true or false")
    if returns:
        values["features"] = [*GraphConfig().features, "returns"]
    graph = checked(GraphConfig, values, GRAPH, "graph")
    if columns is not None and columns != _column_names(graph):
        raise BadConfig("its input columns are not those of this version of leafwood")
    return graph


def _column_names(graph: GraphConfig) -> list[list[str]]:
    """Names of the input columns of each level."""
    return [list(graph.column_names(level)) for level in range(graph.n_levels)]


def _is_pretext(provenance: Mapping[str, Any]) -> bool:
    """Whether the weights have only learnt without labels; cards of version 0.1 say `pretask`."""
    config = provenance.get("config", {})
    method = config.get("method")
    return bool(config.get("pretask")) or (isinstance(method, dict) and method.get("kind") == "pretext")


def _finite(weights: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The weights, unless a training that diverged has left them infinite or not a number."""
    for name, tensor in weights.items():
        if not np.isfinite(tensor).all():
            raise ValueError(f"{name} holds values that are no numbers")
    return weights


def _renamed(calibration: object) -> object:
    """A card's calibration with the field names of today; cards of version 0.1 say `traits` for `descriptor`."""
    if not isinstance(calibration, dict):
        return calibration
    return {"descriptor" if name == "traits" else name: value for name, value in calibration.items()}
