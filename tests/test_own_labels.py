"""Labels in a column and with codes of one's own, alike on the command line, in YAML and from Python."""

import os
import stat

import laspy
import numpy as np
import pytest

from leafwood.classes import IGNORE, LEAF, PRESETS, WOOD, decode_labels, preset_of
from leafwood.cli.main import main
from leafwood.datasets.stands import load_stand
from leafwood.errors import BadCloud, BadConfig
from leafwood.inference.model_file import write_weights
from leafwood.io.loaders import read

OWN = "column=lw,wood=1+3,leaf=2,ignore=0"


def test_a_name_is_a_preset():
    assert all(preset_of(name) is preset for name, preset in PRESETS.items())


def test_column_and_codes():
    found = decode_labels({"lw": np.array([0, 1, 2, 3])}, OWN)
    assert found.tolist() == [IGNORE, WOOD, LEAF, WOOD]


def test_other_codes_are_ignored_or_refused():
    values = {"lw": np.array([1.0, 2.0, 7.0])}
    assert decode_labels(values, "column=lw,wood=1,leaf=2").tolist() == [WOOD, LEAF, IGNORE]
    with pytest.raises(BadCloud, match="column lw also holds 7"):
        decode_labels(values, OWN)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nosuch", "no label preset 'nosuch'.*column=NAME"),
        ("column=lw,wood=1", "write column=NAME"),
        ("column=lw,wood=1,leaf=2,leaf=3", "each once"),
        ("column=lw,wood=1,leaf=2,bark=3", "write column=NAME"),
        ("column=lw,wood=1,leaf=1", "a code means one thing"),
        ("column=,wood=1,leaf=2", "the column has a name"),
        ("column=lw,wood=one,leaf=2", "whole numbers"),
    ],
)
def test_what_is_no_such_thing_is_one_line(text, says):
    with pytest.raises(BadConfig, match=says):
        preset_of(text)


@pytest.fixture
def scan(tmp_path):
    """A cube of leaves around a stem, in a LAS file with `lw`."""
    rng = np.random.default_rng(4)
    las = laspy.create(point_format=6, file_version="1.4")
    stem = rng.random(400) < 0.3
    las.x, las.y = np.where(stem, 0.1, 3.0) * rng.random((2, 400))
    las.z = 5 * rng.random(400)
    las.add_extra_dim(laspy.ExtraBytesParams("lw", np.uint8))
    las["lw"] = np.where(stem, 1, 2)
    path = tmp_path / "own.laz"
    las.write(path)
    return path


def test_the_column_of_a_las_file_is_read_where_it_is_named(scan):
    assert "lw" not in read(scan).columns
    stand = load_stand(scan, OWN)
    assert 0.1 < (stand.label == WOOD).mean() < 0.5
    assert (stand.label == LEAF).any()


def test_every_command_that_reads_labels_takes_them(scan, capsys):
    for command in ("evaluate", "diagnose", "profile"):
        assert main([command, str(scan), "--labels", "column=lw,wood=1"]) == 2
        assert "write column=NAME" in capsys.readouterr().err
    words = ["adapt", str(scan), "--validation", str(scan), "-o", str(scan.parent / "new")]
    assert main([*words, "--labels", "column=lw,wood=1"]) == 2
    assert "write column=NAME" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_weights_can_be_read_by_whom_the_umask_lets(tmp_path):
    before = os.umask(0o027)
    try:
        write_weights(b"weights", tmp_path / "new" / "model.safetensors")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new" / "model.safetensors").stat().st_mode) == 0o640
