"""The demonstration's truth beside its labels."""

import laspy
import numpy as np
import pytest

from leafwood.classes import Part


def test_known_labels_give_known_figures_with_and_without_twigs(pipeline, tmp_path, capsys):
    rng = np.random.default_rng(5)
    las = laspy.create(point_format=6, file_version="1.4")
    las.x, las.y, las.z = 5 * rng.random((3, 100))
    number = np.arange(100)
    truth = number < 20
    found = np.where(number < 10, 2, 1)  # half of the wood, no leaf called wood
    part = np.where(number < 12, Part.STEM, np.where(truth, Part.TWIG, Part.LEAF))
    columns = {
        "gt_wood": (np.uint8, truth),
        "gt_wood_share": (np.float32, np.where(number < 95, truth, 0.5)),  # five echoes are mixed
        "gt_part": (np.uint8, part),
        "leafwood": (np.uint16, found),
        "wood_prob": (np.float32, found - 1),
    }
    for name, (kind, values) in columns.items():
        las.add_extra_dim(laspy.ExtraBytesParams(name, kind))
        las[name] = values
    las.write(tmp_path / "labelled.laz")
    pipeline("demo_scores").main([str(tmp_path / "labelled.laz")])
    said = {line[:26].strip(): line[26:].split() for line in capsys.readouterr().out.splitlines()[1:-1]}
    assert said["points with a truth"] == ["87", "100"]
    assert said["wood among them, true"] == [f"{12 / 87:.1%}", "20.0%"]
    assert said["wood among them, found"] == [f"{10 / 87:.1%}", "10.0%"]
    assert [float(score) for score in said["wood recall"]] == pytest.approx([10 / 12, 0.5], abs=1e-3)
    assert [float(score) for score in said["leaf recall"]] == pytest.approx([1.0, 1.0])
