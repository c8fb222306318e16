"""The results as they stand in point records: two dimensions of ours, at most two more, and the class codes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import DEFAULT_CLASSES, GROUND, OUT_LEAF, OUT_NONE, OUT_WOOD, REPLACEABLE, ClassMap
from leafwood.errors import BadCloud, BadConfig
from leafwood.io.labels import HEIGHT, LEAFWOOD, WOOD_PROB, name_before
from leafwood.io.las.extra import ExtraDim

__all__ = [
    "CODES_TEXT",
    "EQUAL_MEANING",
    "MOST_EXTRA",
    "PROB_MEANING",
    "PROB_SCALE",
    "Labels",
    "place_dims",
    "write_classes",
]

CODES_TEXT = "0 none, 1 leaf, 2 wood"
PROB_SCALE = 1e-4
PROB_MEANING = "P(wood) at this scan's shares"  # the description of the dimension, at most 31 bytes
EQUAL_MEANING = "P(wood), 0 to 1"  # that of version 0.1.0, for which leaf and wood are equally common
MOST_EXTRA = 2
_NAME_BYTES = 32
_UNDECIDED = 1
_DESCRIBED = {HEIGHT: "height above ground, m"}
_CLASS_BYTE = 16  # of point formats 6 to 10


@dataclass(frozen=True, eq=False)
class Labels:
    """What is written beside each point.

    Attributes:
        columns: name -> (n,) values as they came; `leafwood` and `wood_prob` first.
        dims: their descriptors, not yet placed in a record.
    """

    columns: Mapping[str, NDArray[Any]]
    dims: tuple[ExtraDim, ...]

    @classmethod
    def of(
        cls,
        path: Path,
        count: int,
        leafwood: NDArray[Any],
        wood_prob: NDArray[Any],
        extra: Mapping[str, NDArray[Any]],
        reserved: Iterable[str],
    ) -> Labels:
        """Check results against a file.

        Args:
            path: the source, for messages.
            count: its points.
            leafwood: (n,) codes 0 none, 1 leaf, 2 wood.
            wood_prob: (n,) P(wood); NaN is written as 0.
            extra: at most two more columns.
            reserved: names the point format uses itself.

        Raises:
            BadCloud: a wrong number of values, or codes other than 0, 1, 2.
            BadConfig: an extra column that cannot be written.
        """
        _check_extra(extra, set(reserved))
        columns = {LEAFWOOD: np.asarray(leafwood), WOOD_PROB: np.asarray(wood_prob)}
        columns |= {name: np.asarray(column) for name, column in extra.items()}
        for name, column in columns.items():
            if column.shape != (count,):
                raise BadCloud(f"{path}: {name} has shape {column.shape} for {count} points")
        codes = columns[LEAFWOOD]
        if count and (codes.min() < 0 or codes.max() > OUT_WOOD):
            raise BadCloud(f"{path}: leafwood codes must be 0, 1 or 2, found {codes.min()} to {codes.max()}")
        dims = [
            ExtraDim.new(LEAFWOOD, "<u2", CODES_TEXT, 0),
            ExtraDim.new(WOOD_PROB, "<u2", PROB_MEANING, 0, PROB_SCALE),
            *(ExtraDim.new(name, _file_type(columns[name]).str, _DESCRIBED.get(name, "leafwood"), 0) for name in extra),
        ]
        return cls(columns, tuple(dims))

    def part(self, chosen: slice) -> dict[str, NDArray[Any]]:
        """Some points' values in file types: codes uint16, probabilities uint16 steps of 1e-4."""
        out = {name: column[chosen].astype(_file_type(column)) for name, column in self.columns.items()}
        prob = np.nan_to_num(self.columns[WOOD_PROB][chosen].astype(np.float64))
        out[LEAFWOOD] = self.columns[LEAFWOOD][chosen].astype("<u2")
        out[WOOD_PROB] = np.round(np.clip(prob, 0, 1) / PROB_SCALE).astype("<u2")
        return out


