"""Class codes: what leafwood uses inside, what it writes, and what others' label fields mean.

Inside: 0 leaf, 1 wood, -1 ignore; wood is the positive class. In files: `leafwood` 0 not processed, 1 leaf, 2 wood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafwood.errors import BadCloud, BadConfig

__all__ = [
    "ASPRS",
    "BEFORE_FORMAT_6",
    "CLASS_NAMES",
    "DEFAULT_CLASSES",
    "FOREIGN",
    "GROUND",
    "IGNORE",
    "KEY_POINT",
    "LEAF",
    "NOISE",
    "NOT_VEGETATION",
    "OUTPUTS",
    "OUT_LEAF",
    "OUT_NONE",
    "OUT_WOOD",
    "PRESETS",
    "REPLACEABLE",
    "WOOD",
    "WOODY",
    "ClassMap",
    "ClassMeaning",
    "LabelPreset",
    "Part",
    "check_counts",
    "check_preset",
    "decode_labels",
    "part_outputs",
    "preset_of",
]

LEAF, WOOD, IGNORE = 0, 1, -1
OUT_NONE, OUT_LEAF, OUT_WOOD = 0, 1, 2

GROUND = 2
KEY_POINT = 8  # ground, too, in point formats 0 to 5; reserved in later ones
# Codes that users define (IGN LiDAR HD: 64 to 67 are artefacts and virtual points); leafwood writes the first two.
FOREIGN = frozenset({64, 65, 66, 67})
NOISE = frozenset({7, 18})
# ASPRS classes whose points are never labelled: noise, buildings, water, rail, road, wires, pylons, bridges ...
NOT_VEGETATION = frozenset({6, 7, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22})
# ASPRS classes that may be replaced by leaf/wood codes: never classified, undecided, low/medium/high vegetation.
REPLACEABLE = frozenset({0, 1, 3, 4, 5})


class Part(IntEnum):
    """Part of a plant or of its surroundings that sent a return of a virtual survey; written to `gt_part`."""

    GROUND = 0
    LEAF = 1
    TWIG = 2
    BRANCH = 3
    STEM = 4
    DEADWOOD = 5
    LOW_VEGETATION = 6

    @property
    def is_wood(self) -> bool:
        """Whether a return from this part counts as wood."""
        return self in (Part.TWIG, Part.BRANCH, Part.STEM, Part.DEADWOOD)


# What the codes of `classification` mean; 64 and 65 as leafwood writes them.
CLASS_NAMES: Mapping[int, str] = MappingProxyType(
    {
        0: "never classified",
        1: "undecided",
        2: "ground",
        3: "low vegetation",
        4: "medium vegetation",
        5: "high vegetation",
        6: "building",
        7: "noise",
        9: "water",
        17: "bridge",
        18: "high noise",
        64: "wood (leafwood)",
        65: "leaf (leafwood)",
    }
)


class ClassMap(NamedTuple):
    """ASPRS codes written into `classification` (64 to 255 are the user's to define)."""

    leaf: int = 65
    wood: int = 64


DEFAULT_CLASSES = ClassMap()


# What a network may tell apart: names of its outputs, and which of them are wood.
OUTPUTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"wood": ("leaf", "wood"), "parts": ("leaf", "stem", "branch", "ground")}
)
WOODY: Mapping[int, tuple[int, ...]] = MappingProxyType({2: (1,), 4: (1, 2)})  # by the number of outputs
_OUTPUT_OF_PART = np.array([3, 0, 2, 2, 1, 2, 3], dtype=np.int8)  # of each Part; twigs and dead wood are branches


def part_outputs(label: NDArray[np.int8], part: NDArray[Any]) -> NDArray[np.int8]:
    """Outputs ``parts`` of points (n,): 0 leaf, 1 stem, 2 branch, 3 ground or low vegetation, IGNORE where unknown.

    Args:
        label: (n,) LEAF, WOOD or IGNORE.
        part: (n,) of :class:`Part`.
    """
    return np.where(label == IGNORE, IGNORE, _OUTPUT_OF_PART[part.astype(np.int64)]).astype(np.int8)


