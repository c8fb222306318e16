"""The measures that recognise doubtful scans, and scores of thinner and thinner ones."""

from __future__ import annotations

from leafwood.config import load


def test_both_tables(pipeline, stands, tmp_path, capsys):
    config = tmp_path / "trust.yaml"
    config.write_text("{first_seed: 7001, above: [conifer], shares: [1.0, 0.25]}")
    scan = tmp_path / "flown" / "drone_conifer_7001.laz"
    scan.parent.mkdir()
    scan.write_bytes((stands / "conifer_7001.laz").read_bytes())
    pipeline("trust").main(["--stands", str(scan.parent), "--data", str(tmp_path / "none"), "--config", str(config)])
    measures, scores = (part.splitlines()[2:] for part in capsys.readouterr().out.split("\n\n"))
    assert measures[0].startswith("| drone | drone_conifer_7001 | ")
    dense, thin = (float(line.split(" | ")[0].removeprefix("| ")) for line in scores)
    assert thin < 0.5 * dense


def test_the_shipped_settings_fly_eight_forests_from_above_and_one_from_below(pipeline):
    trust = pipeline("trust")
    kinds = [kind for kind, *_ in load(trust.CONFIG, trust.Config).surveys()]
    assert kinds == ["drone"] * 8 + ["tripods"]
