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
    import numpy as np
    from numpy.typing import NDArray

    from leafwood.inference import Segmenter
    from leafwood.soul.segmenter import SoulSegmenter

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument(
        "paths",
        type=Path,
        nargs="+",
        metavar="PATH",
        help="LAS, LAZ, COPC, PLY, PCD, XYZ ... files, or folders of them",
    )
    parser.add_argument(
        "-o", "--output", type=Path, help="folder to write to, or the file if there is one (default: beside the input)"
    )
    parser.add_argument("--model", default="uav", help="name of a shipped model, or a .safetensors file")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output (never the input)")
    parser.add_argument(
        "--resume", action="store_true", help="leave out files whose output is there and no older than they are"
    )
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
    """Label files.

    Returns:
        0 all done, 1 some file failed; the failure of an only file is raised.
    """
    from leafwood.batch import is_made, note_failed, plan
    from leafwood.cli.one_by_one import one_by_one
    from leafwood.inference import load_segmenter

    _check(args)
    started = time.perf_counter()
    jobs = plan(args.paths, args.output)
    segmenter = load_segmenter(args.model, threads=args.threads)
    waiting = [path for path in jobs if not (args.resume and is_made(path, _outputs(jobs[path], args.profile)))]

    def work(path: Path) -> NDArray[np.int64]:
        counts = _label(path, jobs[path], segmenter, args)
        if len(jobs) > 1:
            print(f"{jobs[path]}: {counts.sum():,} points, wood share: {_wood_share(counts)}", flush=True)
        return counts

    done = one_by_one(waiting, work, debug=args.debug)
    failed = [path for path in waiting if path not in done]
    files = {"labelled": len(done), "there already": len(jobs) - len(waiting), "failed": len(failed)}
    _summary([jobs[path] for path in done], list(done.values()), files, time.perf_counter() - started)
    if len(jobs) > 1:
        note_failed(failed, jobs, args.output)
    return 1 if failed else 0


def _check(args: argparse.Namespace) -> None:
    """Refuse settings that would fail for every file."""
    from leafwood.io.las_crs import parse_user_crs

    if args.abstain is not None and not 0.5 <= args.abstain <= 1:
        raise BadConfig(f"--abstain must be a probability between 0.5 and 1, not {args.abstain:g}")
    if args.threads is not None and args.threads < 1:
        raise BadConfig("--threads must be at least 1")
    if args.crs is not None:
        parse_user_crs(args.crs)


def _outputs(target: Path, profile: bool) -> list[Path]:
    """The files that are made of one scan."""
    if not profile:
        return [target]
    from leafwood.canopy import CanopyConfig
    from leafwood.report.canopy import canopy_files

    return [target, *canopy_files(target.parent, target.stem, CanopyConfig())]


def _label(
    source: Path, target: Path, segmenter: Segmenter | SoulSegmenter, args: argparse.Namespace
) -> NDArray[np.int64]:
    """Label one file.

    Returns:
        (3,) points by label.
    """
    import numpy as np

    from leafwood.io.loaders import check_suffix, read, write
    from leafwood.io.target import check_target
    from leafwood.postprocess.abstain import abstain

    if target != args.output:
        target.parent.mkdir(parents=True, exist_ok=True)
    for file in _outputs(target, args.profile):  # now and not after the work
        check_target(file, source, args.overwrite)
    check_suffix(target, source)
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
    if args.profile:
        _profile(result, target, args.overwrite)
    return np.bincount(result.columns["leafwood"], minlength=3)


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


def _wood_share(counts: NDArray[np.int64]) -> str:
    """Wood among the labelled points, in words."""
    labelled = counts[OUT_LEAF] + counts[OUT_WOOD]
    return f"{counts[OUT_WOOD] / labelled:.1%}" if labelled else "no vegetation found"


def _summary(targets: list[Path], found: list[NDArray[np.int64]], files: dict[str, int], seconds: float) -> None:
    """Files, points by label, time, and where to look."""
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    one = len(targets) == sum(files.values()) == 1
    table = Table(title=str(targets[0]) if one else None, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    if not one:
        for name, number in files.items():
            table.add_row(f"files {name}", f"{number:,}")
    console = Console()
    if not targets:
        console.print(table)
        return
    counts = np.sum(found, axis=0)
    for name, code in (("leaf", OUT_LEAF), ("wood", OUT_WOOD), ("not processed", OUT_NONE)):
        table.add_row(f"{name} (leafwood = {code})", f"{counts[code]:,}")
    table.add_row("wood share of labelled points", _wood_share(counts))
    table.add_row("seconds", f"{seconds:.1f}")
    table.add_row("points/s", f"{counts.sum() / seconds:,.0f}")
    console.print(table)
    where = targets[0].name if one else "each file"
    console.print(f"Labels: field `leafwood` of {where}; P(wood): `wood_prob`.", highlight=False)
    console.print(
        "CloudCompare: open it and choose the scalar field `leafwood`. "
        "QGIS: style by attribute `leafwood`, or by Classification (64 wood, 65 leaf) where the point format has it.",
        highlight=False,
    )
