"""What the tests of files share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leafwood.io.las.extra import ExtraDim, describe_records
from leafwood.io.las.layout import Layout, read_layout
from leafwood.io.las.points import read_records
from leafwood.io.las.relabel import relabel


def records_of(layout: Layout) -> np.ndarray:
    return np.concatenate([np.empty((0, layout.record_length), np.uint8), *read_records(layout)])


def random_labels(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 3, count).astype(np.uint8), rng.random(count).astype(np.float32)


def _kept_vlrs(layout: Layout) -> list[tuple[bytes, bytes]]:
    ours = {("LASF_Spec", 4), ("laszip encoded", 22204)}
    return [(v.head, v.body) for v in layout.vlrs if v.key not in ours and v.user != "copc"]


def _evlr_bytes(layout: Layout) -> list[bytes]:
    data = layout.path.read_bytes()
    return [data[r.start : r.stop] for r in layout.evlrs if r.user != "copc"]


def assert_same_but_labels(
    source: Path, target: Path, codes: np.ndarray, prob: np.ndarray, changed: bool = True
) -> None:
    """Header field by field, record by record, point by point; only what relabelling may change may differ."""
    a, b = read_layout(source), read_layout(target)
    # Everything up to the generating software, and from the date on, but for offsets, record counts and lengths.
    assert a.header[:58] == b.header[:58]
    assert a.header[90:96] == b.header[90:96]
    assert a.header[107:227] == b.header[107:227]
    assert b"leafwood" in b.header[58:90]
    assert a.header[247:] == b.header[247:]
    assert (a.point_format, a.count, a.gap) == (b.point_format, b.count, b.gap)
    assert _kept_vlrs(a) == _kept_vlrs(b)
    assert _evlr_bytes(a) == _evlr_bytes(b)
    x, y = records_of(a), records_of(b)
    if changed and a.point_format >= 6:
        free = np.isin(x[:, 16], [0, 1, 3, 4, 5]) & (codes > 0)
        assert (y[free, 16] == np.where(codes[free] == 1, 65, 64)).all()
        assert (y[~free, 16] == x[~free, 16]).all()
        y[:, 16] = x[:, 16]
    assert (y[:, : x.shape[1]] == x).all()
    old, new = describe_records(a)[0], describe_records(b)[0]
    assert [d.raw for d in new[: len(old)]] == [d.raw for d in old]
    assert [d.name for d in new[len(old) :]] == ["leafwood", "wood_prob"]
    assert (new[-2].values(y) == codes).all()
    assert len(y) == 0 or np.abs(new[-1].values(y) - prob).max() <= 0.5e-4 + 1e-9
    if a.waveform_start and a.waveform:
        tail_a, tail_b = a.path.read_bytes(), b.path.read_bytes()
        size = a.waveform[1] - a.waveform[0]
        assert tail_b[b.waveform_start : b.waveform_start + size] == tail_a[a.waveform[0] : a.waveform[1]]


@pytest.fixture(scope="session")
def same_but_labels() -> Callable[..., None]:
    return assert_same_but_labels


@pytest.fixture(scope="session")
def labels() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    return random_labels


@pytest.fixture(scope="session")
def records() -> Callable[[Layout], np.ndarray]:
    return records_of


@pytest.fixture
def las_file(tmp_path: Path, build_las: Callable[..., bytes]) -> Callable[..., Path]:
    """Writes a built LAS file and gives its path."""

    def make(name: str = "in.las", **choices: object) -> Path:
        path = tmp_path / name
        path.write_bytes(build_las(**choices))
        return path

    return make


@pytest.fixture
def laz_file(tmp_path: Path, las_file: Callable[..., Path]) -> Callable[..., Path]:
    """The same as LAZ; it carries labels already, as leafwood is what compresses it."""

    def make(name: str = "in.laz", **choices: object) -> Path:
        plain = las_file(f"{name}.las", **choices)
        count = read_layout(plain).count
        relabel(plain, tmp_path / name, *random_labels(count))
        return tmp_path / name

    return make


@pytest.fixture(scope="session")
def descriptor() -> Callable[..., bytes]:
    """The 192 bytes of an extra dimension."""

    def make(name: str, dtype: str = "<u2", scale: float | None = None) -> bytes:
        return ExtraDim.new(name, dtype, "a test's", 0, scale).raw

    return make
