"""`leafwood train`: what a run leaves in its folder, and what it does with the traces of another one."""

from pathlib import Path

import pytest

from leafwood.cli.main import main
from leafwood.evaluate.crops import read_crops

SAMPLES = Path(__file__).resolve().parents[2] / "data_samples"
YAML = f"""
train: ["{(SAMPLES / "uav_plot.laz").as_posix()}"]
validation: ["{(SAMPLES / "single_tree.laz").as_posix()}", "{(SAMPLES / "leaf_off_plot.laz").as_posix()}"]
model:
  kind: pyramid
  graph: {{n_levels: 3, k: 6, scales: [5, 8]}}
  network: {{widths: [8, 8, 8], encoder_convs: [1, 1, 1], decoder_convs: [0, 1]}}
  crops: {{max_points: 800, min_points: 300}}
steps: 4
batch: 2
validate_every: 2
validation_crops: 6
loader_processes: 0
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A tiny run with event files."""
    folder = tmp_path_factory.mktemp("train")
    (folder / "tiny.yaml").write_text(YAML)
    assert main(["train", str(folder / "tiny.yaml"), "-o", str(folder / "run"), "--tensorboard"]) == 0
    return folder


def events(run):
    return sorted((run / "run" / "tensorboard").glob("events.out.tfevents.*"))


def test_the_report_has_curves_strata_and_the_worst_crops(run):
    crops = read_crops(run / "run" / "validation.npz")
    assert {crop.stand for crop in crops} == {"single_tree.laz", "leaf_off_plot.laz"}
    assert len(crops) == 6
    assert all(1 < crop.xyz.max() < 80 for crop in crops)
    text = (run / "run" / "report.html").read_text()
    assert text.count("<svg") == 5
    assert "over 6 validation crops" in text
    assert "single_tree.laz" in text
    assert "The worst crops" in text
    assert text.count('<figure class="viewer">') == 4
    assert len(text) < 15e6


def test_event_files_hold_every_validation(run):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = reader.EventAccumulator(str(run / "run" / "tensorboard"))
    found.Reload()
    assert [event.step for event in found.Scalars("loss")] == [2, 4]
    assert {"auroc", "g_mean", "learning_rate"} <= set(found.Tags()["scalars"])


def test_another_run_in_the_folder_is_refused_and_gone_where_asked(run, capsys):
    words = ["train", str(run / "tiny.yaml"), "-o", str(run / "run")]
    before = (run / "run" / "log.csv").read_text()
    assert main(words) == 1
    assert "another run" in capsys.readouterr().err
    assert (run / "run" / "log.csv").read_text() == before
    assert events(run)
    assert main([*words, "--overwrite"]) == 0
    assert len((run / "run" / "log.csv").read_text().splitlines()) == 3
    assert not events(run)
