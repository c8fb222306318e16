"""The leaf area proof on one tiny stand: what it prints, what it draws, and that it is not flown twice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = ["--stands", "1", "--plot", "4", "--threads", "1"]


@pytest.fixture(scope="module")
def proof(tmp_path_factory):
    """The folder of a finished proof."""
    from leaf_area_proof import main

    folder = tmp_path_factory.mktemp("proof")
    main([str(folder), *ARGUMENTS, "--figure", str(folder / "figure.png")])
    return folder


@pytest.mark.slow
def test_a_stand_is_measured_in_every_way_and_drawn(proof):
    assert (proof / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert (proof / "temperate_broadleaf_9000.laz").exists()


@pytest.mark.slow
def test_a_second_run_prints_the_table_and_does_not_fly_again(proof, capsys, monkeypatch):
    import leaf_area_proof

    monkeypatch.setattr(leaf_area_proof, "produce", None)
    leaf_area_proof.main([str(proof), *ARGUMENTS])
    table = capsys.readouterr().out
    for words in ("no removal", "true labels, twigs too", "lowest third", "temperate_broadleaf_9000", "bias removed"):
        assert words in table


def made_up(**found):
    from leaf_area_proof import METHODS, Measured

    lad = {method: np.array(found.get(method, [1.0, 1.0, 1.0])) for method in METHODS}
    return Measured("made up", np.array([1.5, 2.5, 3.5]), np.array([0.8, 0.9, 1.0]), lad)


def test_share_of_the_bias_that_is_removed():
    from leaf_area_proof import removed, tables

    perfect = made_up(true=[0.7, 0.8, 0.9], leafwood=[0.7, 0.8, 0.9])
    half = made_up(true=[0.6, 0.8, 1.0], leafwood=[0.8, 0.9, 1.0])
    harm = made_up(true=[0.6, 0.8, 0.9], leafwood=[0.8, 0.9, 0.6])
    assert removed([perfect], "leafwood", "true") == pytest.approx(1)
    assert removed([half], "leafwood", "true") == pytest.approx(0.5)
    assert removed([harm], "leafwood", "true", 2) == pytest.approx(-2)
    assert removed([perfect, half], "none", "true") == pytest.approx(0)
    assert "100%, 100%, 100% | 0.0%, 0.0% |" in "\n".join(tables([perfect]))


@pytest.mark.slow
def test_true_area_of_a_stand_adds_up(proof):
    from leaf_area_proof import survey, true_density

    task = survey(0, proof, 4.0)
    area = json.loads(task.path.with_suffix(".json").read_text())["area_m2"]
    above = np.array(area["height_m"]) > 1
    total = (np.array(area["leaf"]) + np.array(area["low"]))[above].sum() / 4.0**2
    assert true_density(task, 100).sum() == pytest.approx(total)
