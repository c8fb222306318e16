"""Fingers on a phone: one turns, two zoom, a tap asks what a point is, and the page scrolls beside the view."""

import numpy as np
import pytest

from leafwood.report.browser import DRAWN, PHONE
from leafwood.report.provenance import Provenance
from leafwood.report.single import write_report

pytestmark = pytest.mark.browser


class Fingers:
    """Fingers on the screen of a browser."""

    def __init__(self, page):
        self.page = page

    def touch(self, kind, *places):
        points = [{"x": float(x), "y": float(y), "id": number} for number, (x, y) in enumerate(places)]
        event = {"type": f"touch{kind}", "touchPoints": points}
        self.page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", event)

    def draw(self, *paths, steps=6):
        """Put a finger on the begin of each path and move all of them to the ends at once."""
        begins, ends = (np.array([path[i] for path in paths], dtype=float) for i in (0, 1))
        self.touch("Start", *begins)
        for share in np.linspace(0, 1, steps + 1)[1:]:
            self.touch("Move", *(begins + share * (ends - begins)))
        self.touch("End")


@pytest.fixture
def phone(browser, cloud, tmp_path):
    target = tmp_path / "scan_report.html"
    write_report(cloud, target, Provenance(source=target, sha256="0" * 64))
    browser.open(target, PHONE)
    browser.wait(DRAWN)
    browser.driver.execute_script("document.querySelector('canvas').scrollIntoView({block: 'center'})")
    return browser


def middle(page):
    box = page.run("(b => [b.x, b.y, b.width, b.height])(document.querySelector('canvas').getBoundingClientRect())")
    return np.array([box[0] + box[2] / 2, box[1] + box[3] / 2])


def change(before, after):
    return float(np.mean(np.abs(before - after).max(axis=-1) > 0.05))


def drawn_share(picture):
    """Share of the pixels that are not sky."""
    return change(np.broadcast_to(picture[30, -30], picture.shape), picture)


def test_one_finger_turns_it_and_does_not_scroll_the_page(phone):
    before, at = phone.canvas(), phone.run("window.scrollY")
    here = middle(phone)
    Fingers(phone).draw((here, here + [110, 10]))
    assert change(before, phone.canvas()) > 0.02
    assert phone.run("window.scrollY") == at


def test_two_fingers_zoom(phone):
    near = drawn_share(phone.canvas())
    here = middle(phone)
    Fingers(phone).draw((here - [120, 0], here - [25, 0]), (here + [120, 0], here + [25, 0]))
    far = drawn_share(phone.canvas())
    assert far < 0.6 * near
    Fingers(phone).draw((here - [25, 0], here - [120, 0]), (here + [25, 0], here + [120, 0]))
    assert drawn_share(phone.canvas()) > 1.5 * far


def test_a_tap_says_what_a_point_is(phone):
    picture = phone.canvas()
    far = np.abs(picture - picture[30, -30]).max(axis=-1) > 0.2
    high, wide = far.shape
    inside = np.argwhere(far[high // 4 : high // 2, wide // 3 : 2 * wide // 3])
    y, x = inside[len(inside) // 2] + [high // 4, wide // 3]
    place = middle(phone) + [x - wide / 2, y - high / 2]
    fingers = Fingers(phone)
    fingers.touch("Start", place)
    fingers.touch("End")
    assert "P(wood)" in phone.wait("document.querySelector('.picked').innerText")
    assert phone.errors() == []


def test_the_page_scrolls_beside_the_view(phone):
    """The canvas keeps fingers to itself; above and below it there is room for one that scrolls."""
    action = "getComputedStyle(document.querySelector('{}')).touchAction"
    assert phone.run(action.format("canvas")) == "none"
    assert phone.run(action.format("body")) == "auto"
    assert phone.run("document.querySelector('canvas').clientHeight") < 0.7 * PHONE[1]
