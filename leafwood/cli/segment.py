"""`leafwood segment`: a scan in, the same scan out with every point labelled."""

from __future__ import annotations

import argparse
import dataclasses
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from leafwood.classes import OUT_LEAF, OUT_NONE, OUT_WOOD
from leafwood.errors import BadConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from leafwood.batch.one_file import Labelled, LabelOptions
    from leafwood.inference.labelling import Progress

    Outcome = tuple[Path, Labelled | Exception]

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
    parser.add_argument(
        "--rule",
        choices=("overlap", "balanced"),
        help="overlap: about as many wood points as there are, most of them wood (default); "
        "balanced: misses as little of the wood as of the leaves",
    )
    parser.add_argument(
        "--quality", choices=("standard", "high"), help="high: three looks at every scan, three times the time"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output (never the input)")
    parser.add_argument(
        "--resume", action="store_true", help="leave out files whose output is there and no older than they are"
    )
    parser.add_argument("--keep-classification", action="store_true", help="leave `classification` as it is")
    parser.add_argument("--upgrade", action="store_true", help="write point formats 0-5 as 6-10 (LAS 1.4)")
    parser.add_argument(
        "--abstain", type=float, metavar="P", help="leave points undecided (0) whose label is less probable than P"
    )
    parser.add_argument(
        "--profile", action="store_true", help="also write leaf and wood area by height (see `leafwood profile`)"
    )
    parser.add_argument("--crs", help="coordinate system to use and write, such as EPSG:32633 (LAS and LAZ)")
    parser.add_argument("--threads", type=int, help="processors to use for a file (default: all)")
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="files to label at the same time (Dask)")
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="label on a running Dask cluster that sees the same files"
    )


def run(args: argparse.Namespace) -> int:
    """Label files.

    Returns:
        0 all done, 1 some file failed; the failure of an only file is raised.
    """
    from leafwood.batch.one_file import LabelOptions, outputs, segmenter
    from leafwood.batch.plan import is_made, note_failed, plan
    from leafwood.cli.one_by_one import collect

    if args.workers < 0:
        raise BadConfig("--workers must be at least 1")
    settings = {field.name: getattr(args, field.name) for field in dataclasses.fields(LabelOptions)}
    options = LabelOptions(**settings)
    started = time.perf_counter()
    jobs = plan(args.paths, args.output)
    segmenter(options)  # a model that is not there is the command's failure
    waiting = {
        source: target
        for source, target in jobs.items()
        if not (args.resume and is_made(source, outputs(target, options)))
    }
    for target in waiting.values():
        if target != args.output:
            target.parent.mkdir(parents=True, exist_ok=True)
    outcomes = _say(_outcomes(waiting, options, args), jobs)
    done = collect(outcomes, stop=args.debug or len(jobs) == 1)
    failed = [path for path in waiting if path not in done]
    files = {"labelled": len(done), "there already": len(jobs) - len(waiting), "failed": len(failed)}
    counts = [labelled.counts for labelled in done.values()]
    _summary([jobs[path] for path in done], counts, files, time.perf_counter() - started)
    if len(jobs) > 1:
        note_failed(failed, jobs, args.output)
    return 1 if failed else 0


def _outcomes(waiting: dict[Path, Path], options: LabelOptions, args: argparse.Namespace) -> Iterator[Outcome]:
    """Files with what came of each, as it comes."""
    from leafwood.batch.one_file import label_file
    from leafwood.cli.one_by_one import each

    if waiting and (args.workers or args.scheduler):
        from leafwood.batch.cluster import label_side_by_side

        return label_side_by_side(waiting, options, workers=args.workers, scheduler=args.scheduler)

    def work(source: Path) -> Labelled:
        with _bar(source) as progress:
            return label_file(source, waiting[source], options, progress)

    return each(waiting, work)


@contextmanager
def _bar(source: Path) -> Iterator[Progress]:
    """A progress bar where there is a terminal."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True, disable=not os.isatty(2)) as bar:
        task = bar.add_task(f"labelling {source.name}", total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield show


def _say(outcomes: Iterator[Outcome], jobs: dict[Path, Path]) -> Iterator[Outcome]:
    """Pass on what came of each file, and say it: where there are several, and where a profile was asked for."""
    for source, outcome in outcomes:
        if not isinstance(outcome, Exception):
            if len(jobs) > 1:
                counts = outcome.counts
                print(f"{jobs[source]}: {counts.sum():,} points, wood share: {_wood_share(counts)}", flush=True)
            if outcome.canopy:
                print(outcome.canopy, flush=True)
        yield source, outcome


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
    console.print(f"Labels: field `leafwood` of {where}; P(wood) in this scan: `wood_prob`.", highlight=False)
    console.print(
        "CloudCompare: open it and choose the scalar field `leafwood`. "
        "QGIS: style by attribute `leafwood`, or by Classification (64 wood, 65 leaf) where the point format has it.",
        highlight=False,
    )
