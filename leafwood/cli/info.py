"""`leafwood info`: what a file is, and what segment would do with it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from leafwood.classes import CLASS_NAMES, DEFAULT_CLASSES, GROUND, NOT_VEGETATION, OUT_LEAF, OUT_WOOD

if TYPE_CHECKING:
    from leafwood.io.describe import FileInfo

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument("path", type=Path, metavar="PATH", help="LAS, LAZ, COPC, PLY, PCD, XYZ ... file")
    parser.add_argument("--header", action="store_true", help="do not read the points (LAS only): faster, no densities")


def run(args: argparse.Namespace) -> int:
    """Print what a file is.

    Returns:
        0; failures are raised.
    """
    from rich.console import Console
    from rich.table import Table

    from leafwood.io.describe import describe

    info = describe(args.path, full=not args.header)
    table = Table(title=str(info.path), title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _rows(info):
        table.add_row(name, value)
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(table)
    for line in info.warnings:
        console.print(f"warning: {line}", soft_wrap=True)
    console.print(_verdict(info), soft_wrap=True)
    return 0


def _rows(info: FileInfo) -> Iterator[tuple[str, str]]:
    yield "format", _format(info)
    yield "points", f"{info.count:,}"
    if info.bounds is not None:
        low, high = info.bounds
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


def _verdict(info: FileInfo) -> str:
    """What segment would do, in a sentence or three."""
    from leafwood.io.loaders import default_output

    if info.problem:
        return f"segment would refuse it: {info.problem}."
    if info.count == 0:
        return "segment would write a file without points, as this one has none."
    words = [f"segment would write {default_output(info.path).name}"]
    words.append(" with fields leafwood and wood_prob")
    if info.point_format is not None:
        leaf, wood = DEFAULT_CLASSES
        codes = f" and classes {leaf} (leaf) and {wood} (wood)"
        words.append(codes if info.point_format >= 6 else ", and no classes unless --upgrade is given")
    words.append(". ")
    classes = info.classes or {}
    skipped = sum(number for value, number in classes.items() if value in NOT_VEGETATION)
    if classes.get(GROUND):
        words.append(f"It would use the {classes[GROUND]:,} ground points of the file")
    else:
        words.append("It would look for the ground itself")
    words.append(f" and leave {skipped:,} points of other classes alone." if skipped else ".")
    if info.labels and (info.labels.get(OUT_LEAF) or info.labels.get(OUT_WOOD)):
        words.append(" The labels of the earlier run would be replaced.")
    return "".join(words)
