"""Figures of a run: rows of a CSV file, and event files that TensorBoard reads."""

import csv
import sys

import pytest

from leafwood.errors import MissingExtra
from leafwood.train.run_log import csv_log, event_log

ROWS = ({"step": 10, "loss": 0.7, "auroc": 0.8}, {"step": 20, "loss": 0.5, "auroc": 0.9})


def test_the_csv_file_has_one_header_however_often_it_is_opened(tmp_path):
    for row in ROWS:
        csv_log(tmp_path / "log.csv")(row)
    with (tmp_path / "log.csv").open() as file:
        assert [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)] == list(ROWS)


def test_tensorboard_reads_what_is_written(tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = event_log(tmp_path / "tensorboard")
    for row in ROWS:
        log(row)
    found = events.EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert sorted(found.Tags()["scalars"]) == ["auroc", "loss"]
    seen = [(event.step, pytest.approx(event.value)) for event in found.Scalars("auroc")]
    assert seen == [(10, 0.8), (20, 0.9)]


def test_a_missing_extra_is_a_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingExtra, match=r'pip install "leafwood\[tensorboard\]"'):
        event_log(tmp_path)
