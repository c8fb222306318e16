"""A rectangle in the coordinates of a file."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.errors import BadConfig

__all__ = ["Bounds"]


class Bounds(NamedTuple):
    """A rectangle, without its upper sides: rectangles beside each other share no point.

    Attributes:
        x0: lower x, in the units of the file.
        y0: lower y.
        x1: upper x.
        y1: upper y.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    def __str__(self) -> str:
        return ",".join(f"{value:.17g}" for value in self)

    @classmethod
    def parse(cls, text: str) -> Bounds:
        """The rectangle that ``X0,Y0,X1,Y1`` stands for.

        Raises:
            BadConfig: it is not four numbers, or holds no area.
        """
        try:
            found = cls(*map(float, text.split(",")))
        except (TypeError, ValueError):
            raise BadConfig(f"`bounds` are four numbers, X0,Y0,X1,Y1, not {text!r}") from None
        found.check()
        return found

    def check(self) -> None:
        """Refuse a rectangle without an area.

        Raises:
            BadConfig: a lower side that is not below the upper one, or a side that is no number.
        """
        if not all(map(math.isfinite, self)) or self.x0 >= self.x1 or self.y0 >= self.y1:
            raise BadConfig(f"`bounds` {self}: X0 must be below X1, and Y0 below Y1")

    def widened(self, by: float) -> Bounds:
        """The rectangle with so much more on each side."""
        return Bounds(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by)

    def holds(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(n,) whether places lie inside."""
        return (x >= self.x0) & (x < self.x1) & (y >= self.y0) & (y < self.y1)

    def meets(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(n,) whether boxes with (n, 2) lower and upper corners have a place in common with it, a shared side too."""
        lower, upper = np.array(self[:2]), np.array(self[2:])
        return np.asarray(((low <= upper) & (high >= lower)).all(axis=-1))
