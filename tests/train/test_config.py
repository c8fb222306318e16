"""What a training run refuses to be told, in one line that names the setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from leafwood.config import load
from leafwood.errors import BadConfig
from leafwood.train.loop import TrainConfig

FILES = "train: [a]\nvalidation: [b]\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps: 0", "steps must be at least 1"),
        ("batch: -2", "batch must be at least 1"),
        ("validate_every: 0", "validate_every"),
        ("validation_crops: 0", "validation_crops"),
        ("patience: -1", "patience must be at least 0"),
        ("learning_rate: 0", "learning_rate"),
        ("averaging: 1.5", "averaging must be from 0 to 1"),
        ("weight_decay: -1", "weight_decay"),
        ("device: tpu", "device"),
        ("model: {}", "model needs `kind`, one of pyramid, soul"),
        ("model: {kind: piramid}", "did you mean pyramid"),
        ("model: pyramid", "model needs `kind`"),
        ("model: {kind: pyramid, grph: {}}", "model: there is no 'grph'; did you mean 'graph'"),
        ("model: {kind: pyramid, graph: {sise: 1}}", "model: there is no 'graph.sise'; did you mean 'size'"),
        ("model: {kind: pyramid, graph: {size: -1}}", "graph.size must be from"),
        ("model: {kind: pyramid, graph: {n_levels: 7}}", "network.widths needs 7 numbers"),
        ("model: {kind: pyramid, graph: {n_levels: 0}}", "graph.n_levels"),
        ("model: {kind: pyramid, graph: {scales: []}}", "graph.scales needs"),
        ("model: {kind: pyramid, graph: {scales: [5, 5]}}", "graph.scales names"),
        ("model: {kind: pyramid, graph: {features: [eigen, hight]}}", "no group 'hight'; did you mean 'height'"),
        ("model: {kind: pyramid, graph: {features: [eigen, eigen]}}", "graph.features names 'eigen' twice"),
        ("model: {kind: pyramid, network: {dropout: 7}}", "network.dropout"),
        ("model: {kind: pyramid, network: {widths: [8, 0, 8, 8, 8, 8]}}", "network.widths"),
        ("model: {kind: pyramid, network: {encoder_convs: [-1, 0, 0, 0, 0, 0]}}", "network.encoder_convs"),
        ("model: {kind: pyramid, crops: {wood_strength: -1}}", "wood_strength"),
        ("model: {kind: pyramid, crops: {radius: [3, 1]}}", "crops.radius"),
        ("model: {kind: pyramid, crops: {jitter: -1}}", "crops.jitter"),
        ("model: {kind: pyramid, crops: {scale: .nan}}", "crops.scale"),
        ("model: {kind: soul, density_weights: true}", "model: there is no 'density_weights'"),
        ("model: {kind: soul, balance: false}", "model: there is no 'balance'"),
        ("method: {kind: sam, rho: -1}", "method.rho"),
        ("method: {kind: sam, ascent: up}", "ascent"),
        ("method: {kind: joint, weight: 0}", "method.weight"),
        ("method: {kind: joint}\nmodel: {kind: soul}", "joint needs leafwood's own network"),
        ("model: {kind: pyramid, network: {outputs: part}}", "outputs"),
        ("model: {kind: pyramid, balance: true, network: {outputs: parts}}", "balance and even_crops"),
        ("loss: gca", r"loss needs a list of mappings, such as \[\{name: \.\.\.\}\], got 'gca'"),
        ("loss: {name: gca}", "loss needs a list of mappings"),
        ("loss: [gca]", "loss needs a list of mappings"),
        (
            "method: {kind: sam, ascent: weigted}",
            "ascent must be one of plain, weighted, per_class, got 'weigted'; did you",
        ),
        ("method: {kind: sam, radius: 1}", "method: there is no 'radius'"),
        ("method: {kind: meta_weight}", "files"),
        ("method: {kind: meta_weight, files: []}", "method.files"),
        ("method: {kind: meta_weight, files: [c], trees: 0}", "method.trees"),
        ("method: {kind: meta_weight, files: [c], form: half}", "form"),
        ("method: {kind: meta_weight, files: [c], form: exact}\nmodel: {kind: soul}", "method.form: exact"),
        ("method: {kind: pretext, share: 1}", "method.share"),
        ("method: {kind: pretext, radius: [2, 1]}", "method.radius"),
        ("method: {kind: pretext}\nmodel: {kind: soul}", "pretext needs leafwood's own network"),
        ("method: {kind: lora}", "adapters need `start`"),
        ("method: {kind: lora}\nstart: w\nmodel: {kind: soul}", "adapters need"),
        ("method: {kind: lora, adapters: {rank: -1}}\nstart: w", "lora.rank"),
        ("method: {kind: deblora}", "adapters need `start`"),
        ("method: {kind: deblora, most: 2}\nstart: w", "method.most"),
        ("method: {kind: samm}", "did you mean sam"),
        ("sam: {rho: 0.1}", "there is no 'sam'"),
        ("stepps: 3", "did you mean 'steps'"),
        ("labels: nobody", "no label preset 'nobody'"),
        ("loss: [{name: fokal}]", "unknown loss 'fokal'"),
    ],
)
def test_one_line_that_names_file_and_setting(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(FILES + text, encoding="utf-8")
    with pytest.raises(BadConfig, match=words) as caught:
        load(path, TrainConfig)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
