"""What is added to files that are not LAS: `leafwood` uint16, `wood_prob` float32 and the columns asked for.

Also what becomes of the fields that are there: those of an earlier run are replaced, somebody else's keep their values.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud
from leafwood.io.labels import LEAFWOOD, fields_left, name_before
from leafwood.io.names import column_name

__all__ = [
    "Replacement",
    "as_text",
    "column_names",
    "fields_replaced",
    "require_count",
    "result_columns",
]


def result_columns(cloud: PointCloud, extra: Collection[str] = ()) -> dict[str, NDArray[Any]]:
    """The columns to write beside each point.

    Args:
        cloud: a labelled cloud.
        extra: names of more of its columns.

    Returns:
        Name -> (n,) values, `leafwood` (uint16) and `wood_prob` (float32) first.

    Raises:
        BadCloud: the cloud has no labels, or not the columns asked for.
    """
    missing = [name for name in ("leafwood", "wood_prob", *extra) if name not in cloud.columns]
    if missing:
        raise BadCloud(f"{cloud.path or 'the cloud'}: has no column {', '.join(missing)}; segment it first")
    return {
        "leafwood": np.asarray(cloud.columns["leafwood"]).astype(np.uint16),
        "wood_prob": np.asarray(cloud.columns["wood_prob"]).astype(np.float32),
        **{name: np.asarray(cloud.columns[name]) for name in extra},
    }


def require_count(path: Path, count: int, cloud: PointCloud) -> None:
    """Refuse labels of another cloud.

    Raises:
        BadCloud: the file has not as many points as the cloud.
    """
    if count != len(cloud):
        raise BadCloud(f"{path}: has {count} points, the labels are for {len(cloud)}")


class Replacement(NamedTuple):
    """What becomes of a file's fields when labels are added.

    Attributes:
        dropped: numbers of the fields that an earlier run left.
        renamed: number of a field that has the name of one to be added -> its new name.
        notes: what the user should know, one line each.
    """

    dropped: frozenset[int]
    renamed: Mapping[int, str]
    notes: tuple[str, ...]


def column_names(fields: Sequence[str], skip: Collection[int] = ()) -> dict[int, str]:
    """The column each field becomes: names in leafwood's spelling, the second of two alike with a number.

    Args:
        fields: names as the file has them.
        skip: numbers of fields that become no columns.
    """
    found: dict[int, str] = {}
    taken: set[str] = set()
    for number, field in enumerate(fields):
        if number in skip:
            continue
        name, again = column_name(field) or "column", 1
        base = name
        while name in taken:
            again += 1
            name = f"{base}_{again}"
        taken.add(name)
        found[number] = name
    return found


def fields_replaced(
    fields: Sequence[str],
    skip: Collection[int],
    added: Collection[str],
    load: Callable[[Sequence[int]], Mapping[int, NDArray[Any]]],
) -> Replacement:
    """Decide what becomes of the fields of a file; see :func:`leafwood.io.labels.fields_left`.

    Args:
        fields: names as the file has them.
        skip: numbers of fields that become no columns.
        added: names of the columns to be added.
        load: reads the values of some fields by their numbers; called only where the file has one of these names.
    """
    base = {number: column_name(fields[number]) for number in range(len(fields)) if number not in skip}
    ours = [number for number, name in base.items() if name in added]
    values = load(ours) if ours else {}
    first = next((values[number] for number in ours if base[number] == LEAFWOOD), None)
    dropped: set[int] = set()
    renamed: dict[int, str] = {}
    notes = []
    for number in ours:
        mine = {base[number]: values[number]}
        if first is not None and base[number] in fields_left({LEAFWOOD: first, **mine}):
            dropped.add(number)
            continue
        renamed[number] = name_before(base[number], [*fields, *renamed.values()])
        notes.append(f"its field {fields[number]} is not leafwood's and is now called {renamed[number]}")
    return Replacement(frozenset(dropped), renamed, tuple(notes))


def as_text(value: Any) -> bytes:
    """A value as it is written into text."""
    return (f"{value:.6g}" if isinstance(value, np.floating) else str(value)).encode()
