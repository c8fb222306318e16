"""`leafwood report` and `segment --report`: pages beside the scans, numbers as the other commands print them."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import laspy
import numpy as np
import pytest

from leafwood.cli.main import main
from leafwood.report.row import read_row

SAMPLES = Path(__file__).resolve().parents[2] / "data_samples"

pytestmark = pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")


@pytest.fixture(autouse=True, scope="module")
def small_pictures():
    """Pictures inside pages take most of the time that pages take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("leafwood.report.embedded._WIDTH", 150)
        yield


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """The sample plot with its true labels in the place of leafwood's."""
    las = laspy.read(SAMPLES / "uav_plot.laz")
    wood, ground = np.asarray(las["gt_wood"]), np.asarray(las.classification) == 2
    las.add_extra_dim(laspy.ExtraBytesParams("leafwood", np.uint16))
    las["leafwood"] = np.where(ground, 0, 1 + wood)
    path = tmp_path_factory.mktemp("labelled") / "plot.laz"
    las.write(path)
    return path


def test_the_page_has_the_numbers_of_info_and_profile(labelled, tmp_path, capsys):
    target = tmp_path / "page.html"
    assert main(["report", str(labelled), "-o", str(target)]) == 0
    assert capsys.readouterr().out.strip() == str(target)
    row, text = read_row(target, tmp_path), target.read_text()
    assert main(["info", str(labelled)]) == 0
    told = capsys.readouterr().out
    assert f"{row.points:,}" in told
    assert f"{row.density:,.1f} points/m²" in told
    assert f"{row.density:,.1f} points/m²" in text
    assert main(["profile", str(labelled), "-o", str(tmp_path)]) == 0
    lai = re.search(r"LAI ([\d.]+ ± [\d.]+)", capsys.readouterr().out).group(1)
    assert f"{lai} m²/m²" in text
    about = json.loads((tmp_path / "plot_profile.json").read_text())
    assert row.lai == pytest.approx(about["lai"]["value"], rel=1e-5)


def test_a_folder_makes_a_survey_and_a_bad_file_does_not_stop_it(labelled, tmp_path, capsys):
    folder = tmp_path / "scans & <more>"
    folder.mkdir()
    shutil.copy(labelled, folder / "b_leafwood.laz")
    shutil.copy(SAMPLES / "single_tree.laz", folder / "b.laz")  # the scan of b_leafwood: not reported on
    shutil.copy(SAMPLES / "single_tree.laz", folder / "bare.laz")  # without labels
    (folder / "a.laz").write_bytes(b"nonsense")
    (folder / "leafwood_failed.lst").write_bytes(b"lost.laz\n")
    assert main(["report", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert "leafwood segment" in err
    assert out.splitlines()[-1].endswith("leafwood_survey.html")
    rows = {row["file"]: row for row in json.loads((folder / "leafwood_survey.json").read_text())}
    assert set(rows) == {"a.laz", "bare.laz", "lost.laz", "b_leafwood.laz"}
    assert rows["b_leafwood.laz"]["report"] == "b_leafwood_report.html"
    assert [name for name, row in rows.items() if row["failure"]] == ["a.laz", "bare.laz", "lost.laz"]
    # the survey's table is no scan
    assert main(["report", str(folder), "--overwrite"]) == 1
    assert "survey.csv" not in capsys.readouterr().err


def test_against_the_truth(labelled, tmp_path, capsys):
    target = tmp_path / "c.html"
    truth = tmp_path / "truth.laz"
    las = laspy.read(labelled)
    las.write(truth)
    assert main(["report", str(labelled), "--against", str(truth), "-o", str(target)]) == 0
    assert "wood recall: 1.000" in capsys.readouterr().out
    assert "wood missed" in target.read_text()


def test_segment_writes_the_page_and_says_how_the_labels_were_made(tmp_path, capsys):
    scans, out = tmp_path / "scans", tmp_path / "out"
    scans.mkdir()
    shutil.copy(SAMPLES / "single_tree.laz", scans / "tree.laz")
    (scans / "broken.laz").write_bytes(b"nonsense")
    assert main(["segment", str(scans), "-o", str(out), "--report", "--abstain", "0.7", "--threads", "1"]) == 1
    text = (out / "tree_leafwood_report.html").read_text()
    like = "and the scan is like those that it was calibrated on"
    for words in ("SHA-256", "seconds to label", "--abstain=0.7", "--report", "leafwood segment", like):
        assert words in text
    rows = json.loads((out / "leafwood_survey.json").read_text())
    assert [(row["file"], row["failure"] is None) for row in rows] == [("broken.laz", False), ("tree.laz", True)]
    before = (out / "tree_leafwood_report.html").stat().st_mtime_ns
    again = ["segment", str(scans), "-o", str(out), "--report", "--abstain", "0.7", "--threads", "1", "--resume"]
    assert main(again) == 1
    assert (out / "tree_leafwood_report.html").stat().st_mtime_ns == before
    assert [row["file"] for row in json.loads((out / "leafwood_survey.json").read_text())] == ["broken.laz", "tree.laz"]
    assert "nonsense" not in capsys.readouterr().err


def test_a_scan_unlike_those_in_calibration_is_a_doubt_everywhere(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("leafwood.inference.trust.LIKE", 0.1)  # so that any scan is
    scan, log = tmp_path / "tree.laz", tmp_path / "log.json"
    shutil.copy(SAMPLES / "single_tree.laz", scan)
    assert main(["segment", str(scan), "--report", "--log-json", str(log), "--threads", "1"]) == 0
    assert "unlike any scan in calibration" in capsys.readouterr().out
    assert json.loads(log.read_text().splitlines()[0])["doubts"] == ["unlike"]
    text = (tmp_path / "tree_leafwood_report.html").read_text()
    assert "Unlike any scan in calibration" in text
    assert "times as far from the mean" in text


def test_pages_are_replaced_only_when_told(labelled, tmp_path, capsys):
    target = tmp_path / "mine.html"
    target.write_text("mine")
    assert main(["report", str(labelled), "-o", str(target)]) == 1
    assert target.read_text() == "mine"
    assert "--overwrite" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["-o", "p.pdf"], ["--labels", "gt_wood"], ["--labels", "nosuch"], ["{}", "--against", "{}"]]
)
def test_bad_usage_is_exit_2(labelled, words, capsys):
    other = shutil.copy(labelled, labelled.with_name("other.laz"))
    assert main(["report", str(labelled), *(word.format(other) for word in words)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_report_needs_no_torch(labelled, tmp_path):
    code = (
        "import sys; from leafwood.cli.main import main; "
        f"assert main(['report', {str(labelled)!r}, '-o', {str(tmp_path / 'p.html')!r}]) == 0; "
        "assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
