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
        ("sam: {rho: -1}", "sam.rho"),
        ("sam: {ascent: up}", "ascent"),
        ("sam: {radius: 1}", "radius"),
        ("meta_weight: {}", "files"),
        ("meta_weight: {files: []}", "meta_weight.files"),
        ("meta_weight: {files: [c], trees: 0}", "meta_weight.trees"),
        ("meta_weight: {files: [c], form: half}", "form"),
        ("pretask: {share: 1}", "pretask.share"),
        ("pretask: {radius: [2, 1]}", "pretask.radius"),
        ("sam: {}\nmeta_weight: {files: [c]}", "sam and meta_weight"),
        ("pretask: {}\nmeta_weight: {files: [c]}", "pretask .* meta_weight"),
        ("pretask: {}\nsoul: {}\nbalance: false", "pretask .* soul"),
        ("soul: {}", "balance: false"),
        ("soul: {}\nbalance: false\ndensity_weights: true", "density_weights"),
        ("soul: {}\nbalance: false\neven_crops: true", "even_crops"),
        ("pretask: {}\neven_crops: true", "even_crops"),
        ("soul: {}\nbalance: false\nmeta_weight: {files: [c], form: exact}", "meta_weight.form"),
        ("lora: {}", "lora needs .start."),
        ("lora: {}\nstart: w\npretask: {}", "lora needs"),
        ("lora: {rank: 0}", "lora.rank"),
        ("debias: {}", "debias needs lora"),
        ("lora: {}\nstart: w\ndebias: {}\nsam: {}", "debias .* sam"),
        ("debias: {most: 2}", "debias.most"),
        ("labels: nobody", "no label preset 'nobody'"),
        ("loss: [{name: fokal}]", "unknown loss 'fokal'"),
        ("crops: {wood_strength: -1}", "wood_strength"),
    ],
)
def test_one_line_that_names_file_and_setting(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(FILES + text, encoding="utf-8")
    with pytest.raises(BadConfig, match=words) as caught:
        load(path, TrainConfig)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
