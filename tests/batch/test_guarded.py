"""A scan that ends its process is one failed scan, without workers too."""

import multiprocessing
import os
import signal
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from leafwood.batch.guarded import label_in_turn
from leafwood.batch.one_file import LabelOptions, label_file
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
