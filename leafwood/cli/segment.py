"""`leafwood segment`: a scan in, the same scan out with every point labelled."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from leafwood.classes import OUT_LEAF, OUT_NONE, OUT_WOOD
from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig, about

if TYPE_CHECKING:
    from rich.console import Console

    from leafwood.inference import Segmenter
    from leafwood.soul.segmenter import SoulSegmenter

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument("path", type=Path, metavar="PATH", help="LAS, LAZ, COPC, PLY, PCD, XYZ ... file")
    parser.add_argument("-o", "--output", type=Path, help="file or folder to write (default: beside the input)")
    parser.add_argument("--model", default="uav", help="name of a shipped model, or a .safetensors file")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output (never the input)")
    parser.add_argument("--keep-classification", action="store_true", help="leave `classification` as it is")
    parser.add_argument("--upgrade", action="store_true", help="write point formats 0-5 as 6-10 (LAS 1.4)")
    parser.add_argument(
        "--abstain", type=float, metavar="P", help="leave points undecided (0) that are less sure than P"
    )
    parser.add_argument(
        "--profile", action="store_true", help="also write leaf and wood area by height (see `leafwood profile`)"
    )
    parser.add_argument("--crs", help="coordinate system to use and write, such as EPSG:32633 (LAS and LAZ)")
    parser.add_argument("--threads", type=int, help="processors to use (default: all)")


def run(args: argparse.Namespace) -> int:
    """Label one file.

    Returns:
        0; failures are raised.
    """
    from rich.console import Console

    from leafwood.inference import load_segmenter
    from leafwood.io.loaders import check_suffix, default_output, read, write
    from leafwood.io.target import check_target
    from leafwood.postprocess.abstain import abstain

    if args.abstain is not None and not 0.5 <= args.abstain <= 1:
        raise BadConfig(f"--abstain must be a probability between 0.5 and 1, not {args.abstain:g}")
    if args.threads is not None and args.threads < 1:
        raise BadConfig("--threads must be at least 1")
    started = time.perf_counter()
    source: Path = args.path
    target: Path = args.output or default_output(source)
    if args.output and (target.is_dir() or not target.suffix):
        target.mkdir(parents=True, exist_ok=True)
        target = target / default_output(source).name
    check_target(target, source, args.overwrite)
    check_suffix(target, source)
    if args.profile:
        _check_profile(target, args.overwrite)
    segmenter = load_segmenter(args.model, threads=args.threads)
    cloud = read(source, crs=args.crs)
    with about(source):
        result = _segment(cloud, segmenter)
        if args.abstain is not None:
            result = abstain(result, args.abstain)
    write(
        result,
        target,
        like=source,
        keep_classification=args.keep_classification,
        upgrade=args.upgrade,
        overwrite=args.overwrite,
        crs=args.crs,
    )
    _summary(Console(), result, target, time.perf_counter() - started)
    if args.profile:
        _profile(result, target, args.overwrite)
    return 0


def _check_profile(target: Path, overwrite: bool) -> None:
    """Refuse before the work what could not be written after it."""
    from leafwood.canopy import CanopyConfig
    from leafwood.io.target import check_target
    from leafwood.report.canopy import canopy_files

    for file in canopy_files(target.parent, target.stem, CanopyConfig()):
        check_target(file, None, overwrite)


def _profile(result: PointCloud, target: Path, overwrite: bool) -> None:
    """Write the canopy's profile beside the labelled file."""
    from leafwood.canopy import measure_canopy
    from leafwood.report.canopy import headline, write_canopy

    with about(target):
        canopy = measure_canopy(result)
    files = write_canopy(canopy, target.parent, target.stem, overwrite=overwrite)
    print(f"{files[0]}: {headline(canopy)}")


def _segment(cloud: PointCloud, segmenter: Segmenter | SoulSegmenter) -> PointCloud:
    """Label the cloud, with a progress bar where there is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not os.isatty(2)) as bar:
        task = bar.add_task(f"labelling {cloud.path.name if cloud.path else ''}", total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return segmenter.segment(cloud, show)


def _summary(console: Console, result: PointCloud, target: Path, seconds: float) -> None:
    """Points by label, time, and where to look."""
    import numpy as np
    from rich.table import Table

    counts = np.bincount(result.columns["leafwood"], minlength=3)
    labelled = int(counts[OUT_LEAF] + counts[OUT_WOOD])
    table = Table(title=str(target), title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, code in (("leaf", OUT_LEAF), ("wood", OUT_WOOD), ("not processed", OUT_NONE)):
        table.add_row(f"{name} (leafwood = {code})", f"{counts[code]:,}")
    share = f"{counts[OUT_WOOD] / labelled:.1%}" if labelled else "no vegetation found"
    table.add_row("wood share of labelled points", share)
    table.add_row("seconds", f"{seconds:.1f}")
    table.add_row("points/s", f"{len(result) / seconds:,.0f}")
    console.print(table)
    console.print(f"Labels: field `leafwood` of {target.name}; P(wood): `wood_prob`.", highlight=False)
    console.print(
        "CloudCompare: open it and choose the scalar field `leafwood`. "
        "QGIS: style by attribute `leafwood`, or by Classification (64 wood, 65 leaf) where the point format has it.",
        highlight=False,
    )
