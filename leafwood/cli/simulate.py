"""`leafwood simulate`: fly virtual surveys with exact labels."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from leafwood.cli.options import add_overrides
from leafwood.errors import BadConfig, LeafwoodError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from leafwood.simulate.surveys.production import Task

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument(
        "config",
        nargs="+",
        metavar="CONFIG",
        help="YAML file of a survey, or a shipped one's name, such as conifer",
    )
    parser.add_argument("-o", "--output", type=Path, default=Path(), metavar="DIR", help="folder to write to")
    parser.add_argument("--stands", type=int, metavar="N", help="stands of each survey, instead of the file's")
    parser.add_argument("--seed", type=int, metavar="S", help="seed, instead of the file's")
    parser.add_argument("--workers", type=int, default=1, metavar="W", help="stands made at the same time")
    parser.add_argument("--overwrite", action="store_true", help="make stands again that are there already")
    add_overrides(parser, "plot=20 or flight.density=300")
    parser.add_argument(
        "--from-trees",
        nargs="+",
        type=Path,
        default=[],
        metavar="LABELLED",
        help="labelled dense clouds of single trees to plant in place of grown ones",
    )


def run(args: argparse.Namespace) -> int:
    """Make every stand that is not there yet.

    Returns:
        0 all done, 1 some stand failed.
    """
    from leafwood.shipped import config_file

    if args.workers < 1:
        raise BadConfig("--workers must be at least 1")
    wanted = [task for word in args.config for task in _tasks(config_file(word, "simulate"), args)]
    if len({task.path for task in wanted}) < len(wanted):
        raise BadConfig("two of the surveys have the same file name: their stands would overwrite each other")
    waiting = [task for task in wanted if args.overwrite or not task.done()]
    from rich.console import Console

    from leafwood.cli.messages import say

    console = Console(stderr=True, markup=False)
    if len(waiting) < len(wanted):
        console.print(f"{len(wanted) - len(waiting)} of {len(wanted)} stands are there already")
    failed = _make(waiting, args.workers, console.is_terminal)
    for task, error in failed:
        say(error if str(task.path) in str(error) else f"{task.path}: {error}")
    return 1 if failed else 0


def _tasks(path: Path, args: argparse.Namespace) -> list[Task]:
    from leafwood.config import load
    from leafwood.simulate.surveys.production import tasks
    from leafwood.simulate.surveys.survey import SurveyConfig

    config = load(path, SurveyConfig, args.overrides)
    if args.stands is not None:
        config = dataclasses.replace(config, stands=args.stands)
    if args.seed is not None:
        config = dataclasses.replace(config, seed=args.seed)
    return tasks(config, path.stem, args.output, tuple(args.from_trees))


def _make(waiting: list[Task], workers: int, terminal: bool) -> list[tuple[Task, LeafwoodError]]:
    """Make stands, with a progress bar on a terminal and a line per stand in either case."""
    from rich.console import Console
    from rich.progress import Progress

    failed: list[tuple[Task, LeafwoodError]] = []
    with Progress(console=Console(stderr=True), transient=True, disable=not terminal) as bar:
        all_stands = bar.add_task("stands", total=len(waiting))
        made = _in_turn(waiting, bar) if workers == 1 else _side_by_side(waiting, workers)
        for task, outcome in made:
            if isinstance(outcome, LeafwoodError):
                failed.append((task, outcome))
            else:
                bar.console.print(f"{task.path}: {outcome:,} points", highlight=False, markup=False, soft_wrap=True)
            bar.advance(all_stands)
    return failed


def _in_turn(waiting: list[Task], bar: Progress) -> Iterator[tuple[Task, int | LeafwoodError]]:
    from leafwood.simulate.surveys.production import produce

    for task in waiting:
        row = bar.add_task(task.path.stem, total=1.0)
        try:
            yield task, produce(task, partial(_advance, bar, row))
        except LeafwoodError as error:
            yield task, error
        bar.remove_task(row)


def _advance(bar: Progress, row: TaskID, share: float) -> None:
    bar.update(row, completed=share)


def _side_by_side(waiting: list[Task], workers: int) -> Iterator[tuple[Task, int | LeafwoodError]]:
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    from leafwood.simulate.surveys.production import produce
    from leafwood.threads import cpu_count

    threads = max(1, cpu_count() // workers)
    # spawned: the threads of the ray casting do not survive a fork
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(produce, task, threads=threads): task for task in waiting}
        for future in as_completed(running):
            error = future.exception()
            if error is not None and not isinstance(error, LeafwoodError):
                raise error
            yield running[future], error if error is not None else future.result()
