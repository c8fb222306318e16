"""The page of a training run in a real browser: every crop is drawn, and each view has its own controls."""

import numpy as np
import pytest

from leafwood.evaluate.crops import SeenCrop, write_crops
from leafwood.report.training import write_training_report

pytestmark = pytest.mark.browser


def test_the_worst_crops_are_drawn(browser, tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "log.csv").write_text("step,seconds,loss,auroc,g_mean\n10,60,0.5,0.9,0.8\n20,120,0.4,0.92,0.82\n")
    truth = np.repeat([0, 1], 1500).astype(np.int8)
    crops = []
    for number in range(3):
        xyz = np.vstack([rng.normal(0, 0.7, (1500, 3)) + [3, 3, 6], rng.random((1500, 3)) * [0.4, 0.4, 6] + [3, 3, 0]])
        prob = np.where((truth == 1) != (rng.random(3000) < 0.1 * (1 + number)), 0.9, 0.1)
        crops.append(SeenCrop(f"stand_{number}.laz", xyz.astype(np.float32), truth, prob.astype(np.float32)))
    write_crops(crops, tmp_path / "validation.npz")
    browser.open(write_training_report(tmp_path))
    browser.wait("[...document.querySelectorAll('figure.viewer')].every(one => one.dataset.complete)")
    assert browser.run("document.querySelectorAll('.worst canvas').length") == 3
    assert browser.run("document.querySelector('.worst h3').innerText").startswith("1. stand_2.laz")
    assert browser.run("getComputedStyle(document.querySelector('.worst .pictures')).display") == "none"
    browser.driver.execute_script("document.querySelector('canvas').scrollIntoView()")
    whole = browser.canvas()
    browser.find("input[name=kind-1]").click()
    assert np.mean(np.abs(whole - browser.canvas()).max(axis=-1) > 0.05) > 0.005
    assert browser.errors() == []
    browser.emulate("print")
    assert browser.run("getComputedStyle(document.querySelector('.worst .pictures')).display") == "grid"
