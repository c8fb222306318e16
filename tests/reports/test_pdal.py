"""What leafwood writes, read by PDAL where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest

pytestmark = [
    pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning"),
    pytest.mark.skipif(shutil.which("pdal") is None, reason="PDAL is not installed"),
]


@pytest.mark.parametrize("name", ["01_several_extra_bytes_vlrs.laz", "22_duplicate_dims.las", "23_after_pdal.laz"])
def test_pdal_reads_the_labels(reports, tmp_path, labelled, name):
    done = labelled(reports / name, tmp_path)
    text = subprocess.run(["pdal", "info", "--stats", str(done.target)], capture_output=True, text=True, check=True)
    found = {row["name"]: row for row in json.loads(text.stdout)["stats"]["statistic"]}
    codes = done.result.columns["leafwood"]
    assert (found["leafwood"]["minimum"], found["leafwood"]["maximum"]) == (codes.min(), codes.max())
    assert found["wood_prob"]["average"] == pytest.approx(np.mean(done.again.columns["wood_prob"]), abs=1e-4)
