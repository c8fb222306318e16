"""Small scans of the samples, for what labels many at once."""

from __future__ import annotations

from pathlib import Path

import laspy
import numpy as np
import pytest

SAMPLE = Path(__file__).resolve().parents[2] / "data_samples" / "single_tree.laz"


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Three small scans, of which b has no CRS and d is a copy of a, and a damaged one, c."""
    folder = tmp_path_factory.mktemp("scans")
    las = laspy.read(SAMPLE)
    las.points = las.points[np.arange(0, len(las), 20)]
    las.write(folder / "a.laz")
    las.vlrs.clear()
    las.write(folder / "b.laz")
    (folder / "c.laz").write_bytes(SAMPLE.read_bytes()[:5000])
    (folder / "d.laz").write_bytes((folder / "a.laz").read_bytes())
    return folder