@dataclass(frozen=True)
class ClassMeaning:
    """What the codes in `classification` mean in one file.

    Attributes:
        ground: codes of ground points.
        excluded: codes of points that are never labelled, as they are no plants.
        foreign: codes that are the user's to define: where leafwood did not write them, nobody knows what they are.
    """

    ground: frozenset[int] = frozenset({GROUND})
    excluded: frozenset[int] = NOT_VEGETATION
    foreign: frozenset[int] = FOREIGN

    def under_preset(self, preset: str) -> ClassMeaning:
        """The meaning where a label preset says what some codes are: in FOR-instance, 6 are branches, no buildings.

        Raises:
            BadConfig: no such preset.
        """
        chosen = preset_of(preset)
        said = frozenset(chosen.codes) if "classification" in chosen.columns else frozenset()
        return replace(self, ground=self.ground - said, excluded=self.excluded - said, foreign=self.foreign - said)

    def is_foreign(self, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """Points (n,) whose class is a user's code and was not written by leafwood, as the field `leafwood` would tell.

        Args:
            columns: columns of a cloud, ``classification`` among them.
        """
        classes = np.asarray(columns["classification"])
        out = np.isin(classes, sorted(self.foreign))
        if "leafwood" in columns and out.any():
            codes = np.asarray(columns["leafwood"])
            out &= ~((classes == DEFAULT_CLASSES.wood) & (codes == OUT_WOOD))
            out &= ~((classes == DEFAULT_CLASSES.leaf) & (codes == OUT_LEAF))
        return np.asarray(out)


ASPRS = ClassMeaning()
BEFORE_FORMAT_6 = ClassMeaning(ground=frozenset({GROUND, KEY_POINT}))


@dataclass(frozen=True)
class LabelPreset:
    """How one data set writes leaf and wood.

    Attributes:
        columns: names of the label column, in the order they are looked for.
        codes: file value -> LEAF, WOOD; every other value is IGNORE.
        ignored: where given, the only other values that the column may hold; an unexpected code is a mistake then.
    """

    columns: tuple[str, ...]
    codes: Mapping[int, int]
    ignored: frozenset[int] | None = None

    def decode(self, values: NDArray[Any]) -> NDArray[np.int8]:
        """File values (n,) to LEAF, WOOD or IGNORE (n,) int8.

        Raises:
            BadCloud: a value that is neither leaf, wood nor ignored, where those ignored are given.
        """
        if self.ignored is not None:
            others = np.setdiff1d(values, [*self.codes, *self.ignored])
            if len(others):
                shown = ", ".join(f"{value:g}" for value in others[:5])
                raise BadCloud(f"column {self.columns[0]} also holds {shown}: say what that is, or leave out `ignore`")
        labels = np.full(len(values), IGNORE, dtype=np.int8)
        for code, label in self.codes.items():
            labels[values == code] = label
        return labels


PRESETS: Mapping[str, LabelPreset] = MappingProxyType(
    {
        "gt_wood": LabelPreset(("gt_wood",), {0: LEAF, 1: WOOD}),
        "leafwood": LabelPreset(("leafwood",), {OUT_LEAF: LEAF, OUT_WOOD: WOOD}),
        "asprs": LabelPreset(("classification",), {65: LEAF, 64: WOOD}),
        "soul": LabelPreset(("WL",), {2: LEAF, 1: WOOD}),
        "for-instance": LabelPreset(("classification",), {5: LEAF, 4: WOOD, 6: WOOD}),
        "pointstowood": LabelPreset(("label", "truth"), {0: LEAF, 1: WOOD}),
        "fsct": LabelPreset(("label",), {2: LEAF, 3: WOOD, 4: WOOD}),
    }
)


def preset_of(labels: str) -> LabelPreset:
    """How leaf and wood are written, by name or in words.

    Args:
        labels: a name of :data:`PRESETS`, or a column and its codes: ``column=lw,wood=1,leaf=2,ignore=0``. Several
            codes are joined by ``+``: ``wood=4+6``. Without ``ignore`` every other code is left out.

    Raises:
        BadConfig: neither a name nor a column with codes of leaf and wood.
    """
    if labels in PRESETS:
        return PRESETS[labels]
    if "=" not in labels:
        near = f"{', '.join(sorted(PRESETS))}, and your own as column=NAME,wood=1,leaf=2"
        raise BadConfig(f"no label preset {labels!r}; there are {near}")
    words = [word.partition("=") for word in labels.split(",")]
    said = {name.strip(): value.strip() for name, _, value in words}
    if len(said) < len(words) or not {"column", "wood", "leaf"} <= said.keys() <= {"column", "wood", "leaf", "ignore"}:
        raise BadConfig(f"labels {labels!r}: write column=NAME,wood=1,leaf=2 and, if you like, ignore=0, each once")
    codes = {name: _codes(value, labels) for name, value in said.items() if name != "column"}
    every = [code for found in codes.values() for code in found]
    if len(set(every)) < len(every) or not said["column"]:
        raise BadConfig(f"labels {labels!r}: a code means one thing, and the column has a name")
    known = dict.fromkeys(codes["leaf"], LEAF) | dict.fromkeys(codes["wood"], WOOD)
    return LabelPreset((said["column"],), known, frozenset(codes["ignore"]) if "ignore" in codes else None)


def _codes(text: str, labels: str) -> list[int]:
    """The codes of one class: integers joined by ``+``."""
    try:
        return [int(code) for code in text.split("+")]
    except ValueError:
        raise BadConfig(f"labels {labels!r}: codes are whole numbers joined by +, not {text!r}") from None


def check_preset(preset: str) -> None:
    """Refuse what :func:`preset_of` does not understand.

    Raises:
        BadConfig: no such preset, and no column with codes.
    """
    preset_of(preset)


def decode_labels(columns: Mapping[str, NDArray[Any]], preset: str) -> NDArray[np.int8]:
    """Labels (n,) LEAF, WOOD or IGNORE out of a cloud's columns.

    Args:
        columns: named (n,) arrays.
        preset: as :func:`preset_of` takes it.

    Raises:
        BadConfig: no such preset.
        BadCloud: none of the preset's columns is there, or it holds a code that it must not.
    """
    codes = preset_of(preset)
    column = next((name for name in codes.columns if name in columns), None)
    if column is None:
        wanted = " or ".join(codes.columns)
        raise BadCloud(f"no column {wanted}, so there is no truth of preset {preset} in it")
    return codes.decode(columns[column])


def check_counts(class_counts: ArrayLike) -> NDArray[np.float64]:
    """Training points per class (C,) as float64, refused unless every class has some.

    Raises:
        BadConfig: not one number per class, fewer than two classes, or a count that is negative, zero or not finite.
    """
    try:
        counts = np.asarray(class_counts, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadConfig(f"class_counts: expected one number per class, got {class_counts!r}") from error
    if counts.ndim != 1 or len(counts) < 2:
        raise BadConfig(f"class_counts: expected one number for each of two or more classes, got shape {counts.shape}")
    for label, count in enumerate(counts):
        if not np.isfinite(count) or count < 0:
            raise BadConfig(f"class_counts: class {label} has {count:g} points; counts must be positive numbers")
        if count == 0:
            raise BadConfig(f"class_counts: class {label} has no points; train on data that has every class")
    return counts
