"""`leafwood render`: a labelled scan as a picture, without a display."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leafwood.cli.options import label_columns
from leafwood.errors import BadCloud, BadConfig, about

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from leafwood.cloud import PointCloud
    from leafwood.report.palette import Coding

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument("path", type=Path, metavar="LABELLED", help="a scan that `leafwood segment` has labelled")
    parser.add_argument("-o", "--output", type=Path, help="PNG, SVG or PDF to write (default: PNG beside the scan)")
    parser.add_argument("--section", type=float, metavar="METRES", help="side views of the middle METRES only")
    parser.add_argument("--width", type=int, default=1600, help="picture width in pixels (default 1600)")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark", help="background (default dark)")
    parser.add_argument("--title", default="", help="a line over the picture")
    parser.add_argument(
        "--against", type=Path, metavar="TRUTH", help="show where the labels differ from those of another file"
    )
    parser.add_argument("--labels", help="how TRUTH's labels are written: gt_wood, leafwood ... (default: as found)")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing picture")


def run(args: argparse.Namespace) -> int:
    """Draw one labelled file.

    Returns:
        0; failures are raised.

    Raises:
        BadConfig: a width or a section that nothing can be drawn in, or a picture format that is not written.
        BadCloud: the file has no points or no labels, or the truth is of another scan.
        TargetExists: the picture exists and may not be replaced.
    """
    if not 300 <= args.width <= 8000:
        raise BadConfig("--width must be between 300 and 8000 pixels")
    if args.section is not None and args.section <= 0:
        raise BadConfig("--section must be more than 0 metres")
    if args.labels is not None and args.against is None:
        raise BadConfig("--labels says how the labels of --against are written; give --against TRUTH too")
    from leafwood.io.labels import codes_of
    from leafwood.io.loaders import read
    from leafwood.io.target import check_target, writing
    from leafwood.report.palette import THEMES
    from leafwood.report.picture import FORMATS, lay_out, panels_of, save_sheet

    source: Path = args.path
    target: Path = args.output or source.with_suffix(".png")
    kind = target.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise BadConfig(f"{target}: pictures are written as {', '.join(f'.{name}' for name in FORMATS)}")
    check_target(target, source, args.overwrite)
    cloud = read(source)
    with about(source):
        codes_of(cloud.columns)
    cloud = cloud.select(~cloud.strays())
    if not len(cloud):
        raise BadCloud(f"{source}: has no points to draw")
    codes, coding = _codes(cloud, args)
    sheet = lay_out(cloud.xyz, codes, panels_of(cloud.xyz, codes, coding, args.section), args.width, coding)
    with writing(target, source, args.overwrite) as file:
        save_sheet(sheet.figure(THEMES[args.theme], args.title), file, kind)
    print(target)
    return 0


def _codes(cloud: PointCloud, args: argparse.Namespace) -> tuple[NDArray[Any], Coding]:
    """What each point is drawn as: its label, or how it stands to the truth."""
    from leafwood.io.labels import codes_of
    from leafwood.io.loaders import read
    from leafwood.report.compare import compare
    from leafwood.report.palette import LABELS

    if args.against is None:
        return codes_of(cloud.columns), LABELS
    found = compare(cloud, read(args.against, extra=label_columns(args.labels)), args.labels)
    return found.code, found.coding
