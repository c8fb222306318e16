"""The pages in a real browser: they draw, every control does something, and nothing needs a network."""

from pathlib import Path

import numpy as np
import pytest
from pyproj import CRS

from leafwood.report.browser import DESKTOP, DRAWN, PHONE
from leafwood.report.comparison_page import write_comparison
from leafwood.report.provenance import Provenance
from leafwood.report.row import Row, failed_row
from leafwood.report.single import write_report
from leafwood.report.survey import write_survey

pytestmark = pytest.mark.browser


def change(before, after):
    """Share of the pixels that differ."""
    return float(np.mean(np.abs(before - after).max(axis=-1) > 0.05))


def set_range(browser, name, value):
    browser.driver.execute_script(
        "const one = document.querySelector(`input[name=${arguments[0]}]`); one.value = arguments[1];"
        "one.dispatchEvent(new Event('input'))",
        name,
        value,
    )


def choose(browser, name, value):
    browser.driver.execute_script(
        "const one = document.querySelector(`select[name=${arguments[0]}]`); one.value = arguments[1];"
        "one.dispatchEvent(new Event('input')); one.dispatchEvent(new Event('change'))",
        name,
        value,
    )


@pytest.fixture(scope="module")
def report(cloud, tmp_path_factory):
    target = tmp_path_factory.mktemp("pages") / "scan_report.html"
    long = "a_name_without_a_space_" * 5
    said = {"warnings": (f"{long}: odd",), "command": f"leafwood segment {long}"}
    known = Provenance(Path(f"{long}.laz"), "0" * 64, "uav", "1" * 64, **said)
    write_report(cloud, target, known)
    return target


@pytest.fixture
def shown(browser, report):
    browser.open(report)
    browser.wait(DRAWN)
    return browser


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_cloud_is_drawn_without_an_error(browser, report, size):
    browser.open(report, size)
    browser.wait(DRAWN)
    picture = browser.canvas()
    sky = picture[30, -30]
    assert 0.02 < change(np.broadcast_to(sky, picture.shape), picture) < 0.98
    assert len(np.unique(np.round(picture, 1).reshape(-1, 3), axis=0)) > 5  # leaf, wood, ground and their shades
    assert browser.errors() == []
    assert browser.run("document.documentElement.scrollWidth") <= size[0]
    assert browser.run("performance.getEntriesByType('resource').filter(r => !r.name.startsWith('data:')).length") == 0
    assert browser.run("document.fonts.size") == 0


def test_every_colouring_changes_the_picture(shown):
    before = shown.canvas()
    modes = shown.run("[...document.querySelectorAll('select[name=colour] option')].map(o => o.value)")
    assert len(modes) == 6
    for mode in modes[1:]:
        choose(shown, "colour", mode)
        after = shown.canvas()
        assert change(before, after) > 0.01
        assert shown.find(".legend").text
        before = after
    assert shown.errors() == []


def test_leaves_wood_and_ground_can_be_switched_off(shown):
    whole = shown.canvas()
    for code in (1, 2, 0):
        shown.find(f"input[name=kind-{code}]").click()
        assert change(whole, shown.canvas()) > 0.003
    blank = shown.canvas()
    assert change(np.broadcast_to(blank[30, -30], blank.shape), blank) < 0.1  # legend and scale bar are left


@pytest.mark.parametrize("name", ["view-corner", "view-top"])
def test_views(shown, name):
    side = shown.canvas()
    shown.find(f"button[name={name}]").click()
    assert change(side, shown.canvas()) > 0.02
    shown.find("button[name=view-side]").click()
    assert change(side, shown.canvas()) < 0.005


def test_sliders_section_and_shading_change_the_picture(shown):
    whole = shown.canvas()
    shown.find("details.more summary").click()
    for name, value, usual in (("highest", 5, 1000), ("lowest", 8, -1000), ("size", 3, 1)):
        set_range(shown, name, value)
        assert change(whole, shown.canvas()) > 0.005, name
        set_range(shown, name, usual)
        assert change(whole, shown.canvas()) < 0.005, name
    choose(shown, "section", "west to east")
    slab = shown.canvas()
    assert change(whole, slab) > 0.02
    set_range(shown, "place", 4)
    assert change(slab, shown.canvas()) > 0.01
    set_range(shown, "thickness", 8)
    choose(shown, "section", "off")
    assert change(whole, shown.canvas()) < 0.005
    shown.find("input[name=lighting]").click()
    assert change(whole, shown.canvas()) > 0.005
    assert shown.errors() == []


