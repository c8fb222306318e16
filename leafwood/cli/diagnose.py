"""`leafwood diagnose`: how hard labelled stands are to learn from, and what a model has made of them."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leafwood.cli.options import add_labels, add_model
from leafwood.errors import BadConfig

if TYPE_CHECKING:
    from rich.console import Console

    from leafwood.diagnose.diagnosis import Difficulty, Voxels
    from leafwood.diagnose.watch import LastLayer
    from leafwood.inference.model_file import Model

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="LABELLED", help="labelled files, or folders of them")
    add_labels(parser)
    add_model(parser)
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
    from leafwood.diagnose.diagnosis import difficulty, learnt, sample_voxels
    from leafwood.diagnose.units import THIRDS, count_units, with_units
    from leafwood.errors import BadCloud
    from leafwood.inference.model_file import load_model
    from leafwood.io.files import list_files

    check_preset(args.labels)
    if args.crops < 1 or args.seed < 0:
        raise BadConfig("--crops must be at least 1, and --seed no less than 0")
    model = load_model(args.model)
    paths = list_files(args.paths, products=False)
    loaded = one_by_one(paths, lambda path: load_stand(path, args.labels), debug=args.debug)
    if not loaded:
        return 1
    stands, unit = with_units(list(loaded.values()))
    voxels, units = sample_voxels(stands, model, args.crops, args.seed), count_units(stands)
    parts = {"all heights": voxels} | {name: voxels.take(voxels.third == i) for i, name in enumerate(THIRDS)}
    found: dict[str, Difficulty | str] = {}
    for (name, part), there in zip(parts.items(), units.tolist(), strict=True):
        try:
            found[name] = difficulty(part, there, args.seed)
        except BadCloud as error:
            found[name] = str(error)
    console = Console(width=None if os.isatty(1) else 160)
    _difficulties(console, parts, found, unit)
    content: dict[str, Any] = {"model": model.name, "sha256": model.sha256, "crops": args.crops, "seed": args.seed}
    content |= {"unit": unit}
    content["difficulty"] = {k: v if isinstance(v, str) else dataclasses.asdict(v) for k, v in found.items()}
    try:
        seen, counts = learnt(voxels, model, args.seed)
    except (BadCloud, BadConfig) as error:
        console.print(f"Last layer: {error}.", highlight=False)
    else:
        _geometry(console, model, seen, counts)
        content["learnt"] = {"counts": counts, **dataclasses.asdict(seen)}
    if args.json:
        args.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0 if len(loaded) == len(paths) else 1


def _difficulties(console: Console, parts: dict[str, Voxels], found: dict[str, Difficulty | str], unit: str) -> None:
    """The taxonomy's table, a column a part of the canopy, and what to do about it."""
    from rich.table import Table

    from leafwood.diagnose.diagnosis import ADVICE

    table = Table("", *found, title="How hard wood is to learn", title_justify="left")
    columns = [_column(entry, parts[name]) for name, entry in found.items()]
    for number, name in enumerate(_ROWS):
        table.add_row(name.format(unit=unit), *(column[number] for column in columns))
    console.print(table)
    for name, entry in found.items():
        if isinstance(entry, str):
            console.print(f"{name}: {entry}.", highlight=False)
    whole = found["all heights"]
    if not isinstance(whole, str):
        console.print(f"{whole.regime}: {ADVICE[whole.regime]}.", highlight=False)
    console.print(
        "In brackets: 5th to 95th percentile over units drawn anew. Usable Delta: the robust one, less what too few "
        "independent samples cost. Recall, precision, r, g and the regime follow from it, for the rarer class under "
        "plain training, as two Gaussian classes have them. The regimes' bounds are leafwood's own.",
        highlight=False,
    )


_ROWS = (
    "wood",
    "log eta",
    "{unit} with leaves, with wood",
    "independent samples of leaf, of wood",
    "kappa",
    "Delta: naive, corrected",
    "Delta: robust",
    "Delta of what the model makes of them",
    "usable Delta",
    "recall",
    "precision",
    "recall to win back",
    "r",
    "g",
    "regime",
)


def _column(entry: Difficulty | str, part: Voxels) -> list[str]:
    """A part's cells; only the share of wood where nothing can be said."""
    share = f"{part.wood.mean():.1%}" if len(part.wood) else ""
    if isinstance(entry, str):
        return [share, *[""] * (len(_ROWS) - 1)]
    plain, apart = entry.plain, entry.apart

    def with_interval(name: str, value: float) -> str:
        low, high = entry.intervals[name]
        return f"{value:.2f} ({low:.2f} to {high:.2f})"

    return [
        share,
        with_interval("log_eta", math.log(entry.eta)),
        f"{entry.units[0]}, {entry.units[1]}",
        f"{entry.samples[0]:.0f}, {entry.samples[1]:.0f}",
        f"{sum(entry.samples) / entry.dimensions:.1f}",
        f"{apart.naive:.2f}, {apart.corrected:.2f}",
        with_interval("robust", apart.robust),
        f"{entry.made:.2f}",
        with_interval("usable", entry.usable),
        with_interval("recall", plain.recall),
        with_interval("precision", plain.precision),
        with_interval("recoverable", plain.recoverable),
        with_interval("r", entry.r),
        with_interval("g", entry.g),
        entry.regime,
    ]


def _geometry(console: Console, model: Model, seen: LastLayer, counts: list[int]) -> None:
    """The table of the last layer."""
    from rich.table import Table

    from leafwood.classes import OUTPUTS

    names = OUTPUTS[model.config.outputs]
    told = ", ".join(f"{name} {count:,}" for name, count in zip(names, counts, strict=True))
    table = Table(
        "", "to SELI", "to equal counts (ETF)", title=f"Last layer of {model.name}, learnt from {told} voxels"
    )
    table.add_row("classifiers", f"{seen.classifiers_to_seli:.2f}", f"{seen.classifiers_to_etf:.2f}")
    table.add_row("class means", f"{seen.means_to_seli:.2f}", f"{seen.means_to_etf:.2f}")
    table.add_row("classifiers with means", f"{seen.logits_to_seli:.2f}", f"{seen.logits_to_seli:.2f}")
    console.print(table)
    console.print(
        f"Distances from 0 to 2. Variance within the classes over that between them (NC1) {seen.within:.2f}; cosine of "
        f"the classifiers of the two rarest classes {seen.minority_cosine:.2f} (1: they have fallen together).",
        highlight=False,
    )
