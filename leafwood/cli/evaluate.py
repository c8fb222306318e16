"""`leafwood evaluate`: label files whose truth is known, and score the labels."""

from __future__ import annotations

import argparse
import json
import math
import os
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING

from leafwood.cli.options import add_labels, add_model, label_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from leafwood.evaluate.metrics import Scores

__all__ = ["add_arguments", "run"]

_WIDTH = 80  # columns where there is no terminal
_HEADS = {"wood_share": "wood share", "wood_recall": "wood recall", "leaf_recall": "leaf recall"}
_HEADS |= {"g_mean": "G-mean", "auroc": "AUROC"}
_SHOWN = ("wood_share", "wood_recall", "leaf_recall", "g_mean", "auroc")  # the rest is in --json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="labelled files, or folders of them")
    add_labels(parser)
    add_model(parser)
    parser.add_argument("--rule", choices=("overlap", "balanced"), help="how labels are made, as for `segment`")
    parser.add_argument("--quality", choices=("standard", "high"), help="as for `segment`")
    parser.add_argument("--thin", type=float, metavar="SHARE", help="first thin each file to this share of its points")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write every score of every stratum; - for stdout, in place of the tables",
    )
    parser.add_argument("--threads", type=int, help="processors to use (default: all)")


def run(args: argparse.Namespace) -> int:
    """Score the files, one by one and together.

    Returns:
        0 all done, 1 some file failed; the failure of an only file is raised.
    """
    from rich.console import Console

    from leafwood.classes import check_preset
    from leafwood.cli.one_by_one import one_by_one
    from leafwood.errors import BadConfig, about
    from leafwood.evaluate.evaluation import Evaluation, evaluate, truth_of
    from leafwood.evaluate.thinning import thin_downward
    from leafwood.io.files import list_files
    from leafwood.io.loaders import read
    from leafwood.io.target import writing
    from leafwood.models import load_segmenter

    check_preset(args.labels)
    if args.thin is not None and not 0 < args.thin <= 1:
        raise BadConfig(f"--thin must be a share between 0 and 1, not {args.thin:g}")
    segmenter = load_segmenter(args.model, threads=args.threads, rule=args.rule, quality=args.quality)
    paths = list_files(args.paths, products=args.labels == "leafwood")

    def work(path: Path) -> Evaluation:
        cloud = read(path, extra=label_columns(args.labels)).under_preset(args.labels)
        truth_of(cloud, args.labels)  # a file without truth is refused before it is labelled
        if args.thin is not None:
            cloud = thin_downward(cloud, args.thin)
        with about(path):
            return evaluate(segmenter.segment(cloud), truth_of(cloud, args.labels))

    found = one_by_one(paths, work, debug=args.debug)
    if not found:
        return 1
    total = reduce(add, found.values())
    content = {"model": segmenter.model.name, "sha256": segmenter.model.sha256, "all": total.as_dict()}
    content["files"] = {str(k): v.as_dict() for k, v in found.items()}
    text = json.dumps(content, indent=1) + "\n"
    if args.json == Path("-"):
        print(text, end="")
        return 0 if len(found) == len(paths) else 1
    console = Console(width=None if os.isatty(1) else _WIDTH, markup=False, emoji=False, highlight=False)
    _table(console, "file", {**{str(k): v.overall for k, v in found.items()}, "all": total.overall})
    _table(console, "height above ground", total.height)
    _table(console, "density", total.density)
    if args.json:
        with writing(args.json, None, overwrite=True) as stream:
            stream.write(text.encode())
    return 0 if len(found) == len(paths) else 1


def _table(console: Console, title: str, rows: Mapping[str, Scores]) -> None:
    """Scores as a table, a row a stratum that has points."""
    from rich.table import Table

    table = Table()
    table.add_column(title, overflow="fold")
    for name in ("points", *_SHOWN):
        table.add_column(_HEADS.get(name, name).replace(" ", "\n"), justify="right", no_wrap=True)
    for label, scores in rows.items():
        values = scores.as_dict()
        if values["points"]:
            table.add_row(label, f"{values['points']:,.0f}", *(_number(values[name]) for name in _SHOWN))
    console.print(table)


def _number(value: float) -> str:
    """Three digits; a dash where there is nothing to score."""
    return "-" if math.isnan(value) else f"{value:.3f}"
