"""What the tests of files share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leafwood.io.las.extra import describe_records
from leafwood.io.las.layout import Layout, read_layout
from leafwood.io.las.points import read_records


def _kept_vlrs(layout: Layout) -> list[tuple[bytes, bytes]]:
    ours = {("LASF_Spec", 4), ("laszip encoded", 22204)}
    return [(v.head, v.body) for v in layout.vlrs if v.key not in ours and v.user != "copc"]


def _evlr_bytes(layout: Layout) -> list[bytes]:
    data = layout.path.read_bytes()
    return [data[r.start : r.stop] for r in layout.evlrs if r.user != "copc"]


def assert_same_but_labels(source: Path, target: Path, codes: np.ndarray, prob: np.ndarray) -> None:
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
    x, y = (np.concatenate([np.empty((0, z.record_length), np.uint8), *read_records(z)]) for z in (a, b))
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
