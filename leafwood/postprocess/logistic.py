"""Logistic regression by Newton's method: the one fit behind calibration, scan-wise evidence and recognition.

It needs NumPy alone, so that labelling a scan, which fits a small one to the scan itself, imports no learning library.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["fit_logistic", "sigmoid"]

Floats = NDArray[np.float64]

_ROUNDS, _HALVINGS, _SETTLED = 50, 20, 1e-7


def sigmoid(x: NDArray[Any]) -> Floats:
    """1 / (1 + exp(-x)), element by element."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -60, 60))))


def fit_logistic(
    columns: Floats,
    truth: NDArray[np.bool_],
    weight: Floats,
    *,
    penalty: float,
    offset: NDArray[np.floating[Any]] | float = 0.0,
) -> Floats:
    """Coefficients that maximise the penalised likelihood (iteratively reweighted least squares).

    Without observations of one of the two classes the penalty alone keeps the coefficients finite.

    Args:
        columns: (n, k), a constant among them where one is wanted.
        truth: (n,) the class.
        weight: (n,) of the observations; only their ratios count.
        penalty: half of it times the sum of the squared coefficients is added to the loss; coefficients are penalised
            as for columns whose mean square is 1, and observations weigh 1 on average.
        offset: (n,) log odds that are known before, or the same for all.

    Returns:
        (k,) coefficients of the columns as they are.
    """
    scale = np.maximum(np.sqrt(np.square(columns).mean(axis=0)), 1e-6)
    x, w = columns / scale, weight / weight.mean()
    sign = np.where(truth, 1.0, -1.0)

    def loss(coefficients: Floats) -> float:
        misfit = np.logaddexp(0.0, -sign * (offset + x @ coefficients))
        return float(w @ misfit + penalty / 2 * coefficients @ coefficients)

    found = np.zeros(x.shape[1])
    lowest = loss(found)
    for _ in range(_ROUNDS):
        prob = sigmoid(offset + x @ found)
        gradient = x.T @ (w * (prob - truth)) + penalty * found
        curvature = (x * (w * prob * (1 - prob))[:, None]).T @ x + penalty * np.eye(x.shape[1])
        step = np.linalg.solve(curvature, gradient)
        for _ in range(_HALVINGS):
            tried = loss(found - step)
            if tried <= lowest:
                break
            step = step / 2
        else:
            break
        found, moved, lowest = found - step, float(np.abs(step).max()), tried
        if moved < _SETTLED:
            break
    return np.asarray(found / scale)