def _check_extra(extra: Mapping[str, NDArray[Any]], reserved: set[str]) -> None:
    if len(extra) > MOST_EXTRA:
        raise BadConfig(f"at most {MOST_EXTRA} more dimensions can be written, got {', '.join(extra)}")
    for name, column in extra.items():
        if not 0 < len(name.encode()) <= _NAME_BYTES:
            raise BadConfig(f"{name!r}: a dimension's name has 1 to {_NAME_BYTES} bytes")
        if name in reserved | {LEAFWOOD, WOOD_PROB}:
            raise BadConfig(f"{name!r} is taken; choose another name for this dimension")
        if np.asarray(column).dtype.kind not in "buif":
            raise BadConfig(f"{name!r}: only numbers can be written, not {np.asarray(column).dtype}")


def _file_type(column: NDArray[Any]) -> np.dtype[Any]:
    if column.dtype.kind == "f":
        return np.dtype("<f4")
    return np.dtype(np.uint8) if column.dtype.kind == "b" else column.dtype.newbyteorder("<")


def place_dims(
    existing: list[ExtraDim], labels: Labels, stop: int, left: Collection[str]
) -> tuple[list[ExtraDim], dict[str, ExtraDim], list[str]]:
    """Where our dimensions go: into their old places when an earlier run left them, else behind everything.

    A dimension that has one of our names but is somebody else's keeps its values under another name.

    Args:
        existing: the file's dimensions, without those that are dropped.
        labels: the results.
        stop: bytes of the record they would follow.
        left: names of the dimensions that an earlier run left.

    Returns:
        All dimensions in record order, ours by name, and warnings.
    """
    dims, ours, warnings = list(existing), {}, []
    for dim in labels.dims:
        found = next((i for i, old in enumerate(dims) if old.name == dim.name), None)
        if found is not None and dim.name in left and dims[found].same_type(dim):
            if dim.name == WOOD_PROB:  # an earlier version may have described another meaning
                dims[found] = replace(dim, start=dims[found].start)
            ours[dim.name] = dims[found]
            continue
        if found is not None:
            name = name_before(dim.name, (old.name for old in dims))
            warnings.append(f"has a dimension {dim.name} that is not leafwood's, which is now called {name}")
            dims[found] = dims[found].renamed(name)
        placed = replace(dim, start=stop)
        dims.append(placed)
        ours[dim.name] = placed
        stop += dim.size
    return dims, ours, warnings


def write_classes(
    records: NDArray[np.uint8],
    codes: NDArray[Any],
    earlier: NDArray[Any] | None,
    class_map: ClassMap,
    ground: NDArray[np.bool_] | None = None,
) -> None:
    """Put leaf, wood and ground codes into `classification`, in place, where vegetation or nothing stood.

    Args:
        records: (m, length) records of point formats 6 to 10.
        codes: (m,) 0 none, 1 leaf, 2 wood.
        earlier: (m,) the codes an earlier run of ours left, whose classes are ours to replace, or None.
        class_map: what to write.
        ground: (m,) ground points, or None where it is not known.
    """
    classes = records[:, _CLASS_BYTE]
    free = np.isin(classes, list(REPLACEABLE))
    if earlier is not None:
        ours = (earlier == OUT_LEAF) & np.isin(classes, [DEFAULT_CLASSES.leaf, class_map.leaf])
        ours |= (earlier == OUT_WOOD) & np.isin(classes, [DEFAULT_CLASSES.wood, class_map.wood])
        classes[ours & (codes == OUT_NONE)] = _UNDECIDED
        free |= ours
    classes[free & (codes == OUT_LEAF)] = class_map.leaf
    classes[free & (codes == OUT_WOOD)] = class_map.wood
    if ground is not None:
        classes[free & ground & (codes == OUT_NONE)] = GROUND
