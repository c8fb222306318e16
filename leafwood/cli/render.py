"""`leafwood render`: a labelled scan as a picture, without a display."""

from __future__ import annotations

import argparse
from pathlib import Path

from leafwood.errors import BadCloud, BadConfig, about

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument("path", type=Path, metavar="LABELLED", help="a scan that `leafwood segment` has labelled")
    parser.add_argument("-o", "--output", type=Path, help="PNG to write (default: beside the scan)")
    parser.add_argument("--section", type=float, metavar="METRES", help="side views of the middle METRES only")
    parser.add_argument("--width", type=int, default=1600, help="picture width in pixels (default 1600)")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark", help="background (default dark)")
    parser.add_argument("--title", default="", help="a line over the picture")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing picture")


def run(args: argparse.Namespace) -> int:
    """Draw one labelled file.

    Returns:
        0; failures are raised.

    Raises:
        BadConfig: a width or a section that nothing can be drawn in.
        BadCloud: the file has no points or no labels.
        TargetExists: the picture exists and may not be replaced.
    """
    if not 300 <= args.width <= 8000:
        raise BadConfig("--width must be between 300 and 8000 pixels")
    if args.section is not None and args.section <= 0:
        raise BadConfig("--section must be more than 0 metres")
    from matplotlib.image import imsave

    from leafwood.io.labels import codes_of
    from leafwood.io.loaders import read
    from leafwood.io.target import check_target, writing
    from leafwood.report.picture import THEMES, draw_labels

    source: Path = args.path
    target: Path = args.output or source.with_suffix(".png")
    if target.suffix.lower() != ".png":
        raise BadConfig(f"{target}: pictures are written as .png")
    check_target(target, source, args.overwrite)
    cloud = read(source)
    with about(source):
        codes_of(cloud.columns)
    cloud = cloud.select(~cloud.strays())
    if not len(cloud):
        raise BadCloud(f"{source}: has no points to draw")
    picture = draw_labels(
        cloud.xyz,
        codes_of(cloud.columns),
        title=args.title,
        width=args.width,
        section=args.section,
        theme=THEMES[args.theme],
    )
    with writing(target, source, args.overwrite) as file:
        imsave(file, picture, format="png")
    print(target)
    return 0
