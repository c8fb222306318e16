"""The example of docs/python.md runs as it is printed."""

import re
import shutil
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def test_the_documented_samplers(tmp_path, monkeypatch):
    section = (ROOT / "docs" / "python.md").read_text(encoding="utf-8").split("## Fewer points")[1]
    example = re.search(r"```python\n(.*?)```", section, re.DOTALL).group(1)
    shutil.copy(ROOT / "data_samples" / "single_tree.laz", tmp_path / "scan.laz")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(example, names)
    cloud, sample, wood = (names[name] for name in ("cloud", "sample", "wood"))
    assert 0.2 * len(cloud) < len(sample.index) < 0.4 * len(cloud)
    np.testing.assert_allclose(sample.weight.mean(), 1, atol=1e-3)
    assert wood.shape == (len(cloud),)
    assert 0 < (wood > 0.5).mean() < 1
