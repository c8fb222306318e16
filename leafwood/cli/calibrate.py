"""`leafwood calibrate`: fit a model's probabilities to labelled scans that it has not learnt from."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from leafwood.cli.options import add_labels

if TYPE_CHECKING:
    from leafwood.train.calibrate import Fitted

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument("model", metavar="MODEL", help="a .safetensors file, or the name of a shipped model")
    parser.add_argument(
        "paths",
        type=Path,
        nargs="+",
        metavar="LABELLED",
        help="labelled stands or trees that it has not learnt from, or folders of them; some leafless ones among them",
    )
    add_labels(parser)
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of thinning (default 0)")


def run(args: argparse.Namespace) -> int:
    """Calibrate a model.

    Returns:
        0; failures are raised.
    """
    from leafwood.classes import check_preset
    from leafwood.io.files import list_files
    from leafwood.train.calibrate import calibrate

    check_preset(args.labels)
    fitted = calibrate(args.model, list_files(args.paths), labels=args.labels, seed=args.seed)
    _table(fitted)
    if not fitted.calibration.descriptor:
        print("too few stands, or none of them leafless, to recognise leafless scans by: none will be taken for one")
    if not fitted.after:
        print("a single stand: its calibration could not be checked on another")
    print("calibrated" if fitted.written else "no better on stands the fit has not seen: the card keeps what it has")
    return 0


def _table(fitted: Fitted) -> None:
    """The network alone and calibrated, a row a kind of piece."""
    from rich.console import Console
    from rich.table import Table

    table = Table("pieces", "n", "balanced accuracy", "weight labelled right", "calibration error")
    for name, before in fitted.before.items():
        after = fitted.after.get(name)
        cells = (
            f"{getattr(before, key):.3f}" + (f" -> {getattr(after, key):.3f}" if after else "")
            for key in ("balanced_accuracy", "right", "error")
        )
        table.add_row(name, str(before.pieces), *cells)
    Console(width=120).print(table)
