"""What is no released checkpoint is refused; `tests/soul/test_released.py` imports one."""

from __future__ import annotations

import pytest


def test_a_file_that_is_no_checkpoint_is_one_line(pipeline, samples, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        pipeline("import_soul").main([str(samples / "uav_plot.json"), str(tmp_path / "model.safetensors")])
    assert ended.value.code == 2
    assert "cannot be read as weights" in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.iterdir())
