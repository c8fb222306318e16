"""`leafwood segment`: a scan in, the same scan out with every point labelled."""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from leafwood.errors import BadConfig
from leafwood.weights import DEFAULT_MODEL, shipped_models

if TYPE_CHECKING:
    from leafwood.batch.one_file import Labelled, LabelOptions
    from leafwood.cli.progress import Overall

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
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        help=f"{', '.join(shipped_models())} (default {DEFAULT_MODEL}), or a .safetensors file of your own",
    )
    parser.add_argument(
        "--rule",
        choices=("overlap", "balanced"),
        help="overlap: about as many wood points as there are, most of them wood (default); "
        "balanced: misses as little of the wood as of the leaves",
    )
    parser.add_argument(
        "--quality", choices=("standard", "high"), help="high: three looks at every scan, three times the time"
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="cuda: run the network on a GPU (default: cpu)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output (never the input)")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="leave alone what is there and no older than its scan, and add what is missing",
    )
    parser.add_argument("--force", action="store_true", help="label scans that are far too sparse to be trusted, too")
    parser.add_argument(
        "--classify",
        action="store_true",
        help="write classes, too: 65 leaf, 64 wood, 2 ground (point formats 6-10)",
    )
    parser.add_argument("--height", action="store_true", help="write the height above ground, too: `height_ag`, metres")
    parser.add_argument(
        "--labels",
        metavar="PRESET",
        help="data set whose class codes the file has, such as for-instance (default: ASPRS)",
    )
    parser.add_argument("--upgrade", action="store_true", help="write point formats 0-5 as 6-10 (LAS 1.4)")
    parser.add_argument(
        "--abstain", type=float, metavar="P", help="leave points undecided (0) whose label is less probable than P"
    )
    parser.add_argument(
        "--profile", action="store_true", help="also write leaf and wood area by height (see `leafwood profile`)"
    )
    parser.add_argument(
        "--report", action="store_true", help="also write a page to look at and send (see `leafwood report`)"
    )
    parser.add_argument("--crs", help="coordinate system to use and write, such as EPSG:32633 (LAS and LAZ)")
    parser.add_argument("--threads", type=int, help="processors to use for a file (default: all)")
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="files to label at the same time (Dask)")
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="label on a running Dask cluster that sees the same files"
    )
    parser.add_argument("--log-json", type=Path, metavar="FILE", help="write a line of JSON for each file")


def run(args: argparse.Namespace) -> int:
    """Label files.

    Returns:
        0 all done, 1 some file or profile failed; the failure of an only file is raised.
    """
    from leafwood.batch.leftovers import clear_leftovers
    from leafwood.batch.one_file import LabelOptions, is_labelled, outputs, segmenter
    from leafwood.batch.pages import write_pages_of_all
    from leafwood.batch.plan import note_failed, plan
    from leafwood.cli.messages import say
    from leafwood.cli.progress import JsonLog, overall
    from leafwood.cli.summary import Summary

    if args.workers < 0:
        raise BadConfig("--workers must be at least 1")
    settings = {field.name: getattr(args, field.name) for field in dataclasses.fields(LabelOptions)}
    options = LabelOptions(**settings)
    started = time.perf_counter()
    jobs = plan(args.paths, args.output)
    # of many files those that are labelled are there already; of an only one that is a refusal, unless it was asked for
    options = dataclasses.replace(options, resume=(args.resume or len(jobs) > 1) and not args.overwrite)
    segmenter(options)  # a model that is not there is the command's failure
    log = JsonLog(args.log_json)
    waiting = {
        source: target
        for source, target in jobs.items()
        if not (options.resume and is_labelled(source, target, outputs(target, options)[1:]))
    }
    for target in waiting.values():
        if target != args.output:
            target.parent.mkdir(parents=True, exist_ok=True)
    clear_leftovers(target.parent for target in jobs.values())
    summary = Summary(jobs, stop=args.debug or len(jobs) == 1)
    summary.skip(source for source in jobs if source not in waiting)
    with overall(len(waiting), quiet=args.quiet) as bar:
        for source, outcome in _outcomes(waiting, options, args, bar):
            bar.advance()
            summary.take(source, outcome, bar.words())
            log.write(**summary.entry(source))
    log.write(event="end", seconds=round(time.perf_counter() - started, 3), **summary.numbers())
    summary.show(time.perf_counter() - started)
    if len(jobs) > 1:
        try:
            note_failed(summary.failed, jobs, args.output)
            if args.report:
                print(write_pages_of_all(jobs, summary.failures, args.output))
        except OSError as error:
            say(error)
    return summary.status()


def _outcomes(
    waiting: dict[Path, Path], options: LabelOptions, args: argparse.Namespace, bar: Overall
) -> Iterator[Outcome]:
    """Files with what came of each, as it comes."""
    from leafwood.batch.one_file import label_file
    from leafwood.cli.one_by_one import each

    if waiting and (args.workers or args.scheduler):
        from leafwood.batch.cluster import label_side_by_side

        return label_side_by_side(waiting, options, workers=args.workers, scheduler=args.scheduler)
    if len(waiting) > 1 and not args.debug:
        from leafwood.batch.guarded import label_in_turn

        return label_in_turn(waiting, options, bar.show)

    def work(source: Path) -> Labelled:
        return label_file(source, waiting[source], options, lambda done, total: bar.show(source, done, total))

    return each(waiting, work)
