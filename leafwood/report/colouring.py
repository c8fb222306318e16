"""What the points of a 3D view can be coloured by: a byte for each point, and what the bytes mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import CLASS_NAMES, OUT_NONE
from leafwood.cloud import PointCloud
from leafwood.report.palette import LABELS, Coding, blank_palette, ramp

__all__ = ["Colouring", "by_codes", "by_value", "colourings", "difference_colourings"]

_UNKNOWN = 255  # the byte of a value that is not known
_CLASS_COLOURS = (
    "#4e79a7", "#f28e2b", "#a0683c", "#8cd17d", "#59a14f", "#2f6f3e", "#e15759", "#b07aa1", "#76b7b2",
    "#edc948", "#ff9da7", "#9c755f", "#bab0ac",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Colouring:
    """One thing to colour points by.

    Attributes:
        name: what a reader is told.
        values: (n,) uint8, a byte for each point.
        palette: 256 colours, as hexadecimal RGB.
        categories: code -> name, for the codes that occur; empty for a ramp.
        ends: what the bytes 0 and 254 stand for, for a ramp.
        unit: of the ends, with a space before it.
        digits: decimals of the ends.
    """

    name: str
    values: NDArray[np.uint8]
    palette: list[str]
    categories: Mapping[int, str]
    ends: tuple[float, float] = (0.0, 1.0)
    unit: str = ""
    digits: int = 2

    def header(self, column: str) -> dict[str, Any]:
        """What the viewer has to know of it, ready for JSON; `column` names its bytes."""
        head: dict[str, Any] = {"id": column, "name": self.name, "column": column}
        head["palette"] = "".join(colour[1:] for colour in self.palette)
        if self.categories:
            head["categories"] = [
                {"code": code, "name": name, "colour": self.palette[code]} for code, name in self.categories.items()
            ]
            return head
        low, high = (f"{end:.{self.digits}f}{self.unit}" for end in self.ends)
        head |= {"from": self.ends[0], "to": self.ends[1], "unit": self.unit, "digits": self.digits}
        return head | {"low": low, "high": high, "unknown": _UNKNOWN}


def by_codes(name: str, codes: NDArray[Any], coding: Coding) -> Colouring:
    """Colour by the codes of a picture, in the colours it has on a dark background."""
    there = set(np.unique(codes).tolist())
    names = dict(zip(coding.codes, coding.names, strict=True))
    return Colouring(
        name,
        np.asarray(codes).astype(np.uint8),
        blank_palette(coding.colours(dark=True)),
        {code: title for code, title in names.items() if code in there},
    )


def by_value(
    name: str,
    values: NDArray[Any],
    colours: str,
    *,
    ends: tuple[float, float] | None = None,
    unit: str = "",
    digits: int = 2,
) -> Colouring:
    """Colour by a number.

    Args:
        name: what a reader is told.
        values: (n,) numbers; those that are not finite are grey.
        colours: see :func:`leafwood.report.palette.ramp`.
        ends: the values at the ends of the ramp; 1 % of the values lie beyond either end when None.
        unit: of the values, with a space before it.
        digits: decimals that the legend shows.
    """
    numbers = np.asarray(values, dtype=np.float64)
    known = np.isfinite(numbers)
    if ends is None:
        some = numbers[known]
        ends = tuple(np.quantile(some, [0.01, 0.99]).tolist()) if len(some) else (0.0, 1.0)
    low, high = ends
    share = np.clip((np.where(known, numbers, low) - low) / max(high - low, 1e-9), 0, 1)
    bytes_ = np.where(known, np.rint(share * (_UNKNOWN - 1)), _UNKNOWN).astype(np.uint8)
    palette = [*ramp(colours)[:_UNKNOWN], "#7d868c"]
    return Colouring(name, bytes_, palette, {}, ends=(low, high), unit=unit, digits=digits)


def colourings(
    cloud: PointCloud, height: NDArray[np.floating[Any]], doubtful: NDArray[np.bool_] | None
) -> Iterator[Colouring]:
    """What a labelled cloud can be coloured by; its labels come first.

    Args:
        cloud: n points with ``leafwood``; ``wood_prob``, ``classification`` and ``intensity`` are used where present.
        height: (n,) m above ground, or above the lowest point.
        doubtful: (n,) points whose label is in doubt, or None where nobody knows.
    """
    label = np.asarray(cloud.columns["leafwood"])
    yield by_codes("leaf and wood", label, LABELS)
    if "wood_prob" in cloud.columns:
        prob = np.where(label != OUT_NONE, cloud.columns["wood_prob"], np.nan)
        yield by_value("P(wood)", prob, "leafwood", ends=(0.0, 1.0))
    if doubtful is not None:
        codes = np.where(label == OUT_NONE, 0, np.where(doubtful, 2, 1))
        palette = blank_palette({0: "#4b5358", 1: "#8fa3a0", 2: "#ff5db1"})
        names = {2: "label in doubt", 1: "label sure", 0: "ground and other"}
        there = set(np.unique(codes).tolist())
        yield Colouring("doubt", codes.astype(np.uint8), palette, {c: n for c, n in names.items() if c in there})
    yield by_value("height", height, "viridis", unit=" m", digits=1)
    if "classification" in cloud.columns:
        yield _by_class(np.asarray(cloud.columns["classification"]))
    if "intensity" in cloud.columns and np.ptp(cloud.columns["intensity"]) > 0:
        yield by_value("intensity", cloud.columns["intensity"], "cividis", digits=0)


def difference_colourings(
    difference: NDArray[Any],
    coding: Coding,
    labels: tuple[NDArray[Any], NDArray[Any]],
    names: tuple[str, str],
    height: NDArray[np.floating[Any]],
) -> Iterator[Colouring]:
    """What two labellings of one scan can be coloured by.

    Args:
        difference: (n,) codes of the coding.
        coding: what they mean.
        labels: (n,) labels of A and of B, as in ``leafwood``.
        names: of A and B.
        height: (n,) m above ground, or above the lowest point.
    """
    yield by_codes("where they differ", difference, coding)
    for name, label in zip(names, labels, strict=True):
        yield by_codes(f"labels: {name}", label, LABELS)
    yield by_value("height", height, "viridis", unit=" m", digits=1)


def _by_class(classes: NDArray[Any]) -> Colouring:
    """Colour by ``classification``; the codes that leafwood writes have the colours of its labels."""
    there = np.unique(classes).tolist()
    leaf, wood = LABELS.on_dark[0], LABELS.on_dark[1]
    colours = {code: _CLASS_COLOURS[code % len(_CLASS_COLOURS)] for code in there} | {65: leaf, 64: wood}
    names = {code: f"{code} {CLASS_NAMES.get(code, '')}".rstrip() for code in there}
    return Colouring("class in the file", classes.astype(np.uint8), blank_palette(colours), names)
