"""What users do at the shell with `leafwood segment`."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import laspy
import numpy as np
import pytest

SAMPLE = Path(__file__).resolve().parents[2] / "data_samples" / "single_tree.laz"


def leafwood(*words, timeout=300):
    """The command in a process of its own, as at a shell."""
    return subprocess.run(
        [sys.executable, "-m", "leafwood", *map(str, words)], capture_output=True, text=True, timeout=timeout
    )


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    target = tmp_path_factory.mktemp("labelled") / "out.laz"
    return target, leafwood("segment", SAMPLE, "-o", target)


def test_a_scan_comes_back_with_every_point_labelled(labelled):
    target, done = labelled
    assert done.returncode == 0, done.stderr
    before, after = laspy.read(SAMPLE), laspy.read(target)
    assert len(after) == len(before)
    np.testing.assert_array_equal(np.asarray(after.X), np.asarray(before.X))
    plants = np.asarray(before.classification) != 2
    assert np.isin(np.asarray(after["leafwood"])[plants], (1, 2)).all()
    np.testing.assert_array_equal(np.asarray(after.classification), np.asarray(before.classification))


def test_undecided_points_have_no_label_and_keep_their_class(labelled, tmp_path):
    target = tmp_path / "sure.laz"
    done = leafwood("segment", SAMPLE, "-o", target, "--abstain", "0.9")
    assert done.returncode == 0, done.stderr
    before, plain, sure = laspy.read(SAMPLE), laspy.read(labelled[0]), laspy.read(target)
    prob, label = np.asarray(plain["wood_prob"]), np.asarray(sure["leafwood"])
    decided = label > 0
    certainty = np.where(np.asarray(plain["leafwood"]) == 2, prob, 1 - prob)
    plants = np.asarray(before.classification) != 2
    assert 0 < decided[plants].mean() < 1
    assert certainty[plants & decided].min() >= 0.9 - 1e-4  # as finely as it is stored
    assert certainty[plants & ~decided].max() <= 0.9 + 1e-4
    np.testing.assert_array_equal(np.asarray(sure["wood_prob"]), prob)
    undecided = plants & ~decided
    np.testing.assert_array_equal(sure.classification[undecided], before.classification[undecided])


def test_each_rule_makes_its_own_labels_of_the_same_probabilities(labelled, tmp_path):
    plain = laspy.read(labelled[0])
    found = {}
    for rule in ("overlap", "balanced"):
        done = leafwood("segment", SAMPLE, "-o", tmp_path / f"{rule}.laz", "--rule", rule)
        assert done.returncode == 0, done.stderr
        found[rule] = laspy.read(tmp_path / f"{rule}.laz")
        np.testing.assert_array_equal(np.asarray(found[rule]["wood_prob"]), np.asarray(plain["wood_prob"]))
    wood = {rule: np.asarray(las["leafwood"]) == 2 for rule, las in found.items()}
    assert 0 < wood["overlap"].sum() < wood["balanced"].sum()
    truth = np.asarray(plain["gt_wood"]) == 1
    precision = {rule: truth[called].mean() for rule, called in wood.items()}
    assert precision["overlap"] > precision["balanced"]


def test_the_closing_table_says_what_and_where(labelled):
    _, done = labelled
    for word in ("leaf", "wood", "points/s", "CloudCompare", "QGIS", "leafwood", "wood_prob"):
        assert word in done.stdout


def test_a_pipe_gets_no_progress_bar(labelled):
    _, done = labelled
    assert "\x1b" not in done.stdout + done.stderr


def test_an_existing_output_is_not_replaced_unasked(labelled):
    target, _ = labelled
    before = target.read_bytes()
    refused = leafwood("segment", SAMPLE, "-o", target)
    assert refused.returncode == 1
    assert "--overwrite" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert target.read_bytes() == before


def test_labelling_again_gives_the_same_bytes(labelled, tmp_path):
    target, _ = labelled
    assert leafwood("segment", SAMPLE, "-o", tmp_path / "again.laz").returncode == 0
    assert (tmp_path / "again.laz").read_bytes() == target.read_bytes()


def test_the_input_is_never_written_over(tmp_path):
    scan = tmp_path / "scan.laz"
    scan.write_bytes(SAMPLE.read_bytes())
    link = tmp_path / "link.laz"
    os.link(scan, link)
    for target in (scan, link):
        refused = leafwood("segment", scan, "-o", target, "--overwrite")
        assert refused.returncode == 1
        assert "input" in refused.stderr
    assert scan.read_bytes() == SAMPLE.read_bytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [("missing.laz", None), ("empty.laz", b""), ("text.las", b"hello"), ("half.laz", "half"), ("folder.laz", "folder")],
)
def test_bad_input_is_one_line_and_exit_1(tmp_path, name, content):
    path = tmp_path / name
    if content == "half":
        path.write_bytes(SAMPLE.read_bytes()[:20_000])
    elif content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    failed = leafwood("segment", path, "-o", tmp_path / "out.laz")
    assert failed.returncode == 1
    assert len(failed.stderr.strip().splitlines()) == 1
    assert name in failed.stderr
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize(
    "words", [["segment"], ["nosuch"], ["segment", SAMPLE, "--model", "nosuch"], ["segment", SAMPLE, "--threads", "0"]]
)
def test_bad_usage_is_exit_2(words):
    assert leafwood(*words).returncode == 2


def test_a_folder_as_output_is_filled(tmp_path):
    assert leafwood("segment", SAMPLE, "-o", tmp_path / "new").returncode == 0
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["single_tree_leafwood.laz"]


def test_help_names_every_command_and_imports_nothing_heavy():
    code = "import sys; from leafwood.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    check = "print(sorted({'torch', 'open3d', 'laspy', 'numpy', 'rich'} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code + check], capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == "[]"
    for command in ("segment", "info", "simulate", "evaluate", "train", "render"):
        assert command in done.stdout


def test_labelling_does_without_what_only_others_need(tmp_path):
    run = f"main(['segment', {str(SAMPLE)!r}, '-o', {str(tmp_path / 'out.laz')!r}])"
    code = f"import sys; from leafwood.cli.main import main\ntry: {run}\nexcept SystemExit: pass\n"
    heavy = {"torch_geometric", "sympy", "sklearn", "matplotlib", "pandas", "laspy", "requests", "distributed"}
    heavy |= {"leafwood.batch.survey.engine", "leafwood.canopy.profile", "leafwood.io.las.copc"}
    check = f"print(sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code + check], capture_output=True, text=True, timeout=120)
    assert done.stderr.strip().splitlines()[-1] == "[]"
    assert (tmp_path / "out.laz").exists()


@pytest.mark.parametrize(("name", "says"), [("out.copc.laz", "cannot write COPC"), ("out.e57", "cannot be written as")])
def test_a_target_that_cannot_be_written_is_refused_before_the_source_is_read(tmp_path, name, says):
    (tmp_path / "damaged.laz").write_bytes(b"LASF and nothing more")
    done = leafwood("segment", tmp_path / "damaged.laz", "-o", tmp_path / name)
    assert done.returncode == 2
    assert says in done.stderr


def test_a_source_that_nothing_reads_is_named_as_such(tmp_path):
    (tmp_path / "scan.docx").write_bytes(b"words")
    done = leafwood("segment", tmp_path / "scan.docx")
    assert done.returncode == 1
    assert "no loader for .docx" in done.stderr


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """A folder of a scan, a damaged one and another scan, labelled with one command."""
    folder = tmp_path_factory.mktemp("batch")
    (folder / "in" / "sub").mkdir(parents=True)
    las = laspy.read(SAMPLE)
    las.points = las.points[np.arange(0, len(las), 20)]
    las.write(folder / "in" / "a.laz")
    (folder / "in" / "b.laz").write_bytes(SAMPLE.read_bytes()[:5000])
    las.write(folder / "in" / "sub" / "c.las")
    return folder, leafwood("segment", folder / "in", "-o", folder / "out")


def test_one_bad_file_does_not_stop_the_others(batch):
    folder, done = batch
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if "warning" not in line]
    assert len(errors) == 1
    assert "b.laz" in errors[0]
    for name in ("a_leafwood.laz", "sub/c_leafwood.las"):
        assert set(np.unique(laspy.read(folder / "out" / name)["leafwood"])) <= {0, 1, 2}
    assert (folder / "out" / "leafwood_failed.lst").read_text() == f"{folder / 'in' / 'b.laz'}\n"
    assert "files failed" in done.stdout


def test_a_batch_goes_on_where_it_stopped(batch):
    folder, _ = batch
    kept = folder / "out" / "a_leafwood.laz"
    (folder / "out" / "sub" / "c_leafwood.las").unlink()
    (folder / "in" / "b.laz").write_bytes((folder / "in" / "a.laz").read_bytes())
    before = kept.stat().st_mtime_ns
    done = leafwood("segment", folder / "in", "-o", folder / "out", "--resume")
    assert done.returncode == 0, done.stderr
    assert kept.stat().st_mtime_ns == before
    assert sorted(path.name for path in (folder / "out").rglob("*") if path.is_file()) == [
        "a_leafwood.laz",
        "b_leafwood.laz",
        "c_leafwood.las",
        "leafwood_manifest.jsonl",
    ]
    again = leafwood("segment", folder / "in", "-o", folder / "out", "--resume")
    assert again.returncode == 0, again.stderr
    assert "files there already" in again.stdout


def test_workers_do_what_one_process_does(batch):
    folder, _ = batch
    done = leafwood("segment", folder / "in", "-o", folder / "side", "--workers", "2")
    assert "\x1b" not in done.stdout + done.stderr
    for made in (folder / "out").rglob("*.la[sz]"):
        assert (folder / "side" / made.relative_to(folder / "out")).read_bytes() == made.read_bytes()


def ended(group, seconds=20):
    """Whether all processes of a group end within some seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_ctrl_c_stops_the_workers_too_in_one_line(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(8):
        (tmp_path / "in" / f"{number}.laz").write_bytes(SAMPLE.read_bytes())
    command = [sys.executable, "-m", "leafwood", "segment", tmp_path / "in", "-o", tmp_path / "out", "--workers", "2"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as running:
        assert "points" in running.stdout.readline()
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does
        said = running.communicate(timeout=60)[1]
    assert running.returncode == 130
    assert said == "leafwood: stopped\n"
    assert 0 < len(list((tmp_path / "out").glob("*.laz"))) < 8
    assert ended(running.pid)


@pytest.mark.parametrize("option", [("--workers", "-1"), ("--scheduler", "tcp://127.0.0.1:1"), ("--threads", "0")])
def test_bad_numbers_and_addresses_are_bad_usage(batch, option):
    folder, _ = batch
    done = leafwood("segment", folder / "in", "-o", folder / "none", *option)
    assert done.returncode == 2
    assert option[0] in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_wrong_setting_is_said_once(batch):
    folder, _ = batch
    done = leafwood("segment", folder / "in", "-o", folder / "other", "--crs", "EPSG:none")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (folder / "other").exists()
