"""`leafwood profile`: a canopy's files from labelled scans, one bad scan never stopping the others."""

import csv
import json
import shutil
from pathlib import Path

import laspy
import numpy as np
import pytest
import rasterio

from leafwood.cli.main import main

SAMPLES = Path(__file__).resolve().parents[2] / "data_samples"


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """The sample plot with its true labels in the place of leafwood's."""
    las = laspy.read(SAMPLES / "uav_plot.laz")
    wood = np.asarray(las["gt_wood"])
    ground = np.asarray(las.classification) == 2
    las.add_extra_dim(laspy.ExtraBytesParams("leafwood", np.uint16))
    las["leafwood"] = np.where(ground, 0, 1 + wood)
    path = tmp_path_factory.mktemp("labelled") / "plot.laz"
    las.write(path)
    return path


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_profile_says_what_it_is(labelled, tmp_path, capsys):
    assert main(["profile", str(labelled), "-o", str(tmp_path / "new"), "--dz", "0.5", "--k", "0.6"]) == 0
    assert "LAI" in capsys.readouterr().out
    table = rows(tmp_path / "new" / "plot_profile.csv")
    about = json.loads((tmp_path / "new" / "plot_profile.json").read_text())
    assert (table[0]["z"], table[0]["dz"], table[0]["z0"], table[0]["k"]) == ("1.25", "0.5", "1.0", "0.6")
    assert (table[0]["z_is"], table[0]["area_is"]) == ("midpoint", "one-sided")
    assert (about["k"], about["dz"], about["z0"], about["wood_from"]) == (0.6, 0.5, 1.0, "leafwood")
    assert "one-sided" in about["area"]
    assert "32633" in about["crs"]
    assert about["pai"]["value"] == pytest.approx(about["lai"]["value"] + about["wai"]["value"], rel=1e-4)
    lad = [float(row["lad"]) for row in table if row["lad"]]
    assert sum(lad) * 0.5 == pytest.approx(about["lai"]["value"], rel=1e-3)
    assert about["profile"]["lad"][: len(lad)] == pytest.approx(lad, rel=1e-4, abs=1e-9)


def test_leaf_area_is_near_the_truth(labelled, tmp_path):
    """The sample's true one-sided area is beside it; much of it hides in clumps, none is made up."""
    assert main(["profile", str(labelled), "-o", str(tmp_path)]) == 0
    about = json.loads((tmp_path / "plot_profile.json").read_text())
    truth = json.loads((SAMPLES / "uav_plot.json").read_text())
    area = truth["area_m2"]
    above = np.array(area["height_m"]) > 1
    leaf = (np.array(area["leaf"]) + np.array(area["low"]))[above].sum() / truth["config"]["plot"] ** 2
    assert 0.33 < about["lai"]["value"] / leaf < 1.1


def test_grids_have_the_crs_and_their_sum_is_the_profile(labelled, tmp_path):
    assert main(["profile", str(labelled), "-o", str(tmp_path), "--grid", "4"]) == 0
    with rasterio.open(tmp_path / "plot_grid" / "returns.tif") as file:
        assert file.crs.to_epsg() == 32633
        assert file.descriptions[0] == "returns 1.5 m"
        found = np.nansum(file.read(), axis=(1, 2))
    table = rows(tmp_path / "plot_profile.csv")
    np.testing.assert_array_equal(found, [float(row["returns"]) for row in table])
    with rasterio.open(tmp_path / "plot_grid" / "canopy.tif") as file:
        assert {"lai", "lai_error", "occluded_m", "gap_fraction"} <= set(file.descriptions)
        assert file.tags()["area"].startswith("one-sided")
        assert 0 < np.nanmean(file.read(3)) < 10


def test_one_bad_file_never_stops_the_others(labelled, tmp_path, capsys):
    folder = tmp_path / "scans"
    folder.mkdir()
    (folder / "a.laz").write_bytes(b"nonsense")
    shutil.copy(SAMPLES / "uav_plot.laz", folder / "b.laz")
    shutil.copy(labelled, folder / "c.laz")
    assert main(["profile", str(folder)]) == 1
    errors = capsys.readouterr().err.strip().splitlines()
    assert len([line for line in errors if "a.laz" in line]) == 1
    assert any("b.laz" in line and "leafwood segment" in line for line in errors)
    assert (folder / "c_profile.csv").exists()
    # the table in the folder is no scan, and is not replaced unasked
    assert main(["profile", str(folder / "c.laz")]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert main(["profile", str(folder), "--overwrite"]) == 1
    assert "profile.csv: c" not in capsys.readouterr().err


def test_true_labels_of_a_bare_file(tmp_path):
    assert main(["profile", str(SAMPLES / "uav_plot.laz"), "-o", str(tmp_path), "--labels", "gt_wood"]) == 0
    assert json.loads((tmp_path / "uav_plot_profile.json").read_text())["wood_from"] == "gt_wood"


@pytest.mark.parametrize(
    "words", [["--k", "0"], ["--dz", "-1"], ["--grid", "0"], ["--labels", "nosuch"], ["--z0", "1e9"], ["--dz", "x"]]
)
def test_bad_usage_is_exit_2(labelled, tmp_path, words):
    try:
        code = main(["profile", str(labelled), "-o", str(tmp_path), *words])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert not list(tmp_path.iterdir())


def test_files_of_one_name_are_refused(labelled, tmp_path, capsys):
    twin = tmp_path / "plot.laz"
    shutil.copy(labelled, twin)
    assert main(["profile", str(labelled), str(twin), "-o", str(tmp_path / "out")]) == 2
    assert "same name" in capsys.readouterr().err


def test_segment_writes_the_profile_too(tmp_path):
    sample = SAMPLES / "uav_plot.laz"
    target = tmp_path / "out.laz"
    assert main(["segment", str(sample), "-o", str(target), "--profile", "--threads", "1"]) == 0
    segmented = json.loads((tmp_path / "out_profile.json").read_text())
    assert segmented["wood_from"] == "wood_prob"
    # and it is the one that `profile` finds in the file
    assert main(["profile", str(target), "-o", str(tmp_path / "again")]) == 0
    again = json.loads((tmp_path / "again" / "out_profile.json").read_text())
    assert again["lai"]["value"] == pytest.approx(segmented["lai"]["value"], rel=0.01)
    before = (tmp_path / "out_profile.csv").read_bytes()
    target.unlink()
    assert main(["segment", str(sample), "-o", str(target), "--profile"]) == 1
    assert not target.exists()
    assert (tmp_path / "out_profile.csv").read_bytes() == before
