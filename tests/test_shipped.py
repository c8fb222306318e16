"""Configurations and samples that come with leafwood are found by name."""

from pathlib import Path

import pytest

from leafwood.cli.main import main
from leafwood.errors import BadConfig
from leafwood.shipped import config_file, config_names, samples_folder

ROOT = Path(__file__).resolve().parents[1]


def test_names_are_those_of_the_files():
    assert {"own", "uav", "imbalance/sam"} <= set(config_names("train"))
    assert len(config_names("simulate")) == len(list((ROOT / "configs" / "simulate").glob("*.yaml")))
    assert {"uav_plot.laz", "single_tree.laz"} <= {path.name for path in samples_folder().iterdir()}


@pytest.mark.parametrize("command", ["train", "simulate"])
def test_every_name_leads_to_its_file(command):
    for name in config_names(command):
        assert config_file(name, command) == ROOT / "configs" / command / f"{name}.yaml"


def test_a_file_comes_first_and_a_wrong_name_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "uav").write_text("steps: 1\n", encoding="utf-8")
    assert config_file("uav", "train") == Path("uav")
    assert config_file("nosuch.yaml", "train") == Path("nosuch.yaml")
    with pytest.raises(BadConfig, match="did you mean conifer"):
        config_file("conifers", "simulate")


def test_a_wrong_name_is_bad_usage(capsys):
    assert main(["simulate", "conifers"]) == 2
    assert "no configuration 'conifers'" in capsys.readouterr().err
