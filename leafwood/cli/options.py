"""Options that several commands take, alike for each of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from leafwood.weights import DEFAULT_MODEL

__all__ = ["add_labels", "add_model", "add_overrides", "add_scans", "label_columns"]


def add_scans(parser: argparse.ArgumentParser, kinds: str = "files, or folders of them") -> None:
    """Add the scans that a command reads, labelled or not.

    Args:
        parser: of the command.
        kinds: what may be named, for the help.
    """
    parser.add_argument(
        "paths",
        type=Path,
        nargs="+",
        metavar="PATH",
        help=f"LAS, LAZ, COPC, PLY, PCD, XYZ ... {kinds}",
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add ``--model``."""
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name of a shipped model, or a .safetensors file")


def add_overrides(parser: argparse.ArgumentParser, example: str) -> None:
    """Add ``--set``.

    Args:
        parser: of the command.
        example: two settings that the help names, with "or" between them.
    """
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="KEY=VALUE",
        help=f"a setting in place of the file's, such as {example}; may be given several times",
    )


def add_labels(parser: argparse.ArgumentParser, default: str = "gt_wood") -> None:
    """Add ``--labels``: how the truth is written."""
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
