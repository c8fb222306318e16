"""Runs of a comparison as rows of a CSV file; what is in it is not run again."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from leafwood.errors import BadConfig

__all__ = ["Row", "append", "done", "rows"]

Row = Mapping[str, str]
_NAME = "results.csv"


def rows(folder: Path) -> list[dict[str, str]]:
    """The runs that are done, in the order in which they were."""
    path = folder / _NAME
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def done(folder: Path) -> list[dict[str, str]]:
    """The runs that are done.

    Raises:
        BadConfig: there are none.
    """
    if not (found := rows(folder)):
        raise BadConfig(f"no {_NAME} in {folder} yet")
    return found


def append(folder: Path, row: Mapping[str, object]) -> None:
    """Add a run to the results.

    Raises:
        BadConfig: the runs that are there have other columns.
    """
    path, before = folder / _NAME, rows(folder)
    if before and list(before[0]) != list(row):
        raise BadConfig(f"{path} was begun with other files to score on; give the same ones, or another folder")
    folder.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, row)
        if not before:
            writer.writeheader()
        writer.writerow(row)
