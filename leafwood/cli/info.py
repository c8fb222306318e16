"""`leafwood info`: what a file is, and what segment would do with it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from leafwood.classes import CLASS_NAMES, DEFAULT_CLASSES
from leafwood.cli.options import add_scans

if TYPE_CHECKING:
    from rich.console import Console

    from leafwood.batch.rehearse import Rehearsal
    from leafwood.io.describe import FileInfo

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    add_scans(parser)
    parser.add_argument(
        "--header", action="store_true", help="do not read the points (LAS only): faster, and nothing is tried"
    )


def run(args: argparse.Namespace) -> int:
    """Print what each file is, and what segment would do with it.

    Returns:
        0 all done, 1 some file cannot be read; the failure of an only file is raised.
    """
    from rich.console import Console

    from leafwood.cli.messages import say
    from leafwood.cli.one_by_one import in_words, is_passed_over, one_by_one
    from leafwood.errors import BadFile
    from leafwood.io.files import list_files

    console = Console(highlight=False, markup=False, emoji=False)
    paths = list_files(args.paths)

    def work(path: Path) -> None:
        try:
            _describe(path, console, tried=not args.header)
        except BadFile as error:
            if len(paths) == 1 or not is_passed_over(path, error):
                raise
            say(f"passed over: {in_words(path, error)}")

    return 0 if len(one_by_one(paths, work, debug=args.debug)) == len(paths) else 1


def _describe(path: Path, console: Console, *, tried: bool) -> None:
    """Print a file's table, what is odd about it, and what would become of it."""
    from rich.table import Table

    from leafwood.batch.rehearse import rehearse
    from leafwood.io.describe import describe

    info = describe(path, full=tried)
    trial = rehearse(path) if tried else None
    console.print(str(info.path), soft_wrap=True)
    table = Table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _rows(info, trial):
        table.add_row(name, value)
    console.print(table)
    for line in dict.fromkeys((*info.warnings, *(trial.warnings if trial else ()))):
        console.print(f"warning: {line}", soft_wrap=True)
    for doubt in trial.doubts if trial else ():
        console.print(f"{'do not trust it' if doubt.severe else 'mind'}: {doubt}", soft_wrap=True)
    console.print(_verdict(info, trial), soft_wrap=True)


def _rows(info: FileInfo, trial: Rehearsal | None) -> Iterator[tuple[str, str]]:
    yield "format", _format(info)
    yield "points", f"{info.count:,}"
    bounds = info.bounds if trial is None or trial.problem else trial.bounds
    if bounds is not None:
        low, high = bounds
        for axis, name in enumerate("xyz"):
            yield name, f"{low[axis]:,.3f} to {high[axis]:,.3f}"
        size = (high - low) * [info.unit[0], info.unit[0], info.unit[1]]
        yield "extent", f"{size[0]:,.1f} x {size[1]:,.1f} x {size[2]:,.1f} m"
    if info.density is not None:
        yield "density", f"{info.density:,.1f} points/m² (over occupied 1 m cells)"
    code = f" (EPSG:{info.epsg})" if info.epsg else ""
    yield "CRS", f"{info.crs_name}{code}" if info.crs_name else "none"
    if info.unit != (1.0, 1.0):
        yield "metres per unit", f"{info.unit[0]:.9g} horizontal, {info.unit[1]:.9g} vertical"
    for title, text in (("made by", info.system), ("written by", info.software)):
        if text:
            yield title, text
    for title, counts in (("classes", info.classes), ("returns", info.returns), ("leafwood labels", info.labels)):
        if counts:
            yield title, _shares(counts, info.count, named=title == "classes")
    for title, names in (("extra dimensions", info.extra_dims), ("VLRs", info.vlrs), ("EVLRs", info.evlrs)):
        if names:
            yield title, "\n".join(names)


def _format(info: FileInfo) -> str:
    if info.point_format is None:
        return info.kind
    packing = "COPC" if info.copc else "LAZ" if info.compressed else "uncompressed"
    return f"{info.kind}, point format {info.point_format}, {packing}"


def _shares(counts: Mapping[int, int], total: int, named: bool) -> str:
    lines = []
    for value, number in sorted(counts.items()):
        name = f" {CLASS_NAMES[value]}" if named and value in CLASS_NAMES else ""
        lines.append(f"{value}{name}: {number:,} ({number / max(total, 1):.1%})")
    return "\n".join(lines)


def _verdict(info: FileInfo, trial: Rehearsal | None) -> str:
    """What segment would do, in a sentence or three."""
    if trial is None:
        from leafwood.io.loaders import default_output

        if info.problem:
            return f"segment would refuse it: {info.problem}."
        return f"Labels would go to {default_output(info.path).name}; without --header info also tries it."
    if trial.problem:
        from leafwood.cli.messages import in_flags

        return f"segment would refuse it: {in_flags(trial.problem)}."
    if not trial.points:
        return "segment would write a file without points, as this one has none."
    words = [f"segment would write {trial.target.name} with fields leafwood and wood_prob"]
    if info.point_format is not None:
        leaf, wood = DEFAULT_CLASSES
        codes = f", and with --classify classes {leaf} (leaf) and {wood} (wood)"
        words.append(codes if info.point_format >= 6 else ", and no classes unless --upgrade --classify is given")
    words.append(f". Ground: {trial.ground}. ")
    words.append(f"It would label {trial.labelled:,} points and leave {trial.points - trial.labelled:,} alone.")
    if trial.replaced:
        words.append(f" Of an earlier run it would replace {', '.join(sorted(trial.replaced))}.")
    return "".join(words)
