"""What an earlier run left in a LAS file, however other programs have written it since."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.io.labels import LEAFWOOD, fields_left, our_name
from leafwood.io.las.extra import ExtraDim
from leafwood.io.las.labels import CODES_TEXT, Labels
from leafwood.io.las.layout import Layout
from leafwood.io.las.points import read_records

__all__ = ["Earlier", "fields_of_earlier_run"]


class Earlier(NamedTuple):
    """Dimensions of an earlier run.

    Attributes:
        names: names of all the dimensions.
        dropped: names of those that cannot be written again in their place.
        codes: the dimension of the labels, or None.
    """

    names: frozenset[str]
    dropped: frozenset[str]
    codes: ExtraDim | None


def fields_of_earlier_run(source: Layout, dims: Sequence[ExtraDim], labels: Labels) -> Earlier:
    """Find what an earlier run left; see :func:`leafwood.io.labels.fields_left`.

    The points are only read where the descriptors do not say already that leafwood wrote them.

    Args:
        source: the file.
        dims: its dimensions.
        labels: what is to be written: dimensions of other names stay in any case.
    """
    wanted = {dim.name: dim for dim in labels.dims}
    found = [dim for dim in dims if dim.dtype is not None and _name(dim) in wanted]
    same = {dim.name for dim in found if dim.name in wanted and dim.same_type(wanted[dim.name])}
    codes = next((dim for dim in found if _name(dim) == LEAFWOOD), None)
    if codes is None:
        return Earlier(frozenset(), frozenset(), None)
    if len(same) == len(found) and codes.description == CODES_TEXT:
        names = frozenset(same)
    else:
        columns = _read(source, found)
        first = {LEAFWOOD: columns[codes.name]}
        names = frozenset(d.name for d in found if _name(d) in fields_left({**first, _name(d): columns[d.name]}))
    return Earlier(names, names - same, codes if codes.name in names else None)


def _name(dim: ExtraDim) -> str:
    """Leafwood's spelling of a dimension's name, of the second of two alike as well."""
    said = dim.said or dim.name
    return our_name(said) or said


def _read(source: Layout, dims: Iterable[ExtraDim]) -> dict[str, NDArray[Any]]:
    parts: dict[str, list[NDArray[Any]]] = {dim.name: [np.empty(0)] for dim in dims}
    for records in read_records(source):
        for dim in dims:
            parts[dim.name].append(dim.values(records))
    return {name: np.concatenate(values) for name, values in parts.items()}
