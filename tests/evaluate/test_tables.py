"""Tables of scores as Markdown."""

import numpy as np

from leafwood.evaluate.tables import head, line, mean_and_spread


def test_a_table_is_markdown():
    assert head("scan", "AUROC") == "| scan | AUROC |\n|---|---|"
    assert line("a", 0.12345, 12_000, "0.7", np.int64(3), np.float32(0.5)) == "| a | 0.123 | 12,000 | 0.7 | 3 | 0.500 |"


def test_a_spread_needs_two_runs():
    assert mean_and_spread([0.5, 0.6]) == "0.550 ± 0.071"
    assert mean_and_spread([0.5]) == "0.500"
