"""Pictures of labelled scans without a graphics card: orthographic views with eye-dome lighting.

Points are drawn nearest first into a depth image, then darkened where something nearer lies beside them (eye-dome
lighting: Boucheny 2009, "Interactive scientific visualization of large datasets", PhD thesis, Grenoble), which makes
crowns and stems stand out that plain dots would blur.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import OUT_LEAF, OUT_NONE, OUT_WOOD

__all__ = ["THEMES", "Panel", "Theme", "draw_labels", "render_view"]

Points = NDArray[np.floating[Any]]
Image = NDArray[np.float32]
_FINE = 2  # pixels drawn for each pixel shown, both ways
_GAP, _HEAD, _FOOT = 24, 44, 64  # pixels between panels, for a title, for the legend
_MAX_HEIGHT = 1500
_DRAWN = 5_000_000  # points; more fill no further pixels


@dataclass(frozen=True)
class Theme:
    """Colours, as hexadecimal RGB."""

    background: str
    text: str
    leaf: str
    wood: str
    other: str


THEMES: dict[str, Theme] = {
    "dark": Theme(background="#11161a", text="#d8dee2", leaf="#6fb35c", wood="#d9904a", other="#7d868c"),
    "light": Theme(background="#ffffff", text="#20272c", leaf="#4f9a3d", wood="#8a4f1d", other="#9aa3a9"),
}


@dataclass(frozen=True, eq=False)
class Panel:
    """One view of the scan.

    Attributes:
        title: what stands above it.
        across: (n,) metres to the right.
        up: (n,) metres upwards.
        away: (n,) metres from the eye.
        labels: (n,) 0 not processed, 1 leaf, 2 wood.
    """

    title: str
    across: Points
    up: Points
    away: Points
    labels: NDArray[Any]


def render_view(panel: Panel, size: tuple[int, int], scale: float, theme: Theme, low: tuple[float, float]) -> Image:
    """Draw one view.

    Args:
        panel: the points, their depth and labels.
        size: width and height, pixels.
        scale: pixels per metre.
        theme: the colours.
        low: left and lower end of the view, metres.

    Returns:
        (height, width, 3) float32 in 0..1, the first row on top.
    """
    wide, high = size[0] * _FINE, size[1] * _FINE
    column = ((panel.across - low[0]) * scale * _FINE).astype(np.int64)
    row = high - 1 - ((panel.up - low[1]) * scale * _FINE).astype(np.int64)
    depth, nearest = _depth_image(column, row, panel.away.astype(np.float32), (high, wide))
    drawn = nearest >= 0
    image = np.empty((high, wide, 3), dtype=np.float32)
    image[:] = _rgb(theme.background)
    palette = np.stack([_rgb(theme.other), _rgb(theme.leaf), _rgb(theme.wood)])
    image[drawn] = palette[panel.labels[nearest[drawn]].astype(np.intp)] * _eye_dome(depth)[drawn, None]
    return np.asarray(image.reshape(size[1], _FINE, size[0], _FINE, 3).mean(axis=(1, 3)), dtype=np.float32)


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
    return np.asarray(np.exp(-0.16 * shade) * np.clip(haze, 0, 1), dtype=np.float32)


def _rgb(colour: str) -> NDArray[np.float32]:
    return np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)], dtype=np.float32)


def _panels(xyz: Points, labels: NDArray[Any], section: float | None) -> list[Panel]:
    """Side view, the same without leaves, and the view from above."""
    middle = np.quantile(xyz[:, 1], [0.01, 0.99]).mean()  # of the plot, strays apart
    slab = np.ones(len(xyz), dtype=bool) if section is None else np.abs(xyz[:, 1] - middle) <= section / 2
    side, kind = xyz[slab], labels[slab]
    bare = kind != OUT_LEAF
    from_side = "From the side" if section is None else f"From the side, the middle {section:g} m"
    return [
        Panel(from_side, side[:, 0], side[:, 2], side[:, 1], kind),
        Panel("The same without leaves", side[bare, 0], side[bare, 2], side[bare, 1], kind[bare]),
        Panel("From above", xyz[:, 0], xyz[:, 1], -xyz[:, 2], labels),
    ]


def draw_labels(
    xyz: Points,
    labels: NDArray[Any],
    *,
    title: str = "",
    width: int = 1600,
    section: float | None = None,
    theme: Theme = THEMES["dark"],
) -> NDArray[np.uint8]:
    """Draw a labelled cloud from the side, from the side without leaves, and from above.

    Args:
        xyz: (n, 3) metres, n > 0.
        labels: (n,) 0 not processed, 1 leaf, 2 wood.
        title: a line over the picture.
        width: picture width, pixels.
        section: thickness of the middle slab that the side views show, metres; all of the cloud when None.
        theme: the colours.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    thin = slice(None, None, max(1, len(xyz) // _DRAWN))
    panels = _panels(xyz[thin], labels[thin], section)
    low, size = xyz.min(axis=0), np.maximum(np.ptp(xyz, axis=0), 0.5)
    lows = [(low[0], low[2]), (low[0], low[2]), (low[0], low[1])]
    extents = [(size[0], size[2]), (size[0], size[2]), (size[0], size[1])]
    stacked, scale = _layout(extents, width)
    boxes = [(max(1, int(w * scale)), max(1, int(h * scale))) for w, h in extents]
    views = [render_view(p, box, scale, theme, at) for p, box, at in zip(panels, boxes, lows, strict=True)]
    return _compose(views, [p.title for p in panels], stacked, width, scale, theme, title, labels)


def _layout(extents: list[tuple[float, float]], width: int) -> tuple[bool, float]:
    """Whether the panels stand on top of each other, which has to gain a lot, and the pixels per metre."""
    wide, high = [w for w, _ in extents], [h for _, h in extents]
    beside = min((width - 4 * _GAP) / sum(wide), _MAX_HEIGHT / max(high))
    above = min((width - 2 * _GAP) / max(wide), _MAX_HEIGHT / sum(high))
    stacked = above > 1.5 * beside
    return stacked, above if stacked else beside


def _compose(
    views: list[Image],
    titles: list[str],
    stacked: bool,
    width: int,
    scale: float,
    theme: Theme,
    title: str,
    labels: NDArray[Any],
) -> NDArray[np.uint8]:
    """Views, their titles, a scale bar and a legend on one sheet (height, width, 3) uint8."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    top = _HEAD + (_HEAD if title else 0)
    highs, wides = [len(v) for v in views], [v.shape[1] for v in views]
    body = sum(h + _HEAD for h in highs) if stacked else max(highs) + _HEAD
    height = top - _HEAD + body + _FOOT
    figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor=theme.background)
    gap = _GAP if stacked else (width - sum(wides)) // (len(views) + 1)
    x, y = gap, top
    for view, name in zip(views, titles, strict=True):
        if stacked:
            x = (width - view.shape[1]) // 2
        baseline = y + (len(view) if stacked else max(highs))
        figure.figimage(view, xo=x, yo=height - baseline, origin="upper")
        figure.text(x / width, 1 - (y - 14) / height, name, color=theme.text, fontsize=12, va="bottom")
        x, y = (x, y + len(view) + _HEAD) if stacked else (x + view.shape[1] + gap, y)
    if title:
        figure.text(gap / width, 1 - 34 / height, title, color=theme.text, fontsize=15, weight="bold")
    _legend(figure, (width, height), scale, theme, labels)
    return _pixels(FigureCanvasAgg(figure))


def _pixels(canvas: Any) -> NDArray[np.uint8]:
    """What a canvas shows (height, width, 3)."""
    canvas.draw()
    return np.asarray(canvas.buffer_rgba(), dtype=np.uint8)[..., :3].copy()


def _legend(figure: Any, size: tuple[int, int], scale: float, theme: Theme, labels: NDArray[Any]) -> None:
    """Class names with their counts, and a scale bar, along the foot."""
    from matplotlib.lines import Line2D

    width, height = size
    at, y = _GAP, 24
    for code, name, colour in (
        (OUT_LEAF, "leaf", theme.leaf),
        (OUT_WOOD, "wood", theme.wood),
        (OUT_NONE, "ground and other", theme.other),
    ):
        text = f"{name}  {np.count_nonzero(labels == code):,}"
        figure.text(at / width, y / height, "●", color=colour, fontsize=15, va="center")
        figure.text((at + 24) / width, y / height, text, color=theme.text, fontsize=12, va="center")
        at += 60 + 10 * len(text)
    metres = max((m for m in (0.1, 0.5, 1, 2, 5, 10, 20, 50, 100, 500, 1000) if m * scale <= 0.15 * width), default=0.1)
    right = width - _GAP
    ends = [(right - metres * scale) / width, right / width]
    figure.add_artist(Line2D(ends, [y / height] * 2, color=theme.text, linewidth=3, transform=figure.transFigure))
    text = f"{metres:g} m"
    figure.text(ends[0] - 12 / width, y / height, text, color=theme.text, fontsize=12, va="center", ha="right")
