"""`leafwood segment --dry-run`: what a run would take."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leafwood.batch.one_file import LabelOptions

__all__ = ["show_forecast"]


def show_forecast(jobs: Mapping[Path, Path], known: list[Path], options: LabelOptions, workers: int) -> None:
    """Print a row for each scan or survey that would be labelled, and what all of them would take.

    Args:
        jobs: scan -> labelled file, of those that are not there already.
        known: all scans of the run.
        options: how they would be labelled.
        workers: that would share the work.
    """
    from rich.console import Console
    from rich.table import Table

    from leafwood.batch.forecast import forecast
    from leafwood.batch.units import units_of
    from leafwood.memory import default_memory, in_words

    units = units_of(jobs, options, known)
    found = forecast(units, options)
    table = Table("scan or survey")
    for name in ("points", "tiles", "disk", "time"):
        table.add_column(name, justify="right")
    for unit, expected in zip(units, found, strict=True):
        first, others = next(iter(unit.jobs)), len(unit.jobs) + len(unit.beside) - 1
        name = first.name + (f" and {others} that touch it" if others else "")
        if expected is None:
            table.add_row(name, "?", "?", "?", "?")
            continue
        disk = in_words(expected.disk) if expected.disk else "-"
        table.add_row(name, f"{expected.points:,}", f"{expected.tiles:,}", disk, _spell(expected.seconds))
    console = Console(markup=False, highlight=False, emoji=False)
    console.print(table)
    told = [expected for expected in found if expected is not None]
    memory = in_words(options.memory or default_memory(max(workers, 1)))
    disk = in_words(max((expected.disk for expected in told), default=0))
    seconds = sum(expected.seconds for expected in told) / max(workers, 1)
    console.print(
        f"{sum(expected.points for expected in told):,} points in {sum(expected.tiles for expected in told):,} tiles; "
        f"memory {memory} for each of {max(workers, 1)} processes; disk {disk} at most besides the outputs; about "
        f"{_spell(seconds)} by the speed of this machine on a part of the first scan. Nothing has been written.",
        soft_wrap=True,
    )


def _spell(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
