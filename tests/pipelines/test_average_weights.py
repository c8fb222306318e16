"""The command that averages weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from leafwood.inference.model_file import load_model

FOLDS = Path(__file__).resolve().parents[2] / "pipelines" / "folds"


def test_the_ends_of_the_line_are_the_weights(pipeline, tmp_path, capsys):
    words = [
        str(FOLDS / "a.safetensors"),
        str(FOLDS / "b.safetensors"),
        "-o",
        str(tmp_path / "a.safetensors"),
    ]
    pipeline("average_weights").main([*words, "--share", "1"])
    assert load_model(tmp_path / "a.safetensors").provenance["averaged"]["share_of_tuned"] == 1
    with pytest.raises(SystemExit):
        pipeline("average_weights").main([*words, "--share", "2"])
    assert "share must lie between 0 and 1" in capsys.readouterr().err
