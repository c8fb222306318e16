"""How the truth is written: the option, and what is to be read for it, alike for every command."""

from __future__ import annotations

import argparse

__all__ = ["add_labels", "label_columns"]


def add_labels(parser: argparse.ArgumentParser, default: str = "gt_wood") -> None:
    """Add ``--labels``."""
    parser.add_argument(
        "--labels",
        default=default,
        metavar="HOW",
        help="how leaf and wood are written: a name that `leafwood labels` lists, or your own column and codes, as in "
        f"column=lw,wood=1,leaf=2,ignore=0 (default {default})",
    )


def label_columns(labels: str | None) -> tuple[str, ...]:
    """Columns that may hold labels written like that, to be read beside the usual ones; none where nothing is said.

    Raises:
        BadConfig: no such preset, and no column with codes.
    """
    from leafwood.classes import preset_of

    return preset_of(labels).columns if labels else ()