def test_mouse_and_keyboard_turn_it(shown):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    before = shown.canvas()
    canvas = shown.find("canvas")
    ActionChains(shown.driver).move_to_element(canvas).click_and_hold().move_by_offset(150, 30).release().perform()
    dragged = shown.canvas()
    assert change(before, dragged) > 0.02
    canvas.send_keys(Keys.ARROW_LEFT)
    turned = shown.canvas()
    assert change(dragged, turned) > 0.01
    canvas.send_keys("+")
    assert change(turned, shown.canvas()) > 0.01
    canvas.send_keys("l")
    assert not shown.run("document.querySelector('input[name=kind-1]').checked")
    canvas.send_keys("c")
    assert shown.run("document.querySelector('select[name=colour]').selectedIndex") == 1


def test_a_click_on_a_point_says_what_it_is(shown):
    from selenium.webdriver.common.action_chains import ActionChains

    picture = shown.canvas()
    far = np.abs(picture - picture[30, -30]).max(axis=-1) > 0.2
    high, wide = far.shape
    inside = np.argwhere(far[high // 4 : high // 2, wide // 3 : 2 * wide // 3])
    y, x = inside[len(inside) // 2] + [high // 4, wide // 3]
    chain = ActionChains(shown.driver)
    chain.move_to_element_with_offset(shown.find("canvas"), int(x - wide // 2), int(y - high // 2)).click().perform()
    said = shown.wait("document.querySelector('.picked').innerText")
    assert "x 5000" in said
    assert "P(wood)" in said


def test_it_follows_dark_and_print(shown):
    light = shown.canvas()
    shown.emulate(dark=True)
    assert change(light, shown.canvas()) > 0.3
    shown.emulate("print")
    assert shown.run("getComputedStyle(document.querySelector('figure.viewer')).display") == "none"


def test_a_comparison_draws(browser, cloud, tmp_path):
    label = cloud.columns["leafwood"].copy()
    label[::7] = 1
    target = tmp_path / "c.html"
    write_comparison(cloud, cloud.with_columns(leafwood=label), target)
    browser.open(target)
    browser.wait(DRAWN)
    whole = browser.canvas()
    browser.find("input[name=kind-1]").click()
    assert change(whole, browser.canvas()) > 0.01
    assert browser.errors() == []


def test_a_survey_sorts_and_its_map_takes_colours(browser, tmp_path):
    place = {"crs": CRS.from_epsg(32633).to_wkt(), "unit": 1.0}
    rows = [
        Row("a.laz", 3000, 500.0, 0.1, doubt_share=0.1, bounds=(0, 0, 50, 50), **place),
        Row("b.laz", 1000, 100.0, 0.3, doubt_share=0.2, bounds=(50, 0, 100, 50), **place),
        Row("c.laz", 20000, 90.0, 0.2, doubt_share=0.3, bounds=(0, 50, 50, 100), **place),
        failed_row(Path("broken.laz"), "cut short"),
    ]
    browser.open(write_survey(rows, tmp_path)[0])
    order = "[...document.querySelectorAll('table.survey tbody tr')].map(r => r.cells[0].innerText)"
    head = browser.driver.find_elements("css selector", "table.survey thead button")
    head[1].click()
    assert browser.run(order) == ["broken.laz", "c.laz", "a.laz", "b.laz"]
    head[1].click()
    assert browser.run(order) == ["broken.laz", "b.laz", "a.laz", "c.laz"]
    assert browser.run("document.querySelectorAll('th')[1].getAttribute('aria-sort')") == "ascending"
    head[0].click()
    assert browser.run(order) == ["broken.laz", "a.laz", "b.laz", "c.laz"]
    fills = "[...document.querySelectorAll('[data-tile]')].map(t => getComputedStyle(t).fill)"
    before = browser.run(fills)
    assert len(set(before)) == 3
    choose(browser, "map", "density")
    assert browser.run(fills) != before
    assert browser.find(".map-high").text == "500"
    assert browser.errors() == []
