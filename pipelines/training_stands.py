"""Fly the virtual stands that the shipped weights are trained and validated on.

    python pipelines/training_stands.py runs/stands/fresh --stands 3 --seed 8000 --random-branching
    python pipelines/training_stands.py runs/stands/fresh_closed --stands 3 --seed 8100 --closed --random-branching
    python pipelines/training_stands.py runs/stands/fresh_bare --stands 2 --seed 8200 --bare --random-branching
    python pipelines/training_stands.py runs/stands/fresh_all_round --stands 4 --seed 8300 --size 14 --all-round
    python pipelines/training_stands.py runs/stands/planted --stands 2 --seed 8400 --from-trees oak.laz beech.laz
    python pipelines/training_stands.py runs/stands/other --stands 8 --seed 9600 --closed --other-instruments
    python pipelines/training_stands.py runs/stands/twigs --stands 2 --seed 8700 --forest fine_twigged --bare

Every stand draws its own forest type, size classes, terrain, season, instrument and flight. Stand i of a seed is always
the same, and stands that are there already are not flown again. `--random-branching` grows trees that branch unlike any
preset. `--from-trees` plants labelled scans of real trees in place of grown ones. `--closed` draws forest in full leaf
under a drone alone; `--bare` draws leafless forest under a drone; `--forest` draws stands of one preset, in leaf or
`--bare`. `--all-round` samples every surface evenly, with a few millimetres of noise: crowns are dense there where
drones leave gaps. `--other-instruments` flies with those of configs/pipelines/training_stands.yaml, which no training
flies, to choose by how far a scan's own returns are trusted.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from leafwood.config import load
from leafwood.simulate.scanners.instruments import Instrument, instrument
from leafwood.simulate.stands.draws import Draw, draw_bare, draw_closed, draw_stand, with_random_branching
from leafwood.simulate.surveys.drawn import scan_drawn, scan_surfaces, write_drawn

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "pipelines" / "training_stands.yaml"


@dataclass(frozen=True)
class Changed:
    """An instrument with some of its numbers changed.

    Attributes:
        instrument: name of the instrument that is changed.
        divergence: across and along the flight, mrad.
        range_resolution: distance at which two echoes are told apart, m.
        max_returns: most returns of a pulse.
    """

    instrument: str
    divergence: tuple[float, float]
    range_resolution: float
    max_returns: int

    def device(self) -> Instrument:
        """The instrument."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return dataclasses.replace(instrument(values.pop("instrument")), **values)


@dataclass(frozen=True)
class Config:
    """What is drawn beyond the stands themselves.

    Attributes:
        terrestrial: share of stands that tripods scan, of those that are neither closed, bare nor planted.
        others: instruments that no training flies, by names of their own.
    """

    terrestrial: float = 0.3
    others: Mapping[str, Changed] = dataclasses.field(default_factory=dict)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stands", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--size", type=float, default=20.0, help="side of a plot, m")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--closed", action="store_true", help="forest in full leaf, from drones alone")
    kind.add_argument("--bare", action="store_true", help="leafless forest, from drones alone")
    kind.add_argument("--from-trees", type=Path, nargs="+", default=(), metavar="FILE", help="labelled trees to plant")
    parser.add_argument("--forest", metavar="PRESET", help="draw stands of this preset alone, in leaf or --bare")
    seen = parser.add_mutually_exclusive_group()
    seen.add_argument("--all-round", action="store_true", help="sample all surfaces evenly, without a lidar")
    seen.add_argument("--other-instruments", action="store_true", help="fly those that no training flies")
    parser.add_argument("--random-branching", action="store_true", help="grow trees unlike the presets")
    parser.add_argument("--config", type=Path, default=CONFIG)
    args = parser.parse_args(argv)
    if args.all_round and args.from_trees:
        parser.error("--all-round samples surfaces, and what scanned trees have are points: it needs grown trees")
    if args.forest and (args.closed or args.from_trees):
        parser.error("--forest goes alone or with --bare")
    return args


def draw_of(args: argparse.Namespace) -> Draw:
    """What draws a stand."""
    draw: Draw = draw_closed if args.closed else draw_bare if args.bare else draw_stand
    if args.forest:
        draw = partial(draw_bare if args.bare else draw_stand, forest=args.forest)
    return with_random_branching(draw) if args.random_branching else draw


def main(argv: Sequence[str] | None = None) -> None:
    """Fly the stands that are not there yet."""
    args = parse(argv)
    config = load(args.config, Config)
    draw = draw_of(args)
    drones_alone = args.closed or args.bare or args.from_trees
    ways = {
        "terrestrial": 0.0 if drones_alone else config.terrestrial,
        "trees": tuple(args.from_trees),
        "devices": [other.device() for other in config.others.values()] if args.other_instruments else (),
    }
    args.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(args.seed, args.seed + args.stands):
        path = args.folder / f"stand_{seed}.laz"
        if path.exists():
            continue
        started = time.perf_counter()
        cloud = scan_surfaces(seed, args.size, draw) if args.all_round else scan_drawn(seed, args.size, draw, **ways)
        write_drawn(cloud, path, seed)
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB in {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
