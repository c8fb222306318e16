"""Which files are reported on, and where their pages go."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from leafwood.errors import BadConfig
from leafwood.io.files import list_files
from leafwood.io.loaders import default_output

__all__ = ["check_html", "common_folder", "labelled_files", "report_path"]


def labelled_files(paths: Iterable[Path]) -> list[Path]:
    """The files to report on: those that were asked for, without scans whose labelled file is among them.

    Raises:
        FileProblem: something that is not there, or a folder without a point cloud.
    """
    files = list_files(paths)
    there = {path.resolve() for path in files}
    return [path for path in files if default_output(path).resolve() not in there]


def report_path(labelled: Path, folder: Path | None = None) -> Path:
    """The usual name of a labelled file's page, beside it or in a folder."""
    return (folder or labelled.parent) / f"{labelled.stem.removesuffix('.copc')}_report.html"


def check_html(target: Path) -> None:
    """Refuse a name that no browser would open as a page.

    Raises:
        BadConfig: another suffix than ``.html`` or ``.htm``.
    """
    if target.suffix.lower() not in (".html", ".htm"):
        raise BadConfig(f"{target}: reports are written as .html")


def common_folder(files: Sequence[Path]) -> Path:
    """The lowest folder that holds all files."""
    return Path(os.path.commonpath([file.parent.absolute() for file in files]))
