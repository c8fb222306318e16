"""The option that says how the truth is written, alike for every command that reads it."""

from __future__ import annotations

import argparse

__all__ = ["add_labels"]


def add_labels(parser: argparse.ArgumentParser, default: str = "gt_wood") -> None:
    """Add ``--labels``."""
    parser.add_argument(
        "--labels",
        default=default,
        metavar="HOW",
        help="how leaf and wood are written: a name that `leafwood labels` lists, or your own column and codes, as in "
        f"column=lw,wood=1,leaf=2,ignore=0 (default {default})",
    )
