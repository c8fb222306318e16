"""How pulses are used up, of a sample."""

from __future__ import annotations


def test_numbers_and_figure_of_a_sample(pipeline, samples, tmp_path, capsys):
    pipeline("decay_figure").main([str(samples / "uav_plot.laz"), str(tmp_path / "a" / "decay.png")])
    said = capsys.readouterr().out
    assert said.startswith("pulses per m²: ")
    shares = [int(line.split(": ")[1].split("%")[0]) for line in said.splitlines() if "of the pulses arrive" in line]
    assert shares == sorted(shares, reverse=True)
    assert (tmp_path / "a" / "decay.png").stat().st_size > 1000
