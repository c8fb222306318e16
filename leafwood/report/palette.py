"""Colours of pictures and reports, chosen so that leaf and wood differ for colour-blind readers as well.

Leaf is a blue-green and wood an orange, which also differ in lightness. Green and brown, which come to mind first, look
alike to one man in twelve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leafwood.classes import OUT_LEAF, OUT_NONE, OUT_WOOD

__all__ = ["DIFFERENCE", "LABELS", "THEMES", "Coding", "Theme", "blank_palette", "ramp"]

Palette = list[str]


@dataclass(frozen=True)
class Theme:
    """What surrounds the points, as hexadecimal RGB.

    Attributes:
        background: behind the points.
        text: titles, legends and scale bars.
        dark: whether the background is dark.
    """

    background: str
    text: str
    dark: bool


THEMES: dict[str, Theme] = {
    "dark": Theme(background="#11161a", text="#d8dee2", dark=True),
    "light": Theme(background="#ffffff", text="#20272c", dark=False),
}


@dataclass(frozen=True)
class Coding:
    """What the codes of a picture's points mean.

    Attributes:
        codes: the codes in the order in which a legend lists them.
        names: name of each code.
        on_dark: colour of each code on a dark background, as hexadecimal RGB.
        on_light: the same on a light background.
        hidden: the codes that the second side view leaves out.
        without: title of that view.
    """

    codes: tuple[int, ...]
    names: tuple[str, ...]
    on_dark: tuple[str, ...]
    on_light: tuple[str, ...]
    hidden: tuple[int, ...]
    without: str

    def colours(self, *, dark: bool) -> dict[int, str]:
        """Colour of each code, as hexadecimal RGB."""
        return dict(zip(self.codes, self.on_dark if dark else self.on_light, strict=True))


LABELS = Coding(
    codes=(OUT_LEAF, OUT_WOOD, OUT_NONE),
    names=("leaf", "wood", "ground and other"),
    on_dark=("#35a893", "#f5993d", "#7d868c"),
    on_light=("#1f8f7c", "#d8690b", "#9aa3a9"),
    hidden=(OUT_LEAF,),
    without="The same without leaves",
)
# Two labellings of one scan, A and B: 0 not compared, 1 and 2 agreed, 3 and 4 where they differ.
DIFFERENCE = Coding(
    codes=(1, 2, 3, 4, 0),
    names=("both leaf", "both wood", "A wood, B leaf", "A leaf, B wood", "not compared"),
    on_dark=("#5f7a74", "#a98f73", "#ff5db1", "#5aa9ff", "#454c51"),
    on_light=("#b4c6c1", "#cdb79d", "#c2127b", "#1f5fbf", "#dfe3e5"),
    hidden=(0, 1, 2),
    without="Only where they differ",
)


def ramp(name: str) -> Palette:
    """256 colours of a matplotlib colour map, or of ``leafwood``: leaf, undecided, wood."""
    from matplotlib import colormaps
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    if name == "leafwood":
        leaf, wood = (LABELS.colours(dark=True)[code] for code in (OUT_LEAF, OUT_WOOD))
        chosen = LinearSegmentedColormap.from_list(name, [leaf, "#d9d2e6", wood])
        return [to_hex(colour) for colour in chosen(np.linspace(0, 1, 256))]
    return [to_hex(colour) for colour in colormaps[name](np.linspace(0, 1, 256))]


def blank_palette(colours: dict[int, str], rest: str = "#7d868c") -> Palette:
    """256 colours, those of the given codes and one for all others."""
    return [colours.get(code, rest) for code in range(256)]
