"""`leafwood segment`: a scan in, the same scan out with every point labelled."""

from __future__ import annotations

import argparse
import dataclasses
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from leafwood.cli.options import add_scans
from leafwood.errors import BadConfig
from leafwood.weights import DEFAULT_MODEL, shipped_models

if TYPE_CHECKING:
    from leafwood.batch.manifest import Manifest, Settings
    from leafwood.batch.one_file import Labelled, LabelOptions
    from leafwood.batch.resume import ToDo
    from leafwood.cli.progress import Overall

    Outcome = tuple[Path, Labelled | Exception]

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    add_scans(parser, "files, folders of them, lists (.vpc), or https:// and s3:// addresses")
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
        "--quality", choices=("standard", "high"), help="high: five looks at every scan, five times the time"
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="cuda: run the network on a GPU (default: cpu)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output (never the input)")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="leave alone what the manifest knows to be done with these settings, and do the rest",
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
    parser.add_argument(
        "--bounds",
        metavar="X0,Y0,X1,Y1",
        help="label only what lies inside, in the file's coordinates (LAS, LAZ, COPC)",
    )
    parser.add_argument("--part", metavar="I/N", help="label the I-th of N parts of the files, as in a Slurm array")
    parser.add_argument("--crs", help="coordinate system to use and write, such as EPSG:32633 (LAS and LAZ)")
    parser.add_argument("--threads", type=int, help="processors to use for a file (default: all)")
    parser.add_argument(
        "--memory", metavar="AMOUNT", help="memory to keep within, such as 3GB, for each worker (default: at most 4GB)"
    )
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="files or tiles to label at a time (Dask)")
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="label on a running Dask cluster that sees the same files"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print what the run would take: tiles, memory, disk and time"
    )
    parser.add_argument("--log-json", type=Path, metavar="FILE", help="write a line of JSON for each file")


def run(args: argparse.Namespace) -> int:
    """Label files.

    Returns:
        0 all done, 1 some file or profile failed; the failure of an only file is raised.
    """
    # Labelling gives BLAS one thread; NumPy and SciPy each start the others when imported, for a tenth of a CPU second.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from leafwood.batch.manifest import Manifest, open_manifest
    from leafwood.batch.one_file import LabelOptions, segmenter
    from leafwood.batch.plan import Part, plan, run_folder, share
    from leafwood.io.bounds import Bounds
    from leafwood.memory import as_bytes

    if args.workers < 0:
        raise BadConfig("--workers must be at least 1")
    args.memory = as_bytes(args.memory) if args.memory else None
    args.bounds = Bounds.parse(args.bounds) if args.bounds else None
    args.part = Part.parse(args.part) if args.part else None
    settings = {field.name: getattr(args, field.name) for field in dataclasses.fields(LabelOptions)}
    options = LabelOptions(**settings)
    jobs = plan(args.paths, args.output, args.bounds)
    known = list(jobs)  # a part sees the others' scans, too
    if args.part:
        jobs = share(jobs, args.part)
        if not jobs:
            print(f"part {args.part.number} of {args.part.of}: no files are left for it")
            return 0
    segmenter(options)  # a model that is not there is the command's failure
    if args.dry_run:
        from leafwood.cli.dry_run import show_forecast

        waiting = {source: target for source, target in jobs.items() if args.overwrite or not target.exists()}
        show_forecast(waiting, known, options, args.workers)
        return 0
    folder, several = run_folder(jobs, args.output), len(jobs) > 1 or args.part is not None
    if several or args.resume:
        with open_manifest(folder, args.part, alone=several) as manifest:
            return _label(jobs, known, options, args, manifest, several=several)
    return _label(jobs, known, options, args, Manifest(folder, None, []), several=False)


def _label(
    jobs: dict[Path, Path],
    known: list[Path],
    options: LabelOptions,
    args: argparse.Namespace,
    manifest: Manifest,
    *,
    several: bool,
) -> int:
    """Label what is to be labelled, and say what came of it; the exit status."""
    from leafwood.batch.leftovers import clear_leftovers
    from leafwood.batch.pages import write_pages_of_all
    from leafwood.batch.plan import note_failed
    from leafwood.batch.resume import ToDo, settings_of, to_do
    from leafwood.cli.messages import say
    from leafwood.cli.progress import JsonLog, overall
    from leafwood.cli.summary import Summary

    started = time.perf_counter()
    todo, settings = ToDo(making=jobs), settings_of(jobs, known, options)
    if (args.resume or several) and not args.overwrite:
        # of many files those that are labelled are there already; of an only one that is a refusal, unless asked for
        todo = to_do(jobs, options, manifest, settings, again=args.resume)
    log = JsonLog(args.log_json)
    for target in todo.making.values():
        if target != args.output:
            target.parent.mkdir(parents=True, exist_ok=True)
    clear_leftovers(target.parent for target in jobs.values())
    summary = Summary(jobs, stop=args.debug or not several)
    summary.skip(todo.there)
    with overall(len(jobs) - len(todo.there), quiet=args.quiet) as bar:
        for source, outcome in _all(known, todo, options, args, bar, manifest, settings):
            bar.advance()
            summary.take(source, outcome, bar.words())
            log.write(**summary.entry(source))
    log.write(event="end", seconds=round(time.perf_counter() - started, 3), **summary.numbers())
    summary.show(time.perf_counter() - started)
    if several:
        try:
            note_failed(summary.failed, jobs, args.output, args.part)
            if args.report and args.part is None:
                print(write_pages_of_all(jobs, summary.failures, args.output))
        except OSError as error:
            say(error)
    return summary.status()


def _all(
    known: list[Path],
    todo: ToDo,
    options: LabelOptions,
    args: argparse.Namespace,
    bar: Overall,
    manifest: Manifest,
    settings: dict[Path, Settings],
) -> Iterator[Outcome]:
    """All files that are not there already, with what came of each, as it comes."""
    from leafwood.batch.resume import noted

    yield from todo.refused.items()
    making = dataclasses.replace(options, resume=False, overwrite=args.overwrite or args.resume)
    yield from noted(_outcomes(todo.making, known, making, args, bar), todo.making, options, manifest, settings)
    yield from _outcomes(todo.adding, known, dataclasses.replace(options, resume=True), args, bar)


def _outcomes(
    waiting: dict[Path, Path],
    known: list[Path],
    options: LabelOptions,
    args: argparse.Namespace,
    bar: Overall,
) -> Iterator[Outcome]:
    """Files with what came of each, as it comes; `known` are all of the list, which may touch them."""
    from leafwood.batch.units import label_unit, units_of

    if waiting and (args.workers or args.scheduler):
        from leafwood.batch.cluster import label_side_by_side

        yield from label_side_by_side(
            waiting, options, workers=args.workers, scheduler=args.scheduler, known=known, show=bar.show
        )
    elif len(waiting) > 1 and not args.debug:
        from leafwood.batch.guarded import label_in_turn

        yield from label_in_turn(waiting, options, bar.show, known)
    else:
        for unit in units_of(waiting, options, known):
            yield from label_unit(unit, options, partial(bar.show, next(iter(unit.jobs))))
