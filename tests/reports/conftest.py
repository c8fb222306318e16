"""What the tests of reported files share: labelling without a network, and PDAL's rule for Extra Bytes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from leafwood.cloud import PointCloud
from leafwood.errors import FileWarning
from leafwood.inference.labelling import label_cloud
from leafwood.io.las.extra import EXTRA_BYTES, ExtraDim
from leafwood.io.las.layout import read_layout
from leafwood.io.loaders import default_output, read, write


class Outcome(NamedTuple):
    """A file labelled all wood, read again, and what was said on the way."""

    result: PointCloud
    again: PointCloud
    target: Path
    said: str


def label(source: Path, folder: Path, **options: object) -> Outcome:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FileWarning)
        result = label_cloud(
            read(source), lambda xyz, height, returns: np.full(len(xyz), 0.9, dtype=np.float32), "balanced"
        )[0]
        target = folder / default_output(source).name
        write(result, target, **options)
        again = read(target)
    assert np.array_equal(again.columns["leafwood"], result.columns["leafwood"])
    assert np.allclose(again.columns["wood_prob"], result.columns["wood_prob"], atol=1e-4)
    return Outcome(result, again, target, "\n".join(str(item.message) for item in caught))


def one_record_of_descriptors(path: Path) -> list[str]:
    """Names in the one Extra Bytes record of a file, whose sizes add up to the bytes beyond the point format."""
    layout = read_layout(path)
    bodies = [vlr.body for vlr in layout.vlrs if vlr.key == EXTRA_BYTES]
    assert len(bodies) == 1
    dims = [ExtraDim(bodies[0][at : at + 192], 0) for at in range(0, len(bodies[0]), 192)]
    assert sum(dim.size for dim in dims) == layout.record_length - layout.base_length
    assert all(len(dim.raw[160:192].split(b"\0", 1)[0]) <= 31 for dim in dims[-2:])
    return [dim.name for dim in dims]


@pytest.fixture(scope="session")
def labelled() -> Callable[..., Outcome]:
    return label


@pytest.fixture(scope="session")
def descriptors() -> Callable[[Path], list[str]]:
    return one_record_of_descriptors


@pytest.fixture(scope="session")
def reports(shared_data: Path) -> Path:
    folder = shared_data / "reports"
    if not folder.is_dir():
        pytest.skip(f"no reported files at {folder}")
    return folder
