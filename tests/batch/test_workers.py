"""Tasks are done once, by whoever is there, and never more of them are under way than there are hands."""

import os
import time
from collections import Counter
from pathlib import Path

import pytest

from leafwood.batch.workers import Ended, InTurn, OnDask

ROOT = Path(__file__).resolve().parents[2]


class Counted:
    """A value that notes each time that it is unpacked."""

    def __init__(self, note):
        self.note = note

    def __setstate__(self, state):
        self.__dict__ = state
        with Path(self.note).open("a") as stream:
            stream.write(f"{os.getpid()}\n")


def doubled(shared, task):
    time.sleep(0.01)
    return 2 * task


def deadly(shared, task):
    if task == 3:
        os._exit(1)
    return task


def failing(task):
    if task == 1:
        raise ValueError("no such task")
    return task


@pytest.fixture
def client(monkeypatch):
    import dask
    from distributed import Client, LocalCluster

    monkeypatch.syspath_prepend(ROOT)  # a spawned worker takes over this process's path, and finds this file on it
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,
        Client(cluster) as client,
    ):
        yield client


def test_a_failure_is_an_outcome_and_the_others_go_on():
    found = dict(InTurn().each(failing, range(3)))
    assert found[0] == 0
    assert isinstance(found[1], ValueError)
    assert found[2] == 2


def test_tasks_wait_until_there_are_hands_and_what_they_share_is_sent_once(client, tmp_path):
    hands, note = OnDask(client), tmp_path / "note"
    drawn, done = 0, 0

    def tasks():
        nonlocal drawn
        for task in range(200):
            drawn += 1
            assert drawn - done <= 3, "more tasks are under way than there are hands"
            yield task

    shared = hands.share(Counted(str(note)))
    for task, outcome in hands.each(doubled, tasks(), shared):
        done += 1
        assert outcome == 2 * task
    assert done == 200
    unpacked = Counter(note.read_text().split())
    assert len(unpacked) <= 3  # the workers, and the process that has sent it
    assert max(unpacked.values()) <= 4  # when it comes and when it is passed on, and not for each of 200 tasks


def test_a_task_that_ends_its_process_is_said_and_the_others_are_done(client):
    found = dict(OnDask(client).each(deadly, range(6), "shared"))
    assert isinstance(found[3], Ended)
    assert [found[n] for n in (0, 1, 2, 4, 5)] == [0, 1, 2, 4, 5]
