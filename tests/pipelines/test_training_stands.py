"""The command that flies stands: what it takes, and that its instruments are those that no training flies."""

from __future__ import annotations

import numpy as np
import pytest

from leafwood.cloud import PointCloud
from leafwood.config import load
from leafwood.simulate.scanners.instruments import INSTRUMENTS


@pytest.fixture
def flown(pipeline, monkeypatch):
    """The pipeline, and what it asked the package for, without a flight."""
    module, asked = pipeline("training_stands"), []
    empty = PointCloud(np.zeros((1, 3)))

    def ask(seed, size, draw, **ways):
        asked.append((seed, size, draw(np.random.default_rng(seed), size), ways))
        return empty

    monkeypatch.setattr(module, "scan_drawn", ask)
    monkeypatch.setattr(module, "write_drawn", lambda cloud, path, seed: path.touch())
    return module, asked


def test_stands_that_are_there_are_not_flown_again(flown, tmp_path):
    module, asked = flown
    for number in (1, 3):
        module.main([str(tmp_path), "--stands", str(number), "--seed", "5", "--size", "8", "--closed"])
    assert [seed for seed, *_ in asked] == [5, 6, 7]
    assert all(config.leaf_on == 1 and config.size == 8 for *_, config, _ in asked)
    assert all(ways["terrestrial"] == 0 and not ways["devices"] for *_, ways in asked)


def test_other_instruments_are_no_preset(flown, tmp_path):
    module, asked = flown
    module.main([str(tmp_path), "--stands", "1", "--bare", "--random-branching", "--other-instruments"])
    ((_, _, config, ways),) = asked
    assert config.random_branching
    assert config.leaf_on <= 0.05
    assert [device.name for device in ways["devices"]] == [
        INSTRUMENTS[name].name for name in ("vux1", "minivux", "dji-l1", "puck")
    ]
    assert not set(ways["devices"]) & set(INSTRUMENTS.values())


def test_one_preset_alone_in_leaf_or_bare(flown, tmp_path):
    module, asked = flown
    for more in ([], ["--bare"]):
        module.main([str(tmp_path / str(len(more))), "--stands", "1", "--forest", "fine_twigged", *more])
    in_leaf, bare = (config for _, _, config, _ in asked)
    assert "pear" in in_leaf.species
    assert in_leaf.species == bare.species
    assert in_leaf.leaf_on > 0.5 > 0.05 >= bare.leaf_on
    with pytest.raises(SystemExit):
        module.main([str(tmp_path), "--forest", "fine_twigged", "--closed"])


def test_tripods_scan_some_of_the_ordinary_stands(flown, tmp_path):
    module, asked = flown
    module.main([str(tmp_path), "--stands", "1"])
    assert asked[0][-1]["terrestrial"] == load(module.CONFIG, module.Config).terrestrial > 0


def test_scanned_trees_have_no_surface_to_sample(pipeline, samples, tmp_path):
    with pytest.raises(SystemExit) as ended:
        pipeline("training_stands").main(
            [str(tmp_path / "out"), "--all-round", "--from-trees", str(samples / "single_tree.laz")]
        )
    assert ended.value.code == 2
    assert not (tmp_path / "out").exists()
