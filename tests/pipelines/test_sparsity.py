"""Thinner and thinner stands have their rows."""

from __future__ import annotations

from leafwood.config import load


def test_both_tables_have_a_row_for_each_step(pipeline, stands, tmp_path, monkeypatch, capsys):
    sparsity = pipeline("sparsity")
    tree_stand = tmp_path / "sparsity" / "stand_1.laz"
    tree_stand.parent.mkdir()
    tree_stand.write_bytes((stands / "conifer_7001.laz").read_bytes())
    monkeypatch.setattr(sparsity, "held_out", lambda folder: sorted(stands.glob("*.laz")))
    config = tmp_path / "thin.yaml"
    config.write_text("{first_seed: 1, stands: 1, lowest: 2.0, spacings: [0.05, 0.6], shares: [1.0, 0.25]}")
    sparsity.main(["--stands", str(tmp_path), "--data", str(tmp_path / "none"), "--config", str(config)])
    spaced, pulses = (part.splitlines()[2:] for part in capsys.readouterr().out.split("\n\n"))
    assert [line.split(" | ")[:2] for line in spaced] == [["| 0.6", f"{spaced[0].split(' | ')[1]}"]]  # 0.05 is finer
    assert spaced[0].split(" | ")[1].endswith(" virtual")
    dense, thin = (int(line.split(" | ")[2].replace(",", "")) for line in pulses)
    assert 0.2 * dense < thin < 0.3 * dense


def test_the_shipped_settings_are_read(pipeline):
    sparsity = pipeline("sparsity")
    config = load(sparsity.CONFIG, sparsity.Config)
    assert (config.first_seed, config.stands, len(config.spacings)) == (7100, 12, 7)
