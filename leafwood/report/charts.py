"""Charts of a report as SVG that takes its colours from the page, so that they follow light, dark and print."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leafwood.report.facts import SURE, Facts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Chart", "charts_of", "difference_chart", "drawn", "lines_chart"]

_SIZE = (4.4, 3.5)  # inches
# Stand-ins that no other colour of a chart equals, and the page's own that take their places.
_COLOURS = {
    "ink": "#010203",
    "faint": "#020304",
    "leaf": "#030405",
    "wood": "#040506",
    "other": "#050607",
    "doubt": "#060708",
    "a-only": "#070809",
    "b-only": "#08090a",
}
_RC: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "leafwood",
    "font.size": 10,
    "axes.edgecolor": _COLOURS["ink"],
    "axes.labelcolor": _COLOURS["ink"],
    "text.color": _COLOURS["ink"],
    "xtick.color": _COLOURS["ink"],
    "ytick.color": _COLOURS["ink"],
    "grid.color": _COLOURS["faint"],
    "hatch.color": _COLOURS["ink"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        title: what it shows.
        alt: the same in words, for those who do not see it.
        svg: an ``svg`` element.
    """

    title: str
    alt: str
    svg: str


@contextmanager
def drawn(into: list[Chart], title: str, alt: str) -> Iterator[Axes]:
    """Axes to draw a chart on, which joins the list when the block ends."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_RC):
        figure = Figure(figsize=_SIZE, layout="constrained")
        yield figure.subplots()
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata=_NO_METADATA)
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    for name, stand_in in _COLOURS.items():
        svg = svg.replace(stand_in, f"var(--{name})")
    svg = re.sub(r'(<svg [^>]*?)width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg [^>]*?)height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    into.append(Chart(title, alt, svg))


def charts_of(facts: Facts) -> list[Chart]:
    """The charts of a labelled scan."""
    charts: list[Chart] = []
    _density(charts, facts)
    _share(charts, facts)
    if facts.doubtful is not None:
        _doubt(charts, facts)
    if facts.histogram is not None:
        _histogram(charts, facts.histogram)
    if facts.canopy is not None:
        _profile(charts, facts)
    return charts


def _height_name(facts: Facts) -> str:
    return "height above ground, m" if facts.above_ground else "height above the lowest point, m"


def _density(charts: list[Chart], facts: Facts) -> None:
    layers = facts.layers
    volume = max(facts.area, 1e-9) * np.diff(layers.edges)
    values = {name: getattr(layers, name) / volume for name in ("leaf", "wood", "other")}
    fullest = int(np.argmax(layers.labelled))
    alt = (
        f"Points per cubic metre of canopy by height, stacked by label; "
        f"most labelled points lie between {layers.edges[fullest]:g} and {layers.edges[fullest + 1]:g} m."
    )
    with drawn(charts, "Points by height", alt) as axes:
        left = np.zeros(len(layers.leaf))
        for name, value in values.items():
            axes.barh(
                layers.edges[:-1], value, np.diff(layers.edges), left, align="edge", color=_COLOURS[name], label=name
            )
            left = left + value
        axes.set(xlabel="points per m³", ylabel=_height_name(facts))
        axes.legend()


def _share(charts: list[Chart], facts: Facts) -> None:
    layers = facts.layers
    some = layers.labelled > 0
    share = np.where(some, layers.wood / np.maximum(layers.labelled, 1), np.nan)
    middle = (layers.edges[:-1] + layers.edges[1:]) / 2
    alt = "Share of wood among the labelled points by height" + (
        f", from {np.nanmin(share):.0%} to {np.nanmax(share):.0%}." if some.any() else "; nothing is labelled."
    )
    with drawn(charts, "Wood share by height", alt) as axes:
        axes.plot(100 * share, middle, color=_COLOURS["wood"], marker="o", markersize=3, label="points labelled wood")
        if facts.canopy is not None:
            _estimated_share(axes, facts)
        axes.set(xlabel="wood, % of labelled points", ylabel=_height_name(facts), xlim=(0, 100))
        axes.set_ylim(layers.edges[0], layers.edges[-1])
        axes.legend()


def _estimated_share(axes: Axes, facts: Facts) -> None:
    """The share of contacts that wood made, which counts no point as more than it is likely to be, with its error."""
    if facts.canopy is None:
        return
    profile, z = facts.canopy.profile, facts.canopy.counts.z
    error = np.nan_to_num(profile.wood_share_error)
    low, high = np.clip(profile.wood_share - error, 0, 1), np.clip(profile.wood_share + error, 0, 1)
    axes.fill_betweenx(z, 100 * low, 100 * high, color=_COLOURS["ink"], alpha=0.18, linewidth=0)
    axes.plot(
        100 * profile.wood_share, z, color=_COLOURS["ink"], linestyle="--", label="estimated from P(wood), ± error"
    )


def _doubt(charts: list[Chart], facts: Facts) -> None:
    layers = facts.layers
    share = np.where(layers.labelled > 0, layers.doubtful / np.maximum(layers.labelled, 1), 0.0)
    worst = int(np.argmax(np.where(layers.labelled > 100, share, 0)))
    alt = (
        f"Share of labelled points in doubt by height; {facts.doubt_share:.0%} of all, most of them between "
        f"{layers.edges[worst]:g} and {layers.edges[worst + 1]:g} m ({share[worst]:.0%} there)."
    )
    with drawn(charts, "Labels in doubt by height", alt) as axes:
        axes.barh(layers.edges[:-1], 100 * share, np.diff(layers.edges), align="edge", color=_COLOURS["doubt"])
        axes.axvline(100 * facts.doubt_share, color=_COLOURS["ink"], linestyle="--", label="all heights")
        axes.set(xlabel=f"points less sure than {SURE:g}, %", ylabel=_height_name(facts), xlim=(0, 100))
        axes.legend()


def _histogram(charts: list[Chart], histogram: NDArray[np.int64]) -> None:
    edges = np.linspace(0, 1, len(histogram) + 1)
    total = max(int(histogram.sum()), 1)
    sure = (histogram[:6].sum() + histogram[-6:].sum()) / total
    alt = f"Labelled points by P(wood); {sure:.0%} lie below 0.3 or above 0.7, where the model is sure of its label."
    with drawn(charts, "How sure the model is", alt) as axes:
        middle = (edges[:-1] + edges[1:]) / 2
        colours = [_COLOURS["wood" if p > 0.5 else "leaf"] for p in middle]
        axes.bar(edges[:-1], 100 * histogram / total, np.diff(edges), align="edge", color=colours)
        axes.axvspan(1 - SURE, SURE, color=_COLOURS["doubt"], alpha=0.22, linewidth=0, label="in doubt")
        axes.set(xlabel="P(wood)", ylabel="labelled points, %", xlim=(0, 1))
        axes.legend()


def _profile(charts: list[Chart], facts: Facts) -> None:
    canopy = facts.canopy
    if canopy is None:
        return
    profile, z, dz = canopy.profile, canopy.counts.z, canopy.config.dz
    (lai, error), (wai, wai_error) = (profile.index(name, dz) for name in ("lad", "wad"))
    alt = (
        f"Leaf and wood area density by height with standard errors. Leaf area index {lai:.2f} ± {error:.2f}, "
        f"wood area index {wai:.2f} ± {wai_error:.2f}; {profile.occluded.sum() * dz:g} m of height are occluded."
    )
    with drawn(charts, "Leaf and wood area by height", alt) as axes:
        known = ~profile.occluded
        for name, colour in (("lad", "leaf"), ("wad", "wood")):
            value = np.where(known, getattr(profile, name), np.nan)
            spread = np.where(known, getattr(profile, f"{name}_error"), np.nan)
            axes.fill_betweenx(z, value - spread, value + spread, color=_COLOURS[colour], alpha=0.25, linewidth=0)
            axes.plot(value, z, color=_COLOURS[colour], label={"lad": "leaf", "wad": "wood"}[name])
        for number, height in enumerate(z[~known]):
            label = "occluded: unknown" if number == 0 else None
            axes.axhspan(height - dz / 2, height + dz / 2, facecolor="none", hatch="///", linewidth=0, label=label)
        axes.set(xlabel="area density, m²/m³, ± standard error", ylabel=_height_name(facts))
        axes.set_xlim(left=0)
        axes.set_ylim(z[0] - dz / 2, z[-1] + dz / 2)
        axes.legend()


def difference_chart(
    edges: NDArray[np.float64], only_a: NDArray[np.float64], only_b: NDArray[np.float64], names: tuple[str, str]
) -> Chart:
    """Where two labellings differ, by height.

    Args:
        edges: (b + 1,) m.
        only_a: (b,) share of the compared points that A alone calls wood.
        only_b: (b,) share that B alone calls wood.
        names: what these two mean.
    """
    charts: list[Chart] = []
    worst = int(np.argmax(only_a + only_b))
    alt = (
        f"Share of points with different labels by height; most between {edges[worst]:g} and {edges[worst + 1]:g} m: "
        f"{only_a[worst]:.1%} {names[0]}, {only_b[worst]:.1%} {names[1]}."
    )
    with drawn(charts, "Differences by height", alt) as axes:
        step = np.diff(edges)
        axes.barh(edges[:-1], 100 * only_a, step, align="edge", color=_COLOURS["a-only"], label=names[0])
        axes.barh(edges[:-1], 100 * only_b, step, 100 * only_a, align="edge", color=_COLOURS["b-only"], label=names[1])
        axes.set(xlabel="% of the compared points", ylabel="height, m")
        axes.set_xlim(left=0)
        axes.legend()
    return charts[0]


def lines_chart(title: str, x: NDArray[np.float64], series: dict[str, NDArray[np.float64]], xlabel: str) -> Chart:
    """Curves over one axis, the first in the colour of leaf and the second in that of wood."""
    charts: list[Chart] = []
    last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in series.items())
    with drawn(charts, title, f"{title} over {xlabel}; at the end {last}.") as axes:
        for (name, values), colour in zip(series.items(), ("leaf", "wood", "doubt", "ink"), strict=False):
            axes.plot(x, values, color=_COLOURS[colour], label=name)
        axes.set(xlabel=xlabel)
        if len(series) > 1:
            axes.legend()
    return charts[0]
