"""What pipelines/realism.py measures, on clouds whose answer is known, and that its surveys load."""

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


def test_attenuation_of_an_exponential_profile_is_its_coefficient():
    from realism import attenuation

    depth = -np.log(1 - np.random.default_rng(0).random(200_000) * (1 - np.exp(-0.2 * 28))) / 0.2
    assert attenuation(30.0 - depth) == pytest.approx(0.2, rel=0.1)


def test_a_measure_is_met_on_average_and_stand_by_stand():
    from realism import Comparison, Row, Scan, mean, table

    rows = [Row("x", 1.0, virtual, 0.3) for virtual in (0.8, 1.2, 1.6)]
    assert [row.met for row in rows] == [True, True, False]
    assert mean(rows) == Row("x", 1.0, pytest.approx(1.2), pytest.approx(0.3))

    rng = np.random.default_rng(0)
    real, near, far = (rng.random((8000, 3)) * (6, 6, tall) for tall in (12, 12, 30))
    real, near, far = (Scan(xyz, xyz[:, 2]) for xyz in (real, near, far))
    lines = table(Comparison("cube", real, [(near, far), (near, far), (far, near)])).splitlines()
    spacing = next(line for line in lines if line.startswith("| spacing, middle"))
    assert spacing.endswith("| yes | 2 of 3 |")
    assert len(lines) == 4 + 1 + 3 + 8
