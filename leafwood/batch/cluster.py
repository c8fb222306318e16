"""Scans side by side: on the processors of this machine, or on those of a Dask cluster."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from leafwood._version import __version__
from leafwood.batch.one_file import Labelled, LabelOptions, is_labelled, label_file, outputs
from leafwood.batch.units import label_unit, units_of
from leafwood.batch.workers import TRIES, Ended, OnDask
from leafwood.errors import BadConfig, FileProblem, FileWarning, require
from leafwood.io.remote import url_of
from leafwood.io.target import check_target
from leafwood.memory import default_memory
from leafwood.threads import cpu_count

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["label_side_by_side"]

Show = Callable[[Path, int, int], None]
_NAMELESS = (Ended, FileProblem)  # what workers say does not name the scan


def label_side_by_side(
    jobs: Mapping[Path, Path],
    options: LabelOptions,
    *,
    workers: int = 0,
    scheduler: str | None = None,
    known: Collection[Path] = (),
    show: Show = lambda scan, done, total: None,
) -> Iterator[tuple[Path, Labelled | Exception]]:
    """Label scans in several processes; one that ends its process (out of memory, say) does not stop the others.

    Scans that fit into memory are labelled side by side; of surveys, and of scans that do not, it is the tiles.

    Args:
        jobs: scan -> labelled file to be.
        options: how. Without `threads` the processors are shared among the workers; on a cluster each scan has one.
        workers: processes to start on this machine, when there is no scheduler.
        scheduler: address of a running Dask scheduler, whose workers have leafwood and see the same files.
        known: all scans of the run, those that are labelled already among them.
        show: called with a scan of a survey, the points done and the points to do after each tile.

    Yields:
        A scan and what came of it, in the order they end.

    Raises:
        MissingExtra: Dask is not installed.
        BadConfig: nobody answers at the address.
    """
    require("distributed", "labelling with `workers` or a `scheduler`")
    threads = options.threads or (1 if scheduler else max(1, cpu_count() // workers))
    ready: dict[Path, Path] = {}
    for source, target in jobs.items():
        try:
            there = options.resume and is_labelled(source, target)
            for file in outputs(target, options)[there:]:
                check_target(file, source, options.overwrite)
        except FileProblem as error:
            yield source, error
        else:
            ready[source] = target.absolute() if scheduler else target
    # a process that ends before it could say what it did leaves its output, and the scan is labelled again
    memory = options.memory or (default_memory() if scheduler else default_memory(workers))
    options = replace(options, threads=threads, overwrite=True, memory=memory)
    if scheduler and (model := Path(options.model)).is_file():
        options = replace(options, model=str(model.absolute()))
    with _client(workers, threads, scheduler) as client:
        yield from _outcomes(client, ready, options, absolute=scheduler is not None, known=known, show=show)


def _outcomes(
    client: Client,
    jobs: Mapping[Path, Path],
    options: LabelOptions,
    *,
    absolute: bool,
    known: Collection[Path] = (),
    show: Show = lambda scan, done, total: None,
) -> Iterator[tuple[Path, Labelled | Exception]]:
    """Keep the workers busy with scans that fit into memory, and then with the tiles of one survey after the other."""
    hands = OnDask(client)
    names = {path.absolute() if absolute and url_of(path) is None else path: path for path in (*jobs, *known)}
    units = units_of({path: jobs[name] for path, name in names.items() if name in jobs}, options, list(names))
    alone = [job for unit in units if not unit.tiled for job in unit.jobs.items()]
    for (path, _), outcome in hands.each(_label, alone, options):
        if isinstance(outcome, Exception):
            yield names[path], FileProblem(f"{names[path]}: {outcome}") if type(outcome) in _NAMELESS else outcome
            continue
        made, said = outcome
        for text in said:
            warnings.warn(text, FileWarning, stacklevel=2)
        yield names[path], made
    for unit in units:
        if unit.tiled:
            progress = partial(show, names[next(iter(unit.jobs))])
            yield from ((names[path], made) for path, made in label_unit(unit, options, progress, hands))


def _label(options: LabelOptions, job: tuple[Path, Path]) -> tuple[Labelled | Exception, list[str]]:
    """What comes of a scan, and the warnings, which are to be shown where the user is."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FileWarning)
        try:
            outcome: Labelled | Exception = label_file(*job, options)
        except Exception as error:
            outcome = error
    return outcome, [str(item.message) for item in caught if issubclass(item.category, FileWarning)]


@contextmanager
def _client(workers: int, threads: int, scheduler: str | None) -> Iterator[Client]:
    """A connection to the scheduler, or to one of our own with its workers."""
    import dask
    from distributed import Client, LocalCluster

    if scheduler:
        try:
            client = Client(scheduler, timeout=5)
        except (OSError, ValueError) as error:
            raise BadConfig(f"`scheduler` {scheduler}: no Dask scheduler answers there") from error
        with client:
            _check_workers(client, scheduler)
            yield client
        return
    settings = {
        "distributed.scheduler.allowed-failures": TRIES - 1,
        # Dask's own has MALLOC_TRIM_THRESHOLD_, which gives larger blocks of memory back at once: a third of the speed
        "distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": threads},
        "distributed.worker.preload": [__name__],
    }
    with dask.config.set(settings), ExitStack() as opened:
        try:
            cluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, memory_limit=None, dashboard_address=None, silence_logs=50
            )
            opened.enter_context(cluster)
            client = opened.enter_context(Client(cluster))
        except (RuntimeError, OSError) as error:
            text = f"`workers` cannot be started ({error}); they need a temporary folder to write to (TMPDIR)"
            raise FileProblem(text) from error
        yield client


def dask_setup(_worker: object) -> None:
    """Leave a Ctrl-C, which the terminal sends to every process, to the one that the user started; Dask calls this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _check_workers(client: Client, scheduler: str) -> None:
    """Refuse a cluster that would wait for ever, or label as another version does."""
    try:
        versions = set(client.run(_version).values())
    except Exception as error:
        raise BadConfig(f"`scheduler` {scheduler}: its workers cannot load leafwood ({error})") from error
    if versions != {__version__}:
        found = ", ".join(sorted(versions)) or "no workers"
        raise BadConfig(f"`scheduler` {scheduler}: this is leafwood {__version__}, there it has {found}")


def _version() -> str:
    return __version__
