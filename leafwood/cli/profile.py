"""`leafwood profile`: leaf, wood and plant area of labelled scans by height."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from leafwood.cli.options import add_labels, label_columns
from leafwood.errors import BadConfig, about

if TYPE_CHECKING:
    from leafwood.canopy.profile import CanopyConfig

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="LABELLED", help="labelled files, or folders of them")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder to write to (default: beside each file)"
    )
    parser.add_argument("--dz", type=float, default=1.0, metavar="M", help="thickness of a height bin (default 1 m)")
    parser.add_argument(
        "--z0", type=float, default=1.0, metavar="M", help="height above ground to begin at (default 1 m)"
    )
    parser.add_argument(
        "--k", type=float, default=0.5, help="share of its one-sided area that a plant turns to the beam (default 0.5)"
    )
    parser.add_argument("--grid", type=float, metavar="CELL", help="also write GeoTIFF grids with cells of CELL metres")
    add_labels(parser, "leafwood")
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.add_argument(
        "--force", action="store_true", help="measure scans from below, single trees and sparse scans, too"
    )


def run(args: argparse.Namespace) -> int:
    """Measure the files one by one.

    Returns:
        0 all done, 1 some file failed.
    """
    from leafwood.canopy.profile import CanopyConfig
    from leafwood.classes import check_preset
    from leafwood.cli.one_by_one import one_by_one
    from leafwood.io.files import is_product, list_files
    from leafwood.io.geotiff import require_rasterio

    config = CanopyConfig(dz=args.dz, z0=args.z0, k=args.k, cell=args.grid)
    check_preset(args.labels)
    if config.cell is not None:
        require_rasterio()
    paths = list_files(args.paths)
    if args.labels == "leafwood" and any(path.is_dir() for path in args.paths):
        labelled = [path for path in paths if is_product(path)]  # beside them lie the scans they were made from
        paths = labelled or paths
    targets = {(args.output or path.parent, _stem(path)) for path in paths}
    if len(targets) < len(paths):
        raise BadConfig("two of the files have the same name: their profiles would overwrite each other")
    if args.output:
        args.output.mkdir(parents=True, exist_ok=True)

    def work(path: Path) -> None:
        _measure(path, args.output or path.parent, config, args)

    return 0 if len(one_by_one(paths, work, debug=args.debug)) == len(paths) else 1


def _stem(path: Path) -> str:
    """First part of the names of a file's profile."""
    return path.stem.removesuffix(".copc")


def _measure(path: Path, folder: Path, config: CanopyConfig, args: argparse.Namespace) -> None:
    from leafwood.batch.one_file import measure
    from leafwood.io.loaders import read
    from leafwood.io.target import check_target
    from leafwood.report.canopy import canopy_files, headline, write_canopy

    for file in canopy_files(folder, _stem(path), config)[:2]:
        check_target(file, path, args.overwrite)
    cloud = read(path, extra=label_columns(args.labels)).under_preset(args.labels)
    with about(path):
        canopy = measure(cloud, config, args.labels, force=args.force)
    files = write_canopy(canopy, folder, _stem(path), overwrite=args.overwrite)
    print(f"{files[0]}: {headline(canopy)}")
