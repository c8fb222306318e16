"""HTML pages that hold all they show: templates, style and scripts put together into one file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from leafwood._version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["UNKNOWN", "fill_page", "number", "percent", "share_of"]
UNKNOWN = "unknown"


def fill_page(template: str, *, title: str, scripts: tuple[str, ...] = (), **content: Any) -> str:
    """A page from a template.

    Everything that is filled in is escaped, so names from a user's file cannot become part of the page.

    Args:
        template: name of a file in ``templates``.
        title: of the page.
        scripts: names of files in ``static`` that the page runs.
        content: what the template asks for.
    """
    from markupsafe import Markup

    static = files(__package__) / "static"
    return (
        _environment()
        .get_template(template)
        .render(
            title=title,
            version=__version__,
            style=Markup((files(__package__) / "templates" / "page.css").read_text("utf-8")),
            scripts=[Markup((static / name).read_text("utf-8")) for name in scripts],
            licence=Markup((static / "THREE-LICENSE.txt").read_text("utf-8")),
            **content,
        )
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("leafwood.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def number(value: float, digits: int = 0) -> str:
    """A number for reading."""
    return UNKNOWN if value != value else f"{value:,.{digits}f}"


def percent(value: float) -> str:
    """A share for reading, as `leafwood segment` prints it."""
    return UNKNOWN if value != value else f"{value:.1%}"


def share_of(part: int, whole: int) -> str:
    """A count with its share of a whole."""
    return f"{part:,} ({part / whole:.1%})" if whole else f"{part:,}"
