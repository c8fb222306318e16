"""`leafwood diagnose`: how hard labelled stands are to learn from, and what a model has made of them."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leafwood.errors import BadConfig
from leafwood.weights import DEFAULT_MODEL

if TYPE_CHECKING:
    from rich.console import Console

    from leafwood.diagnose.diagnosis import Difficulty, Voxels
    from leafwood.diagnose.seli import Collapse

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="LABELLED", help="labelled files, or folders of them")
    parser.add_argument("--labels", default="gt_wood", help="how the truth is written: gt_wood, soul, for-instance ...")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name of a shipped model, or a .safetensors file")
    parser.add_argument(
        "--crops", type=int, default=60, metavar="N", help="pieces of the stands to look at (default 60)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of their places (default 0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")


def run(args: argparse.Namespace) -> int:
    """Look at the files and print two tables.

    Returns:
        0 all done, 1 some file failed; the failure of an only file is raised.
    """
    from rich.console import Console

    from leafwood.classes import check_preset
    from leafwood.cli.one_by_one import one_by_one
    from leafwood.datasets.stands import load_stand
    from leafwood.diagnose.diagnosis import THIRDS, difficulty, learnt, sample_voxels
    from leafwood.errors import BadCloud
    from leafwood.inference.model_file import load_model
    from leafwood.io.files import list_files

    check_preset(args.labels)
    if args.crops < 1 or args.seed < 0:
        raise BadConfig("--crops must be at least 1, and --seed no less than 0")
    model = load_model(args.model)
    paths = list_files(args.paths, products=False)
    stands = one_by_one(paths, lambda path: load_stand(path, args.labels), debug=args.debug)
    if not stands:
        return 1
    voxels = sample_voxels(list(stands.values()), model, args.crops, args.seed)
    parts = {"all": voxels} | {name: voxels.take(voxels.third == i) for i, name in enumerate(THIRDS)}
    found: dict[str, Difficulty | str] = {}
    for name, part in parts.items():
        try:
            found[name] = difficulty(part, args.seed)
        except BadCloud as error:
            found[name] = str(error)
    console = Console(width=None if os.isatty(1) else 160)
    _difficulties(console, parts, found)
    content: dict[str, Any] = {"model": model.name, "sha256": model.sha256, "crops": args.crops, "seed": args.seed}
    content["difficulty"] = {k: v if isinstance(v, str) else dataclasses.asdict(v) for k, v in found.items()}
    try:
        geometry, names, counts = learnt(voxels, args.seed)
    except BadCloud as error:
        console.print(f"What {model.name} has learnt: {error}", highlight=False)
    else:
        _geometry(console, model.name, geometry, names, counts)
        content["learnt"] = {"classes": names, "voxels": counts, "within": geometry.within}
        content["learnt"] |= {"to_seli": geometry.to_seli, "to_etf": geometry.to_etf, "means": geometry.means.tolist()}
    if args.json:
        args.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0 if len(stands) == len(paths) else 1


def _difficulties(console: Console, parts: dict[str, Voxels], found: dict[str, Difficulty | str]) -> None:
    """The taxonomy's table, a row a part of the canopy, and what to do about it."""
    from rich.table import Table

    from leafwood.diagnose.diagnosis import ADVICE

    table = Table(title="How hard wood is to learn", title_justify="left")
    for name in (
        "voxels of",
        "wood",
        "log eta",
        "kappa",
        "Delta",
        "learnt",
        "recall",
        "precision",
        "to win back",
        "r",
        "g",
        "regime",
    ):
        table.add_column(name, justify="left" if name in ("voxels of", "regime") else "right")
    for name, part in parts.items():
        share = f"{part.wood.mean():.1%}" if len(part.wood) else ""
        entry = found[name]
        if isinstance(entry, str):
            table.add_row(name, share, *[""] * 9, entry)
            continue
        deltas = (entry.apart.naive, entry.apart.corrected, entry.apart.robust)
        plain, kappa = entry.plain, entry.crops / entry.dimensions
        cells = [f"{math.log(entry.eta):.2f}", f"{kappa:.1f}", " ".join(f"{delta:.2f}" for delta in deltas)]
        cells.append(f"{entry.made:.2f}")
        cells += [f"{value:.2f}" for value in (plain.recall, plain.precision, plain.recoverable, entry.r, entry.g)]
        table.add_row(name, share, *cells, entry.regime)
    console.print(table)
    whole = found["all"]
    if not isinstance(whole, str):
        console.print(f"{whole.regime}: {ADVICE[whole.regime]}.", highlight=False)
    console.print(
        "Delta of what the network reads: naive, corrected, robust; learnt: robust, of what it makes of it. Recall and "
        "precision are those of the rarer class under plain training, as two Gaussian classes of the robust Delta have "
        "them. Kappa counts crops, not points. The regimes' bounds are leafwood's own.",
        highlight=False,
    )


def _geometry(console: Console, model: str, geometry: Collapse, names: list[str], counts: list[int]) -> None:
    """The table of the last layer's inputs."""
    from rich.table import Table

    from leafwood.diagnose.seli import cosines

    table = Table(title=f"What {model} has made of them: class means of the last layer's inputs", title_justify="left")
    for name in ("class", "voxels", "length", *(f"cosine with {number}" for number in range(1, len(names) + 1))):
        table.add_column(name, justify="left" if name == "class" else "right")
    longest = max(geometry.means.diagonal()) ** 0.5
    rows = zip(names, counts, geometry.means.diagonal(), cosines(geometry.means), strict=True)
    for number, (name, count, square, angles) in enumerate(rows, start=1):
        cells = [f"{count:,}", f"{square**0.5 / longest:.2f}", *(f"{cosine:.2f}" for cosine in angles)]
        table.add_row(f"{number} {name}", *cells)
    console.print(table)
    console.print(
        f"Distance to the geometry of these counts (SELI) {geometry.to_seli:.2f}, of equal counts (ETF) "
        f"{geometry.to_etf:.2f}; variance within the classes over that between them (NC1) {geometry.within:.2f}.",
        highlight=False,
    )
