"""Matching surveys: they load, and what is flown is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leafwood.config import load
from leafwood.simulate.stands.config import StandConfig
from leafwood.simulate.surveys.survey import SurveyConfig
from leafwood.simulate.trees.species import Species, load_species

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs" / "realism"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda p: p.stem)
def test_matching_surveys_name_species_that_are_there(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    stand = load(path, SurveyConfig).stand
    assert isinstance(stand, StandConfig)
    assert all(load_species(name).height[1] > 0 for name in (*stand.species, *stand.understorey))


@pytest.mark.parametrize("path", sorted((CONFIGS / "species").glob("*.yaml")), ids=lambda p: p.stem)
def test_fitted_species_load(path):
    assert load(path, Species).height[0] > 0


def test_scans_are_compared_in_a_table_and_a_figure(pipeline, tmp_path, monkeypatch, capsys):
    realism = pipeline("realism")
    rng = np.random.default_rng(0)
    real, near, far = (realism.Scan(xyz, xyz[:, 2]) for xyz in (rng.random((3, 4000, 3)) * (4, 4, 12)))
    one = realism.Comparison("Cube", real, [(near, far)])
    monkeypatch.setattr(realism, "comparisons", lambda scans, stands: [one])
    monkeypatch.setattr(realism, "os", realism.argparse.Namespace(chdir=lambda folder: None))
    realism.main([str(tmp_path), "--dry-run"])
    assert capsys.readouterr().out.startswith("### Cube")
    realism.draw([one], tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000
