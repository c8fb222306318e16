"""Scores as Markdown tables, one line at a time, so that a long run shows what it has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["head", "line", "mean_and_spread"]


def head(*columns: str) -> str:
    """The two lines that begin a table."""
    return f"{line(*columns)}\n|{'---|' * len(columns)}"


def line(*cells: str | float) -> str:
    """A line of a table; whole numbers get thousands separators, others three decimals."""
    return f"| {' | '.join(cell if isinstance(cell, str) else _number(cell) for cell in cells)} |"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, (int, np.integer)) else f"{value:.3f}"


def mean_and_spread(values: Sequence[float]) -> str:
    """Mean of some runs, and their standard deviation where there are several."""
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"
