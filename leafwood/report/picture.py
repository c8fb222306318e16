"""Pictures of labelled scans: views side by side on a sheet, each with a scale bar in metres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from leafwood.report.palette import LABELS, THEMES, Coding, Theme
from leafwood.report.views import Image, Panel, Points, View, see

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "Sheet", "draw_labels", "lay_out", "panels_of", "pixels_of", "save_sheet"]

FORMATS = ("png", "svg", "pdf")
_GAP, _HEAD, _FOOT = 24, 44, 64  # pixels between panels, for a title, for the legend
_BAR = 34  # pixels below a view, for its scale bar
_MAX_HEIGHT = 1500
_DRAWN = 5_000_000  # points; more fill no further pixels
_METRES = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True, eq=False)
class Sheet:
    """Views of one scan at one scale, before they have colours.

    Attributes:
        views: what is seen in each.
        titles: what stands above each.
        width: of the sheet, pixels.
        scale: pixels per metre.
        stacked: whether the views stand on top of each other.
        coding: what the codes mean.
        counts: points of each code, in the coding's order.
    """

    views: list[View]
    titles: list[str]
    width: int
    scale: float
    stacked: bool
    coding: Coding
    counts: tuple[int, ...]

    def painted(self, theme: Theme) -> list[Image]:
        """The views in a theme's colours."""
        colours = self.coding.colours(dark=theme.dark)
        return [view.painted(theme.background, colours) for view in self.views]

    def figure(self, theme: Theme, title: str = "") -> Figure:
        """The sheet with titles, scale bars and a legend as a figure of 100 pixels to the inch."""
        return _compose(self, self.painted(theme), theme, title)

    def bare(self, theme: Theme) -> Figure:
        """The first view with a scale bar and nothing else, for a page that has titles and a legend of its own."""
        from matplotlib.figure import Figure

        image = self.painted(theme)[0]
        wide, high = image.shape[1], len(image) + _BAR
        figure = Figure(figsize=(wide / 100, high / 100), dpi=100, facecolor=theme.background)
        figure.figimage(image, xo=0, yo=_BAR, origin="upper")
        _scale_bar(figure, (0, _BAR // 2), wide, self.scale, theme.text, size=18)
        return figure


def draw_labels(
    xyz: Points,
    labels: NDArray[Any],
    *,
    title: str = "",
    width: int = 1600,
    section: float | None = None,
    theme: Theme = THEMES["dark"],
    coding: Coding = LABELS,
) -> NDArray[np.uint8]:
    """Draw a labelled cloud from the side, from the side without leaves, and from above.

    Args:
        xyz: (n, 3) metres, n > 0.
        labels: (n,) codes, those of ``leafwood`` by default.
        title: a line over the picture.
        width: picture width, pixels.
        section: thickness of the middle slab that the side views show, metres; all of the cloud when None.
        theme: what surrounds the points.
        coding: what the codes mean.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    sheet = lay_out(xyz, labels, panels_of(xyz, labels, coding, section), width, coding)
    return pixels_of(sheet.figure(theme, title))


def pixels_of(figure: Figure) -> NDArray[np.uint8]:
    """What a figure shows, (height, width, 3) uint8 RGB."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba(), dtype=np.uint8)[..., :3].copy()


def save_sheet(figure: Figure, stream: BinaryIO, kind: str) -> None:
    """Write a figure as one of :data:`FORMATS`; words and scale bars stay text and lines in SVG and PDF."""
    from matplotlib import rc_context

    dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "leafwood"}):
        figure.savefig(stream, format=kind, dpi=100, metadata=dated)


