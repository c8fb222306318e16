"""How results show: a line of text on a terminal, a table in a notebook, and no wall of arrays in either."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

__all__ = ["Summary", "as_line", "as_table"]

Summary = Iterable[tuple[str, str]]  # what there is, a name and a few words each

_ROW = "<tr><th style='text-align:left'>{}</th><td style='text-align:left'>{}</td></tr>"


def as_line(title: str, summary: Summary) -> str:
    """The `repr` of a result."""
    return f"{title}({', '.join(f'{name}: {value}' for name, value in summary)})"


def as_table(title: str, summary: Summary) -> str:
    """The HTML of a result, for its `_repr_html_`; names and values are escaped."""
    rows = "".join(_ROW.format(escape(name), escape(value)) for name, value in summary)
    return f"<table><caption style='text-align:left'>{escape(title)}</caption>{rows}</table>"
