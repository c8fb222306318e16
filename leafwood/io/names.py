"""Column names: other programs' spellings of the LAS dimensions, brought to laspy's."""

from __future__ import annotations

import re

__all__ = ["column_name", "is_standard"]

_LAS = (
    "classification",
    "edge_of_flight_line",
    "gps_time",
    "intensity",
    "key_point",
    "nir",
    "number_of_returns",
    "overlap",
    "point_source_id",
    "return_number",
    "scan_angle",
    "scan_angle_rank",
    "scan_direction_flag",
    "scanner_channel",
    "synthetic",
    "user_data",
    "withheld",
    "red",
    "green",
    "blue",
)
_BY_LETTERS = {name.replace("_", ""): name for name in _LAS} | {
    "class": "classification",
    "r": "red",
    "g": "green",
    "b": "blue",
    "leafwood": "leafwood",
    "woodprob": "wood_prob",
    "heightag": "height_ag",
}


def is_standard(name: str) -> bool:
    """Whether leafwood reads a meaning from the column of that name; it then has one value for each point."""
    return name in _BY_LETTERS.values()


def column_name(name: str) -> str:
    """The name a column goes by in leafwood.

    CloudCompare's ``scalar_Classification``, PDAL's ``NumberOfReturns`` and ``"Return Number"`` become laspy's names;
    any other name stays as it is, without CloudCompare's ``scalar_``.
    """
    bare = name.strip().strip('"').removeprefix("scalar_")
    return _BY_LETTERS.get(re.sub(r"[\s_]", "", bare).lower(), bare)
