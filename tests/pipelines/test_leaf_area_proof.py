"""The leaf area proof on one tiny stand: what it prints, what it draws, and that it is not flown twice."""

from __future__ import annotations

import json

import numpy as np
import pytest

ARGUMENTS = ["--stands", "1", "--plot", "4", "--threads", "1"]


@pytest.fixture(scope="module")
def proof(pipeline, tmp_path_factory):
    """The folder of a finished proof."""
    folder = tmp_path_factory.mktemp("proof")
    pipeline("leaf_area_proof").main([str(folder), *ARGUMENTS, "--figure", str(folder / "figure.png")])
    return folder


@pytest.mark.slow
def test_a_stand_is_measured_in_every_way_and_drawn(proof):
    assert (proof / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert (proof / "temperate_broadleaf_9000.laz").exists()


@pytest.mark.slow
def test_a_second_run_prints_the_table_and_does_not_fly_again(pipeline, proof, capsys, monkeypatch):
    module = pipeline("leaf_area_proof")
    monkeypatch.setattr(module, "produce", None)
    module.main([str(proof), *ARGUMENTS])
    table = capsys.readouterr().out
    for words in ("no removal", "true labels, twigs too", "lowest third", "temperate_broadleaf_9000", "bias removed"):
        assert words in table


@pytest.mark.slow
def test_true_area_of_a_stand_adds_up(pipeline, proof):
    module = pipeline("leaf_area_proof")
    task = module.Config().task(0, proof, 4.0)
    area = json.loads(task.path.with_suffix(".json").read_text())["area_m2"]
    above = np.array(area["height_m"]) > 1
    total = (np.array(area["leaf"]) + np.array(area["low"]))[above].sum() / 4.0**2
    assert task.true_leaf_density(1.0, 1.0, 100).sum() == pytest.approx(total)


def test_the_shipped_surveys_load_and_alternate(pipeline, tmp_path):
    module = pipeline("leaf_area_proof")
    config = module.load(module.CONFIGS / "pipelines" / "leaf_area_proof.yaml", module.Config)
    names = [config.task(number, tmp_path, None).path.stem for number in range(len(config.surveys) + 1)]
    assert names[0] == "temperate_broadleaf_9000"
    assert names[-1] == f"temperate_broadleaf_{9000 + len(config.surveys)}"


def test_tables_have_a_row_for_every_stand_and_question(pipeline):
    module = pipeline("leaf_area_proof")
    z = np.array([1.5, 2.5, 3.5])
    found = dict.fromkeys(module.WAYS, np.ones(3)) | {way: np.array([0.7, 0.8, 0.9]) for way in ("true", "leafwood")}
    text = "\n".join(module.tables([module.Profiles("made up", z, 1.0, np.array([0.8, 0.9, 1.0]), found)]))
    assert "| made up | 2.70 | 3.00 | 3.00 | 2.40 | 2.40 | 3.00 | 100% |" in text
    assert "| true labels | leafwood profile | 100% | 100%, 100%, 100% | 0.0%, 0.0% |" in text
