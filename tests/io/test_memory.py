"""Relabelling takes the same memory whatever the file's size."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

PROBE = """
import re, sys, warnings
import numpy as np
from leafwood.io.las.relabel import relabel
warnings.simplefilter("ignore")
source, target, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
codes, prob = np.ones(count, np.uint8), np.zeros(count, np.float32)
relabel(source, target, codes, prob)
# Not getrusage: that counts what the process which started this one held.
print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024)
"""


@pytest.mark.parametrize("suffix", [".las", ".laz"])
def test_three_million_points_take_little_more_than_one(tmp_path, build_las, suffix):
    peaks = []
    for millions in (1, 3):
        count = millions * 1_000_000
        records = np.zeros((count, 30), np.uint8)
        records[:, :12] = np.random.default_rng(0).integers(0, 50_000, (count, 3)).astype("<i4").view(np.uint8)
        source = tmp_path / f"{millions}.las"
        source.write_bytes(build_las(records=records))
        del records
        command = [sys.executable, "-c", PROBE, str(source), str(tmp_path / f"out{millions}{suffix}"), str(count)]
        peaks.append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    # 2 M more points are 60 MB of records read and 68 MB written; their labels, which the caller holds, are 10 MB.
    assert peaks[1] - peaks[0] < 40
    assert peaks[1] < 400
