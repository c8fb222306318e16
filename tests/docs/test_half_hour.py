"""A stranger's first half hour, step by step: label, look, score, own format, train and adapt on own labels."""

import json

import laspy
import numpy as np
import pytest

OWN = "column=lw,wood=1,leaf=2,ignore=0"
LOADER = """
import numpy as np
import leafwood

@leafwood.register_loader(".abc")
def read_abc(path):
    table = np.loadtxt(path, comments="!")
    return leafwood.PointCloud.from_xyz(table[:, :3], {"intensity": table[:, 3]}, path=path)

leafwood.write(leafwood.segment(leafwood.read("tree.abc")), "tree_leafwood.laz")
"""


def test_label_look_score_and_read_a_format_of_ones_own(desk, leafwood):
    assert "uav_plot.laz" in leafwood("samples", "samples")
    leafwood("segment", "scan.laz", "--overwrite")
    before, after = laspy.read("scan.laz"), laspy.read("scan_leafwood.laz")
    np.testing.assert_array_equal(before.X, after.X)
    assert set(np.unique(after["leafwood"])) == {0, 1, 2}
    leafwood("render", "scan_leafwood.laz")
    assert (desk / "scan_leafwood.png").stat().st_size > 10_000
    own = json.loads(leafwood("evaluate", "mine/plot1.laz", "--labels", OWN, "--json", "-"))["all"]["overall"]
    given = json.loads(leafwood("evaluate", "scan.laz", "--json", "-"))["all"]["overall"]
    assert own["auroc"] == pytest.approx(given["auroc"], abs=0.02)
    assert own["auroc"] > 0.6
    exec(LOADER, {})
    assert len(laspy.read("tree_leafwood.laz")) == len(before)


@pytest.mark.slow
def test_train_and_adapt_on_two_plots_of_ones_own_and_label_with_it(desk, leafwood):
    settings = ["steps=6", "batch=2", "validate_every=6", "validation_crops=4", f"labels={OWN}"]
    files = ["train=[mine/plot1.laz]", "validation=[mine/plot2.laz]"]
    leafwood("train", "own", "-o", "trained", *(word for s in (*files, *settings) for word in ("--set", s)))
    assert "calibrated:  no" in leafwood("models", "trained/model.safetensors")
    assert (desk / "trained" / "model.safetensors").stat().st_mode & 0o044 == 0o044 & ~_umask()
    leafwood("segment", "scan.laz", "--model", "trained/model.safetensors", "-o", "by_mine.laz")
    assert set(np.unique(laspy.read("by_mine.laz")["leafwood"])) <= {0, 1, 2}
    said = leafwood(
        *("adapt", "mine/plot1.laz", "--validation", "mine/plot2.laz"),
        *("--labels", OWN, "--steps", 6, "-o", "adapted"),
    )
    assert "as it was" in said
    for kind in ("lora", "deblora"):
        leafwood("segment", "scan.laz", "--model", f"adapted/{kind}/model.safetensors", "-o", f"{kind}.laz")


def _umask() -> int:
    import os

    found = os.umask(0)
    os.umask(found)
    return found
