"""Surveys: repeatable to the byte, continued where they stopped, refused where they make no sense."""

import json
from pathlib import Path

import laspy
import numpy as np
import pytest

from leafwood.classes import GROUND, Part
from leafwood.cli.main import main
from leafwood.config import load
from leafwood.errors import BadConfig
from leafwood.simulate.surveys.survey import SurveyConfig

SURVEY = """
stand: {species: {pine: 1.0}, height: [8, 12], stems_per_ha: 900, min_distance: 1.0, max_triangles: 60000,
  branches_per_m2: 0.05}
plot: 8
border: 2
vary: {lai: [1.0, 3.0]}
instrument: minivux
flight: {altitude: 40, spacing: 20, max_scan_angle: 35}
density: [150, 250]
stands: 2
seed: 4
"""
CONFIGS = sorted((Path(__file__).parents[2] / "configs" / "simulate").glob("*.yaml"))


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A config and the folder of its two stands."""
    folder = tmp_path_factory.mktemp("survey")
    config = folder / "tiny.yaml"
    config.write_text(SURVEY)
    assert main(["simulate", str(config), "-o", str(folder / "out")]) == 0
    return config, folder / "out"


def test_files_of_a_survey(survey: tuple[Path, Path]) -> None:
    names = {path.name for path in survey[1].iterdir()}
    assert names == {f"tiny_{n:03d}.{suffix}" for n in (0, 1) for suffix in ("laz", "json", "npz")}


def test_delivered_file(survey: tuple[Path, Path]) -> None:
    las = laspy.read(survey[1] / "tiny_000.laz")
    assert (str(las.header.version), las.header.point_format.id) == ("1.4", 6)
    assert las.header.parse_crs().to_epsg() == 32633
    assert las.header.global_encoding.wkt
    xyz = las.xyz
    assert (xyz[:, 0] >= 452002 - 1e-6).all()
    assert (xyz[:, 0] <= 452010 + 1e-6).all()
    assert 140 < len(las) / 64 < 270
    assert (np.asarray(las.return_number) <= np.asarray(las.number_of_returns)).all()
    part, wood, share = np.asarray(las.gt_part), np.asarray(las.gt_wood), np.asarray(las.gt_wood_share)
    assert {Part.GROUND, Part.LEAF, Part.STEM} <= set(part.tolist())
    np.testing.assert_array_equal(wood, [Part(p).is_wood for p in part])
    np.testing.assert_array_equal(wood, share > 0.5)
    np.testing.assert_array_equal(np.asarray(las.classification) == GROUND, part == Part.GROUND)
    assert np.asarray(las.gt_tree)[part == Part.GROUND].max() == 0
    assert len(np.unique(las.point_source_id)) > 1
    assert (np.diff(np.asarray(las.gps_time)) >= 0).all()


def test_truth_beside_the_file(survey: tuple[Path, Path]) -> None:
    record = json.loads((survey[1] / "tiny_001.json").read_text())
    leaf = np.array(record["area_m2"]["leaf"])
    lai = record["member"]["stand"]["lai"]
    assert 1.0 <= lai <= 3.0
    assert leaf.sum() > 0.3 * lai * 64
    voxels = np.load(survey[1] / "tiny_001.npz")
    assert voxels["leaf"].sum() == pytest.approx(leaf.sum(), rel=1e-3)
    assert voxels["index"].shape == (len(voxels["leaf"]), 3)


def test_stands_differ(survey: tuple[Path, Path]) -> None:
    first, second = (json.loads((survey[1] / f"tiny_{n:03d}.json").read_text()) for n in (0, 1))
    assert first["member"] != second["member"]
    assert first["points"] != second["points"]


def test_same_seed_same_bytes_whatever_the_workers(survey: tuple[Path, Path], tmp_path: Path) -> None:
    config, made = survey
    assert main(["simulate", str(config), "-o", str(tmp_path), "--workers", "2"]) == 0
    for path in sorted(made.iterdir()):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_rerun_makes_only_what_is_missing(survey: tuple[Path, Path]) -> None:
    config, made = survey
    before = {path: path.stat().st_mtime_ns for path in made.iterdir()}
    gone = made / "tiny_001.laz"
    content = gone.read_bytes()
    gone.unlink()
    assert main(["simulate", str(config), "-o", str(made)]) == 0
    assert gone.read_bytes() == content
    first = made / "tiny_000.laz"
    assert first.stat().st_mtime_ns == before[first]


def test_another_seed_does_not_replace(survey: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    config, made = survey
    assert main(["simulate", str(config), "-o", str(made), "--seed", "9"]) == 1
    assert "--overwrite" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("instrument: laser", "laser"),
        ("vary: {species: [1, 2]}", "species"),
        ("flight: {altitude: -1}", "altitude"),
        ("flight: {}\nwalk: {}", "one of"),
        ("density: [5, 1]", "density"),
        ("colour: 1", "colour"),
    ],
)
def test_bad_configs(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(BadConfig, match=named):
        load(path, SurveyConfig)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_load(path: Path) -> None:
    config = load(path, SurveyConfig)
    member = config.member(0)
    assert member.stand.size == config.plot + 2 * config.border
    assert config.member(0) == member
    assert config.member(1) != member
