"""A scan that ends its process is one failed scan, without workers too."""

import multiprocessing
import os
import signal
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from leafwood.batch import guarded
from leafwood.batch.guarded import label_in_turn
from leafwood.batch.one_file import LabelOptions, label_file
from leafwood.batch.units import Unit
from leafwood.errors import BadFile, FileProblem, FileWarning

ROOT = Path(__file__).resolve().parents[2]


class Deadly(type(Path())):
    """A path whose use ends the process that uses it, as a fault in a native library does."""

    def is_dir(self):
        if multiprocessing.parent_process() is not None:
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().is_dir()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_the_others_are_labelled(scans, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT)  # where the process beside finds the path's class
    (tmp_path / "deadly").mkdir()
    jobs = {scans / "a.laz": tmp_path / "a.laz", scans / "d.laz": Deadly(tmp_path / "deadly" / "d.laz")}
    jobs |= {scans / "c.laz": tmp_path / "c.laz", scans / "b.laz": tmp_path / "b.laz"}
    seen = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = list(
            label_in_turn(jobs, LabelOptions(), lambda scan, done, total: seen.append((scan.name, done == total)))
        )
    names = [type(outcome) for _, outcome in found]
    assert names[1] is FileProblem
    assert "SIGSEGV" in str(found[1][1])
    assert names[2] is BadFile
    alone = label_file(scans / "a.laz", tmp_path / "alone.laz", LabelOptions())
    assert (tmp_path / "alone.laz").read_bytes() == (tmp_path / "a.laz").read_bytes()
    np.testing.assert_array_equal(found[0][1].counts, alone.counts)
    assert found[3][1].counts.sum() == alone.counts.sum()
    assert any("CRS" in str(item.message) for item in caught if issubclass(item.category, FileWarning))
    assert ("a.laz", True) in seen


def test_a_survey_that_ends_its_process_is_tried_again_with_less_memory(tmp_path, monkeypatch):
    asked = []

    class Frail:
        process = type("Process", (), {"pid": -1})

        def __init__(self, options):
            self.memory = options.memory
            asked.append(options.memory)

        def label(self, unit, show):
            if len(asked) > 1:
                yield from ((source, "labelled") for source in unit.jobs)

        def ending(self):
            return "ended"

        def stop(self):
            pass

    jobs = {tmp_path / name: tmp_path / f"out_{name}" for name in ("a.laz", "b.laz")}
    monkeypatch.setattr(guarded, "_Beside", Frail)
    monkeypatch.setattr(guarded, "units_of", lambda *_: [Unit(jobs, tiled=True)])
    found = dict(label_in_turn(jobs, LabelOptions(memory=4 * 10**9)))
    assert asked == [4 * 10**9, 2 * 10**9]
    assert list(found.values()) == ["labelled", "labelled"]