def panels_of(xyz: Points, labels: NDArray[Any], coding: Coding, section: float | None) -> list[Panel]:
    """Side view, the same without what the coding hides, and the view from above."""
    thin = slice(None, None, max(1, len(xyz) // _DRAWN))
    xyz, labels = xyz[thin], labels[thin]
    middle = np.quantile(xyz[:, 1], [0.01, 0.99]).mean()  # of the plot, strays apart
    slab = np.ones(len(xyz), dtype=bool) if section is None else np.abs(xyz[:, 1] - middle) <= section / 2
    side, kind = xyz[slab], labels[slab]
    bare = ~np.isin(kind, coding.hidden)
    from_side = "From the side" if section is None else f"From the side, the middle {section:g} m"
    return [
        Panel(from_side, side[:, 0], side[:, 2], side[:, 1], kind),
        Panel(coding.without, side[bare, 0], side[bare, 2], side[bare, 1], kind[bare]),
        Panel("From above", xyz[:, 0], xyz[:, 1], -xyz[:, 2], labels),
    ]


def lay_out(xyz: Points, labels: NDArray[Any], panels: Sequence[Panel], width: int, coding: Coding = LABELS) -> Sheet:
    """See panels at one scale.

    Args:
        xyz: (n, 3) metres, n > 0: what the panels show at most.
        labels: (n,) codes, for the counts.
        panels: as :func:`panels_of` gives them; those titled "From above" are as deep as the cloud, others as high.
        width: of the sheet, pixels.
        coding: what the codes mean.
    """
    low, size = xyz.min(axis=0), np.maximum(np.ptp(xyz, axis=0), 0.5)
    upward = [1 if panel.title == "From above" else 2 for panel in panels]
    extents = [(float(size[0]), float(size[axis])) for axis in upward]
    stacked, scale = _fit(extents, width)
    boxes = [(max(1, int(w * scale)), max(1, int(h * scale))) for w, h in extents]
    views = [
        see(panel, box, scale, (float(low[0]), float(low[axis])))
        for panel, box, axis in zip(panels, boxes, upward, strict=True)
    ]
    counts = tuple(int(np.count_nonzero(labels == code)) for code in coding.codes)
    return Sheet(views, [panel.title for panel in panels], width, scale, stacked, coding, counts)


def _fit(extents: list[tuple[float, float]], width: int) -> tuple[bool, float]:
    """Whether the panels stand on top of each other, which has to gain a lot, and the pixels per metre."""
    wide, high = [w for w, _ in extents], [h for _, h in extents]
    beside = min((width - (len(wide) + 1) * _GAP) / sum(wide), _MAX_HEIGHT / max(high))
    above = min((width - 2 * _GAP) / max(wide), _MAX_HEIGHT / sum(high))
    stacked = above > 1.5 * beside
    return stacked, above if stacked else beside


def _compose(sheet: Sheet, images: list[Image], theme: Theme, title: str) -> Figure:
    """Views with their titles and scale bars, and a legend, on one figure."""
    from matplotlib.figure import Figure

    width, stacked = sheet.width, sheet.stacked
    top = _HEAD + (_HEAD if title else 0)
    highs, wides = [len(image) for image in images], [image.shape[1] for image in images]
    body = sum(h + _HEAD + _BAR for h in highs) if stacked else max(highs) + _HEAD + _BAR
    height = top - _HEAD + body + _FOOT
    figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor=theme.background)
    gap = _GAP if stacked else (width - sum(wides)) // (len(images) + 1)
    x, y = gap, top
    for image, name in zip(images, sheet.titles, strict=True):
        if stacked:
            x = (width - image.shape[1]) // 2
        baseline = y + (len(image) if stacked else max(highs))
        figure.figimage(image, xo=x, yo=height - baseline, origin="upper")
        figure.text(x / width, 1 - (y - 14) / height, name, color=theme.text, fontsize=12, va="bottom")
        _scale_bar(figure, (x, height - baseline - 16), image.shape[1], sheet.scale, theme.text)
        x, y = (x, y + len(image) + _HEAD + _BAR) if stacked else (x + image.shape[1] + gap, y)
    if title:
        figure.text(gap / width, 1 - 34 / height, title, color=theme.text, fontsize=15, weight="bold")
    _legend(figure, sheet, theme)
    return figure


def _scale_bar(figure: Figure, at: tuple[int, int], room: int, scale: float, colour: str, size: int = 11) -> None:
    """A bar of so many metres from a place (pixels from the lower left), shorter than two fifths of the room."""
    from matplotlib.lines import Line2D

    width, height = figure.get_size_inches() * 100
    metres = max((m for m in _METRES if m * scale <= 0.4 * room), default=_METRES[0])
    ends = [at[0] / width, (at[0] + metres * scale) / width]
    bar = Line2D(ends, [at[1] / height] * 2, color=colour, linewidth=3, transform=figure.transFigure)
    bar.set_solid_capstyle("butt")
    figure.add_artist(bar)
    figure.text(ends[1] + 8 / width, at[1] / height, f"{metres:g} m", color=colour, fontsize=size, va="center")


def _legend(figure: Figure, sheet: Sheet, theme: Theme) -> None:
    """The codes' names with their counts, along the foot."""
    width, height = figure.get_size_inches() * 100
    at, y = _GAP, 24
    colours = sheet.coding.colours(dark=theme.dark)
    for code, name, count in zip(sheet.coding.codes, sheet.coding.names, sheet.counts, strict=True):
        text = f"{name}  {count:,}"
        figure.text(at / width, y / height, "●", color=colours[code], fontsize=15, va="center")
        figure.text((at + 24) / width, y / height, text, color=theme.text, fontsize=12, va="center")
        at += 60 + 10 * len(text)
