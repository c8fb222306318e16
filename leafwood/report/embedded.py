"""Pictures for a page: one view each, in light and in dark, as data that the page itself holds."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.report.palette import THEMES, Coding, Theme
from leafwood.report.picture import Sheet, lay_out, panels_of, pixels_of

__all__ = ["Embedded", "pictures_of"]

_WIDTH = 520  # pixels
_QUALITY = 82  # of WebP: points stay points
_SECTION = 0.15  # of the plot's depth
_THINNEST = 1.0  # m


@dataclass(frozen=True)
class Embedded:
    """A picture.

    Attributes:
        light: data URI of the picture on white.
        dark: the same on a dark background.
        title: what is seen.
        alt: the same with counts, for those who do not see it.
        width: pixels.
        height: pixels.
    """

    light: str
    dark: str
    title: str
    alt: str
    width: int
    height: int


def pictures_of(cloud: PointCloud, codes: NDArray[Any], coding: Coding) -> Iterator[Embedded]:
    """The cloud from the side, without what the coding hides, as a section, and from above.

    Args:
        cloud: n > 0 points; strays are left out.
        codes: (n,) codes of the coding.
        coding: what the codes mean.
    """
    near = ~cloud.strays()
    xyz, codes = cloud.xyz[near], np.asarray(codes)[near]
    names = dict(zip(coding.codes, coding.names, strict=True))
    counted = ", ".join(f"{np.count_nonzero(codes == code):,} {name}" for code, name in names.items())
    thick = round(max(_THINNEST, _SECTION * float(np.ptp(xyz[:, 1]))), 1)
    side, bare, above = panels_of(xyz, codes, coding, None)
    section, _, _ = panels_of(xyz, codes, coding, thick)
    for panel in (side, bare, section, above):
        sheet = lay_out(xyz, codes, [panel], _WIDTH, coding)
        light, (width, height) = _encode(sheet, THEMES["light"])
        dark, _ = _encode(sheet, THEMES["dark"])
        alt = f"{panel.title}: {len(panel.labels):,} points drawn ({counted})."
        yield Embedded(light, dark, panel.title, alt, width, height)


def _encode(sheet: Sheet, theme: Theme) -> tuple[str, tuple[int, int]]:
    """A sheet as the data URI of a WebP picture, and its size."""
    from PIL import Image

    picture = Image.fromarray(pixels_of(sheet.bare(theme)))
    stream = io.BytesIO()
    picture.save(stream, "WEBP", quality=_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}", picture.size
