"""Runs over folders as users have them: what is there already, what is no scan, odd names, and what is said."""

import json
import os
import shutil

import laspy
import numpy as np
import pytest

import leafwood
from leafwood.cli.main import main

TABLE = "treeID,X,Y,Z,DBH\n" + "".join(f"{i},{470600 + 3 * i},{3810200 + 2 * i},{200 + i},31\n" for i in range(12))
RASTER = "ncols 4\nnrows 2\nxllcorner 470634\nyllcorner 3810234\ncellsize 1\nNODATA_value -9999\n1 2 3 4\n1 2 3 4\n"


@pytest.fixture(scope="module")
def mixed(small_scan, shell, tmp_path_factory):
    """A folder as it comes from a campaign, labelled with one command, profiles and all."""
    folder = tmp_path_factory.mktemp("mixed")
    scans = folder / "in"
    (scans / "deep er" / ".hidden").mkdir(parents=True)
    for name in ("a.laz", "z [/b].laz", "deep er/ä 100%.laz", "._a.laz", "deep er/.hidden/c.laz"):
        (scans / name).parent.mkdir(exist_ok=True)
        shutil.copy(small_scan, scans / name)
    (scans / "trees.csv").write_text(TABLE)
    (scans / "dtm.asc").write_text(RASTER)
    (scans / "README.txt").write_text("Flown 2023-07-01 with a drone.\nPlot 7.\n")
    (scans / "notes.docx").write_bytes(b"PK words")
    (scans / "broken.laz").write_bytes(small_scan.read_bytes()[:3000])
    done = shell("segment", scans, "-o", folder / "out", "--profile", "--log-json", folder / "log.jsonl")
    return folder, done


def test_scans_are_labelled_and_the_rest_is_passed_over(mixed):
    folder, done = mixed
    labelled = sorted(str(path.relative_to(folder / "out")) for path in (folder / "out").rglob("*.laz"))
    assert labelled == ["a_leafwood.laz", "deep er/ä 100%_leafwood.laz", "z [/b]_leafwood.laz"]
    said = done.stderr.splitlines()
    for name in ("trees.csv", "dtm.asc", "README.txt"):
        assert sum(name in line and "passed over" in line for line in said) == 1, (name, said)
    assert sum("broken.laz" in line and "passed over" not in line for line in said) == 1
    assert "notes.docx" not in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 1  # of the broken one
    assert (folder / "out" / "leafwood_failed.lst").read_text().splitlines() == [str(folder / "in" / "broken.laz")]


def test_names_are_printed_as_they_are(mixed):
    _, done = mixed
    assert "z [/b]_leafwood.laz: 7,544 points" in done.stdout
    assert "ä 100%_leafwood.laz: 7,544 points" in done.stdout


def test_progress_is_words_in_a_pipe(mixed):
    _, done = mixed
    assert "a_leafwood.laz: 7,544 points, wood share: " in done.stdout
    assert "(2 of 7, " in done.stdout  # the notes came first
    assert " left)" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


def test_the_json_log_has_a_line_a_file(mixed):
    folder, _ = mixed
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    by_outcome = {}
    for line in lines[:-1]:
        by_outcome.setdefault(line["outcome"], []).append(line["file"].rpartition("/")[2])
    assert sorted(by_outcome["labelled"]) == ["a.laz", "b].laz", "ä 100%.laz"]
    assert by_outcome["failed"] == ["broken.laz"]
    assert sorted(by_outcome["passed over"]) == ["README.txt", "dtm.asc", "trees.csv"]
    assert lines[-1]["event"] == "end"
    assert lines[-1]["labelled"] == 3
    assert all(line["leaf"] + line["wood"] > 0 for line in lines if line.get("outcome") == "labelled")


