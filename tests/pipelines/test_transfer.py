"""What a classifier learns from each kind of virtual points."""

from __future__ import annotations

import numpy as np
import pytest

from leafwood.io.loaders import read
from leafwood.simulate.surveys.deliver import write_scan


def test_features_are_as_many_as_scales_ask_for(pipeline):
    transfer = pipeline("transfer")
    xyz = np.random.default_rng(0).uniform(0, 3, (1000, 3)).astype(np.float32)
    table = transfer.features(xyz, np.arange(0, 1000, 10))
    assert table.shape == (100, 8 * len(transfer.SCALES))
    assert np.isfinite(table).all()
    shapes = table[:, transfer.SHAPES]
    np.testing.assert_allclose(
        transfer.features(2 * xyz, np.arange(0, 1000, 10))[:, transfer.SHAPES], shapes, atol=5e-3
    )


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_kinds_of_points_and_some_features_are_learnt_from(pipeline, stands, tmp_path, monkeypatch, capsys):
    transfer = pipeline("transfer")
    rng = np.random.default_rng(0)

    def learnt(number):
        xyz = rng.uniform(0, 3, (1200, 3)).astype(np.float32)
        piece = transfer.sample(xyz, xyz[:, 2] < 1, np.ones(len(xyz), dtype=bool))
        return {name: [piece] for name in (*transfer.SIMULATORS, transfer.UNLIKE)}

    monkeypatch.setattr(transfer, "stands", learnt)
    two = ("virtual drone scans", "sampled on the surfaces, without the spacing features")
    monkeypatch.setattr(transfer, "TRAINING", {name: transfer.TRAINING[name] for name in two})
    monkeypatch.setattr(transfer, "PER_STAND", 200)
    tree = read(stands / "leaf_off_7012.laz")
    write_scan(tree.select(np.arange(0, len(tree), 20)), tmp_path / "tree.laz", corner=(0.0, 0.0, 0.0))
    transfer.main([str(tmp_path)])
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == list(two)
