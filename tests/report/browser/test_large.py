"""The largest page that is written: small enough to send, and soon on the screen."""

import numpy as np
import psutil
import pytest

from leafwood.cloud import PointCloud
from leafwood.report.browser import DRAWN, FIRST
from leafwood.report.provenance import Provenance
from leafwood.report.scene import MOST
from leafwood.report.single import write_report

pytestmark = pytest.mark.browser
SECONDS = 3.0
TRIES = 4


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A million points all over the place, which compress worse than a forest, with all that can be coloured."""
    rng = np.random.default_rng(0)
    n = 1_000_000
    xyz = rng.random((n, 3)) * [100, 100, 30]
    xyz[: n // 10, 2] = 0
    label = np.where(xyz[:, 2] == 0, 0, np.where(rng.random(n) < 0.2, 2, 1))
    columns = {
        "leafwood": label.astype(np.uint16),
        "wood_prob": np.where(label > 0, rng.random(n), 0).astype(np.float32),
        "height_ag": xyz[:, 2].astype(np.float32),
        "classification": rng.integers(1, 7, n).astype(np.uint8),
        "intensity": rng.integers(0, 60_000, n).astype(np.uint16),
    }
    target = tmp_path_factory.mktemp("large") / "large_report.html"
    write_report(PointCloud.from_xyz(xyz, columns), target, Provenance(source=target, sha256="0" * 64))
    return target


def test_it_can_be_sent(large):
    assert large.stat().st_size < 15e6
    assert f"{MOST:,} of 1,000,000 points are shown" in large.read_text()


def processor_seconds(browser):
    """What the browser has taken of the processors so far."""
    driver = psutil.Process(browser.driver.service.process.pid)
    return sum(sum(process.cpu_times()[:2]) for process in driver.children(recursive=True))


def test_it_is_drawn_in_time(browser, large):
    """From the opening of the file until the first picture is there, without a graphics card; then all points are.

    Where other programs need the processors, the time counts that the browser has had of them: it takes no longer than
    that on a quiet machine.
    """
    best = np.inf
    for _ in range(TRIES):
        before = processor_seconds(browser)
        browser.open(large)
        shown = float(browser.wait(FIRST)) / 1000
        best = min(best, shown, processor_seconds(browser) - before)
        if best < SECONDS:
            break
    assert best < SECONDS
    browser.wait(DRAWN)
    picture = browser.canvas()
    assert np.mean(np.abs(picture - picture[30, -30]).max(axis=-1) > 0.05) > 0.1
    assert browser.errors() == []
