"""`leafwood samples`: the sample scans, where they can be labelled."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
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
        FileProblem: they are not installed, or cannot be written.
    """
    from leafwood.errors import FileProblem
    from leafwood.io.target import check_target, writing

    source = next(_homes(), None)
    if source is None:
        raise FileProblem("the sample scans are not installed with this leafwood")
    args.folder.mkdir(parents=True, exist_ok=True)
    scans = sorted(source.glob("*.laz"))
    for scan in scans:
        check_target(args.folder / scan.name, scan, args.overwrite)
    for scan in scans:
        with writing(args.folder / scan.name, scan, args.overwrite) as stream, scan.open("rb") as original:
            shutil.copyfileobj(original, stream)
        print(args.folder / scan.name)
    return 0


def _homes() -> Iterator[Path]:
    """Where the samples are: in a checkout, or where pip puts a package's shared files."""
    for folder in (Path(__file__).parents[2] / "data_samples", Path(sys.prefix) / "share" / "leafwood" / "samples"):
        if any(folder.glob("*.laz")):
            yield folder
