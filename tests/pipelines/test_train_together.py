"""The commands that carry stands to a GPU, train on it and compare it with a processor."""

from __future__ import annotations

import laspy
import numpy as np
import pytest

from leafwood.datasets.stands import load_stand


def test_packed_stands_are_smaller_and_hold_what_training_reads(pipeline, samples, tmp_path, capsys):
    (tmp_path / "stands" / "kind").mkdir(parents=True)
    source = tmp_path / "stands" / "kind" / "uav_plot.laz"
    source.write_bytes((samples / "uav_plot.laz").read_bytes())
    words = [str(tmp_path / "stands"), str(tmp_path / "packed"), "--most", "30000"]
    pipeline("pack_stands").main(words)
    target = tmp_path / "packed" / "kind" / "uav_plot.laz"
    assert target.stat().st_size < source.stat().st_size / 2
    whole, packed = load_stand(source), load_stand(target)
    assert len(packed) == pytest.approx(30_000, rel=0.01)  # rounding puts a few into another voxel
    for name in ("label", "ground", "return_number"):
        assert np.mean(getattr(packed, name)) == pytest.approx(np.mean(getattr(whole, name)), abs=0.02)
    assert len(packed.trees)
    assert set(packed.trees) <= set(whole.trees)  # those of 500 points and more
    np.testing.assert_allclose(packed.xyz.max(axis=0), whole.xyz.max(axis=0), atol=0.5)
    assert not laspy.read(target).gps_time.any()
    capsys.readouterr()
    pipeline("pack_stands").main(words)
    assert capsys.readouterr().out == ""  # what is there is not packed again


def test_a_configuration_trains_and_a_wrong_one_is_one_line(pipeline, samples, tmp_path, capsys):
    tree = samples / "single_tree.laz"
    config = tmp_path / "two.yaml"
    config.write_text(f"""
pools: {{tree: {{files: ["{tree}"]}}}}
validation: ["{samples / "uav_plot.laz"}"]
validation_crops: 1
model: {{kind: pyramid, graph: {{n_levels: 3, k: 6}}, crops: {{max_points: 600, min_points: 300}}}}
stages:
  only:
    crops: {{tree: 1}}
    network: {{widths: [8, 8, 8], encoder_convs: [0, 1, 1], decoder_convs: [0, 0]}}
    rounds: 3
    learners: {{one: {{}}}}
loader_processes: 0
""")
    pipeline("train_together").main([str(config), "-o", str(tmp_path / "out"), "--set", "stages.only.rounds=1"])
    assert (tmp_path / "out" / "only" / "one.safetensors").exists()
    assert "only: 1 rounds" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        pipeline("train_together").main([str(config), "-o", str(tmp_path), "--set", "stages.only.crops.oak=1"])
    assert "no pool 'oak'" in capsys.readouterr().err


def test_a_scan_gets_the_same_labels_from_torch(pipeline, samples, capsys):
    pipeline("devices").main([str(samples / "single_tree.laz")])
    row = capsys.readouterr().out.splitlines()[-1].split("|")
    assert row[1].strip() == "single_tree.laz"
    assert float(row[3]) <= 0.1  # % of the labels