def test_what_is_labelled_is_there_already_and_no_failure(mixed, shell):
    folder, _ = mixed
    before = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*.laz")}
    (folder / "in" / "broken.laz").unlink()
    again = shell("segment", folder / "in", "-o", folder / "out", "--profile")
    assert again.returncode == 0, again.stderr
    assert "files there already" in again.stdout
    assert "TargetExists" not in again.stderr
    assert "is there already" not in again.stderr
    assert {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*.laz")} == before


def test_a_missing_profile_is_added_beside_the_labels(mixed, shell):
    folder, _ = mixed
    target = folder / "out" / "a_leafwood.laz"
    before = target.stat().st_mtime_ns
    (folder / "out" / "a_leafwood_profile.csv").unlink()
    (folder / "out" / "a_leafwood_profile.json").unlink()
    done = shell("segment", folder / "in" / "a.laz", "-o", folder / "out", "--profile", "--resume")
    assert done.returncode == 0, done.stderr
    assert "LAI" in done.stdout
    assert (folder / "out" / "a_leafwood_profile.csv").exists()
    assert target.stat().st_mtime_ns == before


def test_own_outputs_are_no_scans_wherever_they_lie(mixed, shell, tmp_path):
    folder, _ = mixed
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(folder / "out" / "a_leafwood.laz", elsewhere / "renamed.laz")
    shutil.copy(folder / "out" / "a_leafwood.laz", elsewhere / "b_leafwood.laz")
    (elsewhere / "b_leafwood_profile.csv").write_text("z,returns\n1,2\n")
    refused = shell("segment", elsewhere, "-o", tmp_path / "out")
    assert refused.returncode == 1
    assert "nothing but files that leafwood has labelled" in refused.stderr
    shutil.copy(folder / "in" / "a.laz", elsewhere / "scan.laz")
    done = shell("segment", *sorted(elsewhere.iterdir()), "-o", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["scan_leafwood.laz"], done.stderr


def test_a_failed_profile_is_no_failed_labelling(small_scan, shell, tmp_path):
    las = laspy.read(small_scan)
    las.points = las.points[las.classification != 2]  # a tree, cut out
    las.write(tmp_path / "tree.laz")
    done = shell("segment", tmp_path / "tree.laz", "--profile")
    assert (tmp_path / "tree_leafwood.laz").exists()
    assert "labelled, but without a profile" in done.stderr
    assert "leaf (leafwood = 1)" in done.stdout
    assert done.returncode == 1
    assert not list(tmp_path.glob("*profile*"))


def test_one_file_by_two_spellings_is_one_file(small_scan, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(small_scan, "a.laz")
    os.symlink("a.laz", "link.laz")
    words = ["info", "a.laz", "./a.laz", str(tmp_path / "a.laz"), "link.laz", "."]
    assert main(words) == 0
    assert capsys.readouterr().out.count("segment would write") == 1


@pytest.mark.parametrize(
    ("name", "text"), [("trees.csv", TABLE), ("dtm.asc", RASTER), ("README.txt", "Flown in July.\n")]
)
def test_what_is_no_point_cloud_is_refused_alone(name, text, tmp_path, capsys):
    (tmp_path / name).write_text(text)
    assert main(["segment", str(tmp_path / name)]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert name in said[0]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_name_too_long_for_the_suffix_is_one_line_before_the_work(small_scan, tmp_path, capsys):
    scan = tmp_path / ("n" * 250 + ".laz")
    shutil.copy(small_scan, scan)
    assert main(["segment", str(scan)]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert "263 bytes" in said[0]
    assert [path.name for path in tmp_path.iterdir()] == [scan.name]


def test_sparse_scans_are_refused_unless_forced(small_scan, tmp_path, capsys):
    las = laspy.read(small_scan)
    las.X[:], las.Y[:] = (las.X - las.X.min()) * 6, (las.Y - las.Y.min()) * 6
    las.write(tmp_path / "als.laz")
    assert main(["segment", str(tmp_path / "als.laz")]) == 1
    said = capsys.readouterr().err
    assert "points/m²" in said
    assert "--force" in said
    assert not (tmp_path / "als_leafwood.laz").exists()
    assert main(["info", str(tmp_path / "als.laz")]) == 0
    assert "segment would refuse it" in capsys.readouterr().out
    assert main(["segment", str(tmp_path / "als.laz"), "--force"]) == 0
    found = capsys.readouterr()
    assert "do not trust the labels" in found.err
    assert "far too sparse" in found.out


def test_a_scan_from_below_has_no_profile_unless_forced(tmp_path, capsys):
    rng = np.random.default_rng(0)
    clumps = np.column_stack([rng.uniform(0, 15, (1200, 2)), rng.uniform(1.5, 20, 1200)])
    weight = np.where(clumps[:, 2] < 7, 6.0, 1.0)
    plants = clumps[rng.choice(1200, 40_000, p=weight / weight.sum())] + rng.normal(0, 0.05, (40_000, 3))
    ground = np.column_stack([rng.uniform(0, 15, (9_000, 2)), rng.normal(0, 0.02, 9_000)])
    label = np.repeat([1, 0], [len(plants), len(ground)]).astype(np.uint16)
    classes = np.where(label == 0, 2, 1).astype(np.uint8)
    columns = {"leafwood": label, "wood_prob": 0.2 * label.astype(np.float32), "classification": classes}
    cloud = leafwood.PointCloud.from_xyz(np.vstack([plants, ground]), columns)
    leafwood.write(cloud, tmp_path / "tripod.laz")
    assert main(["profile", str(tmp_path / "tripod.laz")]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert "no leaf area follows from it" in said
    assert "--force" in said
    assert not list(tmp_path.glob("*profile*"))
    assert main(["profile", str(tmp_path / "tripod.laz"), "--force"]) == 0
    assert "scanned from below" in json.loads((tmp_path / "tripod_profile.json").read_text())["doubts"]


def test_quiet_says_nothing_and_verbose_says_how_long(small_scan, tmp_path, capsys):
    assert main(["segment", str(small_scan), "-o", str(tmp_path / "q.laz"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    log = tmp_path / "run.log"
    assert main(["segment", str(small_scan), "-o", str(tmp_path / "v.laz"), "--verbose", "--log", str(log)]) == 0
    assert "points read in" in capsys.readouterr().err
    assert "points read in" in log.read_text()
    assert main(["segment", "nothing.laz", "--log", str(log)]) == 1
    assert "no such file" in log.read_text()
    assert main(["segment", str(small_scan), "--quiet", "--verbose"]) == 2


def test_models_labels_and_samples(tmp_path, capsys):
    assert main(["models"]) == 0
    assert "uav (default)" in capsys.readouterr().out
    assert main(["labels"]) == 0
    out = capsys.readouterr().out
    assert "for-instance" in out
    assert "leaf 5; wood 4, 6" in out
    assert main(["samples", str(tmp_path / "s")]) == 0
    assert {path.name for path in (tmp_path / "s").iterdir()} >= {"uav_plot.laz", "single_tree.laz"}
    assert main(["samples", str(tmp_path / "s")]) == 1
    assert "--overwrite" in capsys.readouterr().err


@pytest.mark.parametrize("shell_name", ["bash", "zsh"])
def test_shells_complete_commands_and_options(shell_name, capsys):
    pytest.importorskip("shtab")
    assert main(["completion", shell_name]) == 0
    out = capsys.readouterr().out
    for word in ("segment", "--overwrite", "completion"):
        assert word in out


def test_train_refuses_a_folder_with_another_run(tmp_path, capsys):
    (tmp_path / "c.yaml").write_text("train: [none.laz]\nvalidation: [none.laz]\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last.pt").write_bytes(b"state")
    words = ["train", str(tmp_path / "c.yaml"), "-o", str(tmp_path / "run")]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert "holds another run" in said
    assert "--resume" in said
    assert "--overwrite" in said
    assert (tmp_path / "run" / "last.pt").read_bytes() == b"state"
    assert main([*words, "--resume", "--overwrite"]) == 2
    assert main([*words, "--set", "stepps=3"]) == 2
    assert "stepps" in capsys.readouterr().err


def test_errors_from_python_do_not_speak_of_flags(small_scan, tmp_path):
    from leafwood.batch.one_file import LabelOptions, label_file
    from leafwood.errors import LeafwoodError

    (tmp_path / "there.laz").write_bytes(b"mine")
    cloud = leafwood.read(small_scan)
    tries = [
        lambda: label_file(small_scan, tmp_path / "there.laz", LabelOptions()),
        lambda: LabelOptions(abstain=3),
        lambda: LabelOptions(threads=0),
        lambda: leafwood.write(cloud, tmp_path / "x.laz"),
    ]
    for attempt in tries:
        with pytest.raises(LeafwoodError) as caught:
            attempt()
        assert "--" not in str(caught.value)
