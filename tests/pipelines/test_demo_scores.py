"""The demonstration's truth beside its labels."""

import laspy
import numpy as np
import pytest


def test_known_labels_give_known_figures(pipeline, tmp_path, capsys):
    rng = np.random.default_rng(5)
    las = laspy.create(point_format=6, file_version="1.4")
    las.x, las.y, las.z = 5 * rng.random((3, 100))
    truth = np.arange(100) < 20
    found = np.where(np.arange(100) < 10, 2, 1)  # half of the wood, no leaf called wood
    columns = {"gt_wood": (np.uint8, truth), "leafwood": (np.uint16, found), "wood_prob": (np.float32, found - 1)}
    for name, (kind, values) in columns.items():
        las.add_extra_dim(laspy.ExtraBytesParams(name, kind))
        las[name] = values
    las.write(tmp_path / "labelled.laz")
    pipeline("demo_scores").main([str(tmp_path / "labelled.laz")])
    said = {line[:28].strip(): line[28:].strip() for line in capsys.readouterr().out.splitlines()}
    assert said["wood among them, true"] == "20.0%"
    assert said["wood among them, found"] == "10.0%"
    assert float(said["wood recall"]) == pytest.approx(0.5)
    assert float(said["leaf recall"]) == pytest.approx(1.0)
