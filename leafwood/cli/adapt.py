"""`leafwood adapt`: a model learns a few labelled scans of one's own."""

from __future__ import annotations

import argparse
from pathlib import Path

from leafwood.cli.options import add_labels, add_model
from leafwood.errors import BadConfig

__all__ = ["add_arguments", "run"]

_SHOWN = ("auroc", "g_mean", "wood_recall", "leaf_recall", "wood_iou")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="LABELLED", help="labelled scans to learn from")
    parser.add_argument(
        "--validation",
        type=Path,
        nargs="+",
        required=True,
        metavar="LABELLED",
        help="others to choose by",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="new folder for the weights")
    add_labels(parser)
    add_model(parser)
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=("head", "lora", "deblora"),
        default=("lora", "deblora"),
        help="what to try, one after the other (default: lora deblora)",
    )
    parser.add_argument("--rank", type=int, default=8, metavar="R", help="of the adapters (default 8)")
    parser.add_argument("--steps", type=int, default=300, metavar="N", help="of each training (default 300)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of everything (default 1)")
    parser.add_argument("--threads", type=int, default=1, help="of the training process (default 1)")


def run(args: argparse.Namespace) -> int:
    """Adapt a model.

    Returns:
        0; failures are raised.
    """
    from rich.console import Console
    from rich.table import Table

    from leafwood.classes import check_preset
    from leafwood.errors import TargetExists
    from leafwood.io.files import list_files
    from leafwood.train.adapt import adapt

    check_preset(args.labels)
    if args.threads < 1:
        raise BadConfig("--threads must be at least 1")
    if args.output.exists() and (not args.output.is_dir() or any(args.output.iterdir())):
        raise TargetExists(f"{args.output}: is there already and not an empty folder")
    settings = {
        name: getattr(args, name) for name in ("model", "labels", "methods", "rank", "steps", "seed", "threads")
    }
    found = adapt(
        list_files(args.paths, products=False), list_files(args.validation, products=False), args.output, **settings
    )
    table = Table("validation", *(name.replace("_", " ") for name in _SHOWN))
    for name, scores in found.items():
        table.add_row(name, *(f"{scores[key]:.3f}" for key in _SHOWN))
    Console().print(table)
    weights = args.output / "model.safetensors"
    print(f"weights and card: {weights}" if weights.exists() else f"no better than {args.model}: go on using that")
    return 0
