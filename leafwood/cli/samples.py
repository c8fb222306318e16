"""`leafwood samples`: the sample scans, where they can be labelled."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder to write to")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there already")


def run(args: argparse.Namespace) -> int:
    """Copy the sample scans.

    Returns:
        0; failures are raised.

    Raises:
        FileProblem: they cannot be written.
    """
    from leafwood.io.target import check_target, writing
    from leafwood.shipped import samples_folder

    args.folder.mkdir(parents=True, exist_ok=True)
    scans = sorted(samples_folder().glob("*.laz"))
    for scan in scans:
        check_target(args.folder / scan.name, scan, args.overwrite)
    for scan in scans:
        with writing(args.folder / scan.name, scan, args.overwrite) as stream, scan.open("rb") as original:
            shutil.copyfileobj(original, stream)
        print(args.folder / scan.name)
    return 0
