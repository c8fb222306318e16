"""What a method costs is told beside a plain step."""

from __future__ import annotations

from dataclasses import replace

from leafwood.graph.config import GraphConfig
from leafwood.nn.structure import UNetConfig


def test_every_method_is_timed_beside_a_plain_step(pipeline, monkeypatch, capsys):
    module = pipeline("benchmark_training_cost")
    small = {
        "graph": GraphConfig(n_levels=2, k=6, scales=(5, 8)),
        "network": UNetConfig(widths=(8, 8), encoder_convs=(1, 1), decoder_convs=(0,)),
    }
    for name, config in module.METHODS.items():
        crops = replace(config.model.crops, max_points=400, min_points=200)
        config = replace(config, batch=1, model=replace(config.model, **small, crops=crops))
        monkeypatch.setitem(module.METHODS, name, config)
    monkeypatch.setattr(module, "PLAIN", module.METHODS["plain"])
    module.main(["--steps", "1", "--rounds", "1"])
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[0].removeprefix("| ") for row in rows] == list(module.METHODS)
    assert rows[0][2] == "1.00 |"
    assert all(float(row[1]) >= 0 for row in rows)
