"""Which columns of a table of points are x, y and z, by the names that the field gives them."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["axes_of", "degrees_among", "names_axes"]

# Letters and digits of a name, without units, in the order in which they are believed.
_X = ("x", "easting", "east", "utmx", "utme", "utmeasting", "rechtswert", "points0", "e")
_Y = ("y", "northing", "north", "utmy", "utmn", "utmnorthing", "hochwert", "points1", "n")
_Z = ("z", "elevation", "elev", "altitude", "alt", "utmz", "points2", "height", "hoehe", "hhe", "h", "up")
_AROUND = ("coord", "coordinate", "coordinates", "pos", "position", "point", "p", "cartesian", "local", "global", "utm")
_METRES = ("m", "metre", "metres", "meter", "meters")
_DEGREES = ("lon", "long", "longitude", "lng", "lat", "latitude")


def _key(name: str) -> str:
    """Letters and digits in lower case, without a unit in brackets."""
    bare = re.sub(r"[\[(].*?[\])]", "", name.lower().lstrip("#/% "))
    return re.sub(r"[^a-z0-9]", "", bare)


def _spellings(names: tuple[str, ...]) -> list[str]:
    """All that an axis may be called, the most certain first."""
    axis = names[0]
    decorated = [f"{word}{axis}" for word in _AROUND] + [f"{axis}{word}" for word in _AROUND]
    certain = [axis, *decorated, *names[1:]]
    return certain + [f"{name}{unit}" for name in certain for unit in _METRES]


_ALL = tuple(_spellings(names) for names in (_X, _Y, _Z))


def axes_of(names: Sequence[str]) -> tuple[int, int, int] | None:
    """Numbers of the columns x, y and z, or None where the names do not say.

    Args:
        names: names of the columns, as a file has them; "" for a column without one.
    """
    keys = [_key(name) for name in names]
    found = []
    for spellings in _ALL:
        place = next((keys.index(spelling) for spelling in spellings if spelling in keys), None)
        if place is None:
            return None
        found.append(place)
    x, y, z = found
    return x, y, z


def degrees_among(names: Sequence[str]) -> list[str]:
    """Names that are longitudes and latitudes."""
    return [name for name in names if _key(name) in _DEGREES]


def names_axes(names: Sequence[str]) -> bool:
    """Whether a line that may be a comment is a header: it names an axis at least."""
    keys = {_key(name) for name in names}
    return axes_of(names) is not None or {"x", "y"} <= keys or bool(degrees_among(names))
