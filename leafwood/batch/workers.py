"""Who does the work: this process, one task after the other, or the workers of a Dask cluster, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from leafwood.errors import FileProblem

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["TRIES", "Ended", "InTurn", "OnDask", "Workers"]

TRIES = 2  # of a task that ends its process
_LOOK = 5.0  # s between two looks at whether there are workers at all
_PATIENCE = 120.0  # s without a worker after which none is waited for; a busy machine takes long to start one

Task = TypeVar("Task")


class Ended(FileProblem):
    """A task ended the process that did it."""


class Workers(Protocol):
    """What does tasks."""

    def share(self, value: Any) -> Any:
        """What stands for a value that many tasks need; it is sent once to each worker."""

    def each(
        self, function: Callable[..., Any], tasks: Iterable[Task], *shared: Any
    ) -> Iterator[tuple[Task, Any | Exception]]:
        """Do ``function(*shared, task)`` for each task.

        Yields:
            A task and what came of it, in the order they end; its exception where it failed, and :class:`Ended` where
            it ended its process.
        """


class InTurn:
    """Does tasks here, one after the other."""

    def share(self, value: Any) -> Any:
        """The value itself."""
        return value

    def each(
        self, function: Callable[..., Any], tasks: Iterable[Task], *shared: Any
    ) -> Iterator[tuple[Task, Any | Exception]]:
        """See :class:`Workers`."""
        for task in tasks:
            try:
                yield task, function(*shared, task)
            except Exception as error:
                yield task, error


class OnDask:
    """Has tasks done by the workers of a cluster.

    There are never more tasks under way than the workers have threads: thousands do not fill the scheduler, and what
    waits beside a task that ends its process is not found guilty, too.

    Args:
        client: connected to the scheduler.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def share(self, value: Any) -> Any:
        """See :class:`Workers`; the value goes to one worker, and from there once to each that needs it."""
        return self._client.scatter(value, hash=False)

    def each(
        self, function: Callable[..., Any], tasks: Iterable[Task], *shared: Any
    ) -> Iterator[tuple[Task, Any | Exception]]:
        """See :class:`Workers`."""
        from distributed import TimeoutError, wait
        from distributed.scheduler import KilledWorker

        waiting, running, alone = iter(tasks), dict[Any, Task](), 0.0

        def fill() -> None:
            free = max(1, sum(self._client.nthreads().values())) - len(running)
            for _, task in zip(range(free), waiting, strict=False):
                running[self._client.submit(function, *shared, task, pure=False)] = task

        fill()
        while running:
            try:
                done = wait(list(running), timeout=_LOOK, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                alone = 0.0 if self._client.nthreads() else alone + _LOOK
                if alone < _PATIENCE:
                    continue
                for task in (*running.values(), *waiting):
                    yield task, FileProblem("no worker is left to label it")
                return
            for future in done:
                task, failure = running.pop(future), future.exception()
                if isinstance(failure, KilledWorker):
                    failure = Ended(f"ended its process, {TRIES} times; is there memory enough for it?")
                outcome = failure if failure is not None else future.result()
                fill()
                yield task, outcome
