"""The same survey by this process, by workers of its own and by a cluster that runs already: the same bytes."""

import subprocess
import sys
import time

import pytest

from leafwood.batch.cluster import label_side_by_side
from leafwood.batch.one_file import LabelOptions
from leafwood.batch.survey.engine import label_survey
from leafwood.batch.workers import InTurn
from leafwood.memory import LEAST

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")]
OPTIONS = LabelOptions(memory=LEAST, threads=1)


def bytes_of(jobs, outcomes):
    for _, made in outcomes:
        assert not isinstance(made, Exception), made
    return [target.read_bytes() for target in jobs.values()]


@pytest.fixture
def scheduler(tmp_path):
    """The address of a scheduler with two workers, processes of their own that talk over the loopback device."""
    note = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    running = [subprocess.Popen([*command, "--no-dashboard", "--scheduler-file", str(note)], **quiet)]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(note), "--nthreads", "1"]
    running += [
        subprocess.Popen([*worker, "--no-dashboard", "--local-directory", str(tmp_path)], **quiet) for _ in "ab"
    ]
    try:
        from distributed import Client

        deadline = time.monotonic() + 120
        while not note.exists() and time.monotonic() < deadline:
            time.sleep(0.2)
        with Client(scheduler_file=str(note), timeout=60) as client:
            client.wait_for_workers(2, timeout=120)
            yield client.scheduler.address
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(timeout=30)


def test_the_same_bytes_whoever_labels(small_halves, tmp_path, scheduler):
    found = []
    for way in ("here", "one", "two", "cluster"):
        (tmp_path / way).mkdir()
        jobs = {half: tmp_path / way / half.name for half in small_halves}
        if way == "here":
            outcomes = label_survey(jobs, OPTIONS, InTurn())
        elif way == "cluster":
            outcomes = label_side_by_side(jobs, OPTIONS, scheduler=scheduler)
        else:
            outcomes = label_side_by_side(jobs, OPTIONS, workers=1 if way == "one" else 2)
        found.append(bytes_of(jobs, outcomes))
    assert all(other == found[0] for other in found[1:])
