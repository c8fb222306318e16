"""Which labels a file holds, and which of its fields an earlier run of leafwood left.

Readers, writers and `info` ask here. Fields are known by their names however they are spelled (CloudCompare's
``scalar_leafwood``), and by their values: other programs change types on the way (PDAL makes doubles, CloudCompare
floats). Of two fields with one name the first counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import OUT_NONE, OUT_WOOD
from leafwood.errors import BadCloud
from leafwood.io.names import column_name

__all__ = [
    "HEIGHT",
    "LEAFWOOD",
    "OURS",
    "WOOD_PROB",
    "codes_of",
    "fields_left",
    "label_counts",
    "name_before",
    "our_name",
]

LEAFWOOD, WOOD_PROB, HEIGHT = "leafwood", "wood_prob", "height_ag"
OURS = (LEAFWOOD, WOOD_PROB, HEIGHT)
_SLACK = 1e-3  # beyond 0 and 1: probabilities that were rounded on the way


def our_name(name: str) -> str | None:
    """The name of a field of leafwood's however it is spelled, or None for any other field."""
    found = column_name(name)
    return found if found in OURS else None


def _are_codes(values: NDArray[Any]) -> bool:
    return values.dtype.kind in "buif" and bool(np.isin(values, (OUT_NONE, 1, OUT_WOOD)).all())


def _are_probabilities(values: NDArray[Any]) -> bool:
    return values.dtype.kind in "buif" and bool(((values >= -_SLACK) & (values <= 1 + _SLACK)).all())


def fields_left(columns: Mapping[str, NDArray[Any]]) -> frozenset[str]:
    """Which of a cloud's columns an earlier run left: they are replaced when the cloud is labelled again.

    `leafwood` is ours when all its values are 0, 1 or 2; beside it so are `height_ag`, and `wood_prob` with values from
    0 to 1. Columns of these names with other values are somebody else's: they stay, under another name.

    Args:
        columns: columns of a cloud, by leafwood's spelling.
    """
    if LEAFWOOD not in columns or not _are_codes(np.asarray(columns[LEAFWOOD])):
        return frozenset()
    found = {LEAFWOOD}
    if WOOD_PROB in columns and _are_probabilities(np.asarray(columns[WOOD_PROB])):
        found.add(WOOD_PROB)
    if HEIGHT in columns:
        found.add(HEIGHT)
    return frozenset(found)


def label_counts(columns: Mapping[str, NDArray[Any]]) -> dict[int, int] | None:
    """Points by `leafwood` code, or None where there are no labels of leafwood's."""
    if LEAFWOOD not in fields_left(columns):
        return None
    codes, counts = np.unique(np.asarray(columns[LEAFWOOD]), return_counts=True)
    return {int(code): int(count) for code, count in zip(codes, counts, strict=True)}


def codes_of(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.uint8]:
    """The labels of a cloud (n,): 0 not processed, 1 leaf, 2 wood.

    Raises:
        BadCloud: there are none, or the field `leafwood` holds other values.
    """
    if LEAFWOOD not in columns:
        raise BadCloud("no labels in it (no field leafwood); label it with `leafwood segment` first")
    if LEAFWOOD not in fields_left(columns):
        raise BadCloud("its field leafwood holds other values than 0, 1 and 2, so it is not a label of leafwood's")
    return np.asarray(columns[LEAFWOOD]).astype(np.uint8)


def name_before(name: str, taken: Iterable[str]) -> str:
    """A name for somebody else's column that has one of ours."""
    names, number = set(taken), 1
    while (candidate := f"{name}_before{number if number > 1 else ''}") in names:
        number += 1
    return candidate
