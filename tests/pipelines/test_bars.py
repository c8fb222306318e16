"""What is asked of labels: every table on small stands, and what is asked beside its row."""

from __future__ import annotations

import numpy as np

from leafwood.cloud import PointCloud
from leafwood.config import load


def test_virtual_stands_have_their_tables(pipeline, stands, monkeypatch, capsys):
    bars = pipeline("bars")
    monkeypatch.setattr(bars, "held_out", lambda folder: sorted(folder.glob("*.laz")))
    bars.main(["--stands", str(stands), "--data", str(stands / "none")])
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in lines if line.startswith("| ")}
    assert rows["clear echoes: 75 % of one class, no twigs"].endswith("| 0.75 |")  # that of the worst tenth comes last
    assert rows["4 leafless stands"].endswith("| wood recall 0.90 |")
    assert "The limit that mixed echoes set" in "".join(lines)
    aurocs = [float(line.split(" | ")[1]) for line in lines if line.startswith("| 12 drone stands, all echoes")]
    assert aurocs[0] > 0.6


def test_ground_is_looked_at_as_kept_and_as_wiped(pipeline, monkeypatch, capsys):
    bars = pipeline("bars")
    rng = np.random.default_rng(0)
    xyz = rng.uniform(0, 10, (2000, 3)).astype(np.float32)
    xyz[:, 2] = np.repeat((0.3, 2.0), 1000)
    classes = np.full(2000, 2, dtype=np.uint8)

    def segment(cloud):
        wood = cloud.xyz[:, 0] < 5  # half of the points near the ground, each beneath or beside wood
        columns = {
            "leafwood": np.ones(2000, dtype=np.uint16),
            "wood_prob_equal": np.where(wood, 0.9, 0.1).astype(np.float32),
            "height_ag": cloud.xyz[:, 2],
        }
        return cloud.with_columns(**columns)

    monkeypatch.setattr(bars, "read", lambda path: PointCloud(xyz, columns={"classification": classes}))
    config = load(bars.CONFIG, bars.Config)
    bars.near_ground(bars.Tables(config.asked), segment, bars.Path("."))
    kept, wiped = capsys.readouterr().out.splitlines()[-2:]
    assert kept.startswith("| ground class kept | 0.5")
    assert wiped.endswith("| not beneath wood 0.07 |")
    assert float(kept.split(" | ")[2]) < 0.2
