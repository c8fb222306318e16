"""Orthographic views of a cloud without a graphics card, with eye-dome lighting.

Points are drawn nearest first into a depth image, then darkened where something nearer lies beside them (eye-dome
lighting: Boucheny 2009, "Interactive scientific visualization of large datasets", PhD thesis, Grenoble), which makes
crowns and stems stand out that plain dots would blur.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Panel", "View", "render_view", "see"]

Points = NDArray[np.floating[Any]]
Image = NDArray[np.float32]
_FINE = 2  # pixels drawn for each pixel shown, both ways
_DARKEST = 0.25  # of a colour's brightness: a reader must still tell leaf from wood


@dataclass(frozen=True, eq=False)
class Panel:
    """One view of the scan.

    Attributes:
        title: what stands above it.
        across: (n,) metres to the right.
        up: (n,) metres upwards.
        away: (n,) metres from the eye.
        labels: (n,) code of each point.
    """

    title: str
    across: Points
    up: Points
    away: Points
    labels: NDArray[Any]


@dataclass(frozen=True, eq=False)
class View:
    """What is seen in a panel, before it has colours.

    Attributes:
        code: (2h, 2w) code of the point at each fine pixel, -1 where there is none.
        light: (2h, 2w) its brightness, 0..1.
    """

    code: NDArray[np.int64]
    light: Image

    def painted(self, background: str, colours: Mapping[int, str]) -> Image:
        """Give it colours, hexadecimal RGB for each code; (h, w, 3) float32 in 0..1, the first row on top."""
        image = np.empty((*self.code.shape, 3), dtype=np.float32)
        image[:] = _rgb(background)
        for code, colour in colours.items():
            seen = self.code == code
            image[seen] = _rgb(colour) * self.light[seen, None]
        high, wide = self.code.shape[0] // _FINE, self.code.shape[1] // _FINE
        return np.asarray(image.reshape(high, _FINE, wide, _FINE, 3).mean(axis=(1, 3)), dtype=np.float32)


def see(panel: Panel, size: tuple[int, int], scale: float, low: tuple[float, float]) -> View:
    """Find what is seen of a panel's points.

    Args:
        panel: the points, their depth and codes.
        size: width and height, pixels.
        scale: pixels per metre.
        low: left and lower end of the view, metres.
    """
    wide, high = size[0] * _FINE, size[1] * _FINE
    column = ((panel.across - low[0]) * scale * _FINE).astype(np.int64)
    row = high - 1 - ((panel.up - low[1]) * scale * _FINE).astype(np.int64)
    depth, nearest = _depth_image(column, row, panel.away.astype(np.float32), (high, wide))
    code = np.full(nearest.shape, -1, dtype=np.int64)
    code[nearest >= 0] = panel.labels[nearest[nearest >= 0]]
    return View(code, _eye_dome(depth))


def render_view(
    panel: Panel,
    size: tuple[int, int],
    scale: float,
    low: tuple[float, float],
    background: str,
    colours: Mapping[int, str],
) -> Image:
    """See a panel and give it colours; see :func:`see` and :meth:`View.painted`."""
    return see(panel, size, scale, low).painted(background, colours)


def _depth_image(
    column: NDArray[np.int64], row: NDArray[np.int64], away: Image, shape: tuple[int, int]
) -> tuple[Image, NDArray[np.int64]]:
    """Depth of the nearest point at every pixel (inf where none) and its number (-1 where none)."""
    depth = np.full(shape[0] * shape[1], np.inf, dtype=np.float32)
    nearest = np.full(shape[0] * shape[1], -1, dtype=np.int64)
    order = np.argsort(-away, kind="stable")
    column, row = column[order], row[order]
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            y, x = row + i, column + j
            inside = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
            pixel, point = (y * shape[1] + x)[inside], order[inside]
            closer = away[point] < depth[pixel]
            # of several points written to one pixel the last stays, and the last is the nearest
            depth[pixel[closer]] = away[point[closer]]
            nearest[pixel[closer]] = point[closer]
    return depth.reshape(shape), nearest.reshape(shape)


def _eye_dome(depth: Image) -> Image:
    """Brightness (h, w) in 0..1: darker the more the surroundings lie in front, and a little darker far away."""
    drawn = np.isfinite(depth)
    if not drawn.any():
        return np.ones_like(depth)
    near, far = float(depth[drawn].min()), float(depth[drawn].max())
    filled = np.where(drawn, depth, np.float32(far + 1))
    reach = 2 * _FINE
    padded = np.pad(filled, reach, mode="edge")
    high, wide = depth.shape
    shade = np.zeros_like(depth)
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)):
        top, left = reach * (1 + dy), reach * (1 + dx)
        shade += np.clip(filled - padded[top : top + high, left : left + wide], 0, 1.5)
    haze = 1 - 0.35 * (filled - near) / max(far - near, 1e-3)
    return np.asarray(_DARKEST + (1 - _DARKEST) * np.exp(-0.16 * shade) * np.clip(haze, 0, 1), dtype=np.float32)


def _rgb(colour: str) -> NDArray[np.float32]:
    return np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)], dtype=np.float32)
