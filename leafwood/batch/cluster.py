"""Scans side by side: on the processors of this machine, or on those of a Dask cluster."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leafwood._version import __version__
from leafwood.batch.one_file import Labelled, LabelOptions, is_labelled, label_file, outputs
from leafwood.errors import BadConfig, FileProblem, FileWarning, require
from leafwood.io.remote import url_of
from leafwood.io.target import check_target
from leafwood.threads import cpu_count

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["label_side_by_side"]

_TRIES = 2  # of a scan that ends its process
_LOOK = 5.0  # s between two looks at whether there are workers at all
_PATIENCE = 120.0  # s without a worker after which none is waited for; a busy machine takes long to start one


def label_side_by_side(
    jobs: Mapping[Path, Path], options: LabelOptions, *, workers: int = 0, scheduler: str | None = None
) -> Iterator[tuple[Path, Labelled | Exception]]:
    """Label scans in several processes; one that ends its process (out of memory, say) does not stop the others.

    Args:
        jobs: scan -> labelled file to be.
        options: how. Without `threads` the processors are shared among the workers; on a cluster each scan has one.
        workers: processes to start on this machine, when there is no scheduler.
        scheduler: address of a running Dask scheduler, whose workers have leafwood and see the same files.

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
    options = replace(options, threads=threads, overwrite=True)
    if scheduler and (model := Path(options.model)).is_file():
        options = replace(options, model=str(model.absolute()))
    with _client(workers, threads, scheduler) as client:
        yield from _outcomes(client, ready, options, absolute=scheduler is not None)


def _outcomes(
    client: Client, jobs: dict[Path, Path], options: LabelOptions, *, absolute: bool
) -> Iterator[tuple[Path, Labelled | Exception]]:
    """Keep the workers busy, and give what comes of the scans as it comes."""
    from distributed import TimeoutError, wait
    from distributed.scheduler import KilledWorker

    waiting, running, alone = list(jobs), dict[Any, Path](), 0.0

    def fill() -> None:
        # a scan for each thread and no more: what waits beside one that ends its process would be found guilty, too
        while waiting and len(running) < max(1, sum(client.nthreads().values())):
            source = waiting.pop(0)
            path = source.absolute() if absolute and url_of(source) is None else source
            running[client.submit(_label, path, jobs[source], options, pure=False)] = source

    fill()
    while running:
        try:
            done = wait(list(running), timeout=_LOOK, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            alone = 0.0 if client.nthreads() else alone + _LOOK
            if alone < _PATIENCE:
                continue
            for source in (*running.values(), *waiting):
                yield source, FileProblem(f"{source}: no worker is left to label it")
            return
        for future in done:
            source, failure = running.pop(future), future.exception()
            if isinstance(failure, KilledWorker):
                failure = FileProblem(f"{source}: ended its process, {_TRIES} times; is there memory enough for it?")
            outcome, said = (failure, []) if failure is not None else future.result()
            fill()
            for text in said:
                warnings.warn(text, FileWarning, stacklevel=2)
            yield source, outcome


def _label(source: Path, target: Path, options: LabelOptions) -> tuple[Labelled | Exception, list[str]]:
    """What comes of a scan, and the warnings, which are to be shown where the user is."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FileWarning)
        try:
            outcome: Labelled | Exception = label_file(source, target, options)
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
        "distributed.scheduler.allowed-failures": _TRIES - 1,
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
