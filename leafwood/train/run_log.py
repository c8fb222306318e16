"""Where the figures of a run go at every validation: a CSV file, and TensorBoard's event files for those who ask."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

from leafwood.errors import require

__all__ = ["EVENTS", "Log", "csv_log", "event_log"]

Log = Callable[[Mapping[str, float]], None]  # called with a row of figures, of which `step` is one
EVENTS = "tensorboard"  # the folder of a run that the event files are in


def csv_log(path: Path) -> Callable[[Mapping[str, float | str]], None]:
    """A log that appends a row, of words too, to a CSV file, with a header if it is new."""

    def log(row: Mapping[str, float | str]) -> None:
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)

    return log


def event_log(folder: Path) -> Log:
    """A log that adds event files to a folder, which `tensorboard --logdir FOLDER` shows.

    Raises:
        MissingExtra: tensorboard is not installed.
    """
    require("tensorboard", "writing event files")
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder))

    def log(row: Mapping[str, float]) -> None:
        for name in row.keys() - {"step"}:
            writer.add_scalar(name, row[name], int(row["step"]))
        writer.flush()

    return log
