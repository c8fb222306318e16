"""A model's card: read and checked before anything is built from it.

A card is written by whoever trained the model and read by everyone else, so nothing in it is believed: not its types,
not its lengths, and not that its numbers are such that a graph can be built with them in reasonable time.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from leafwood.nn.structure import UNetConfig

__all__ = ["GRAPH", "card_of", "checked", "network_of", "provenance_of", "read_card"]

T = TypeVar("T")
Bounds = Mapping[str, tuple[float, float]]

_LARGEST = 20_000_000  # bytes
_LONGEST = 100_000  # numbers in a list
_GREATEST = 1e12  # no coefficient is beyond it
GRAPH: Bounds = {
    "size": (0.001, 10.0),
    "n_levels": (1, 12),
    "k": (2, 128),
    "scales": (3, 128),
    "spacing": (0.001, 100.0),
    "least": (0.01, 1.0),
}
_NETWORK: Bounds = {
    "widths": (1, 4096),
    "encoder_convs": (0, 32),
    "decoder_convs": (0, 32),
    "dropout": (0.0, 0.99),
}


def card_of(weights: Path) -> Path:
    """Where the card of a ``.safetensors`` file is."""
    return weights.with_suffix(".json")


def read_card(weights: Path) -> dict[str, Any]:
    """The card beside a ``.safetensors`` file.

    Raises:
        OSError: it is missing.
        ValueError: it is too large, not JSON, nested without end, or not an object.
    """
    path = card_of(weights)
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"its card is larger than {_LARGEST // 1_000_000} MB")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("its card is nested too deeply") from None
    return _object(card, "its card")


def network_of(card: Mapping[str, Any], levels: int) -> UNetConfig:
    """The shape of a model's network.

    Raises:
        ValueError: a shape that no network has, or not one for each level of the graph.
    """
    shape = checked(UNetConfig, card.get("network"), _NETWORK, "network")
    for name, length in (("widths", levels), ("encoder_convs", levels), ("decoder_convs", levels - 1)):
        if len(getattr(shape, name)) != length:
            raise ValueError(f"network.{name}: expected {length} numbers, found {len(getattr(shape, name))}")
    return shape


def provenance_of(card: Mapping[str, Any]) -> dict[str, Any]:
    """How a model came about; empty where the card does not say.

    Raises:
        ValueError: it is no object, or the configuration in it is none.
    """
    provenance = _object(card.get("provenance", {}), "provenance")
    _object(provenance.get("config", {}), "provenance.config")
    return provenance


def checked(cls: type[T], values: object, bounds: Bounds, where: str) -> T:
    """A dataclass of numbers, words, truth values, lists of them and other such dataclasses, out of plain JSON.

    Args:
        cls: the dataclass; what is left out keeps its default.
        values: from a card.
        bounds: lowest and highest value by field, of each number of a list; 1e12 for others.
        where: what it is called in the card, for messages.

    Raises:
        ValueError: another type, a field that `cls` has not, a list that is not as long as the default, or a number out
            of bounds.
    """
    if not dataclasses.is_dataclass(cls):
        raise TypeError(f"{cls} is no dataclass")
    hints, plain = get_type_hints(cls), _object(values, where)
    defaults = {field.name: field.default for field in dataclasses.fields(cls)}
    out: dict[str, Any] = {}
    for name, value in plain.items():
        if name not in defaults:
            raise ValueError(f"{where} has no {name[:40]!r}")
        out[name] = _value(hints[name], value, bounds, f"{where}.{name}")
        usual = defaults[name]
        numbers = get_origin(hints[name]) is tuple and get_args(hints[name])[0] is float
        if numbers and isinstance(usual, tuple) and usual and len(out[name]) != len(usual):
            raise ValueError(f"{where}.{name}: expected {len(usual)} numbers, found {len(out[name])}")
    return cls(**out)


def _value(kind: Any, value: object, bounds: Bounds, where: str) -> Any:
    """A value of the annotated type, or a ValueError; bounds go by the last part of `where`."""
    if get_origin(kind) in (Union, UnionType):
        kinds = [other for other in get_args(kind) if other is not NoneType]
        return None if value is None and len(kinds) < len(get_args(kind)) else _value(kinds[0], value, bounds, where)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return checked(kind, value, bounds, where)
    if get_origin(kind) is tuple:
        if not isinstance(value, list) or len(value) > _LONGEST:
            raise ValueError(f"{where}: expected a list")
        return tuple(_value(get_args(kind)[0], item, bounds, where) for item in value)
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ValueError(f"{where}: expected one of {', '.join(map(str, get_args(kind)))}")
        return value
    if kind is bool or kind is str:
        if not isinstance(value, kind):
            raise ValueError(f"{where}: expected {'true or false' if kind is bool else 'a word'}")
        return value
    return _number(kind is int, value, bounds.get(where.rpartition(".")[2], (-_GREATEST, _GREATEST)), where)


def _number(whole: bool, value: object, bounds: tuple[float, float], where: str) -> int | float:
    """A finite number within bounds, or a ValueError."""
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise ValueError(f"{where}: expected a {'whole ' if whole else ''}number")
    low, high = bounds
    if not low <= value <= high or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"{where}: expected a number from {low:g} to {high:g}")
    return value if whole else float(value)


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected an object, found {type(value).__name__}")
    return value
