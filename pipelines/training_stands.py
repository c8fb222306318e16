"""Fly the virtual stands that the shipped weights are trained and validated on.

    python pipelines/training_stands.py runs/stands/fresh --stands 3 --seed 8000 --random-branching
    python pipelines/training_stands.py runs/stands/fresh_closed --stands 3 --seed 8100 --closed --random-branching
    python pipelines/training_stands.py runs/stands/fresh_bare --stands 2 --seed 8200 --bare --random-branching
    python pipelines/training_stands.py runs/stands/fresh_all_round --stands 4 --seed 8300 --size 14 --all-round
    python pipelines/training_stands.py runs/stands/planted --stands 2 --seed 8400 --from-trees oak.laz beech.laz

Every stand draws its own forest type, size classes, terrain, season, instrument and flight, so that a network sees the
breadth of what users scan rather than many copies of one plot. Stand i of a seed is always the same; those that are
there already are not flown again. `--random-branching` grows trees of other branching than any preset's, from sparse
to closed crowns. `--from-trees` plants labelled scans of real trees in place of grown ones. `--closed` draws forest in
full leaf under a drone alone, where wood is scarcest and hardest to see, and which is what most users scan; `--bare`
draws leafless forest under a drone. `--all-round` shows stands as a dozen tripods in calm air would: every surface
sampled evenly, a few millimetres of noise. Crowns scanned like that are dense where drones leave gaps.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from leafwood.classes import GROUND, Part
from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig
from leafwood.simulate.scanners.instruments import instrument
from leafwood.simulate.scanners.platform import Box, Flight
from leafwood.simulate.scanners.scanner import scan
from leafwood.simulate.scanners.terrestrial import Tripods
from leafwood.simulate.stands.config import StandConfig, load_stand_config
from leafwood.simulate.stands.stand import Stand, grow_stand
from leafwood.simulate.surveys.deliver import write_scan
from leafwood.simulate.trees.surfels import plant_surfels

# Forest types and how often each is drawn.
FORESTS = {
    "temperate_broadleaf": 4,
    "conifer": 4,
    "tropical": 5,
    "leaf_off": 3,
    "pine": 2,
    "mixed": 3,
    "understorey_rich": 2,
    "open_woodland": 2,
    "young_dense": 1,
    "clear_cut": 1,
}
DRONES = ("minivux", "vux1", "vux120", "dji-l1", "dji-l2", "puck")
CLOSED = ("temperate_broadleaf", "conifer", "tropical", "pine", "mixed")
TERRESTRIAL = 0.3
Draw = Callable[[np.random.Generator, float], StandConfig]
SURFACE_POINTS = (400_000, 1_600_000)  # points of an all-round stand


def draw_stand(rng: np.random.Generator, size: float, forest: str | None = None) -> StandConfig:
    """A forest type, drawn if it is not given, with its numbers varied."""
    names = sorted(FORESTS)
    weights = np.array([FORESTS[n] for n in names], dtype=float)
    stand = load_stand_config(forest or str(rng.choice(names, p=weights / weights.sum())))
    low, high = np.array(stand.height) * rng.uniform(0.7, 1.15)
    return dataclasses.replace(
        stand,
        size=size,
        height=(float(low), float(high)),
        stems_per_ha=stand.stems_per_ha * rng.uniform(0.6, 1.4),
        lai=stand.lai * rng.uniform(0.6, 1.3),
        leaf_on=float(np.clip(stand.leaf_on * rng.uniform(0.7, 1.0), 0, 1)),
        slope=float(rng.choice([0.0, rng.uniform(0, 12), rng.uniform(10, 38)])),
        roughness=rng.uniform(0.005, 0.03),
        low_cover=float(np.clip(stand.low_cover * rng.uniform(0.5, 2.0), 0, 0.9)),
        branches_per_m2=stand.branches_per_m2 * rng.uniform(0.3, 2.0),
        vary=True,
        max_triangles=4_000_000,
    )


def draw_platform(rng: np.random.Generator, terrestrial: float) -> tuple[str, Flight | Tripods]:
    """An instrument and what carries it: tripods with that probability."""
    if rng.random() < terrestrial:
        stations = int(rng.integers(1, 9))
        return "vz400", Tripods(stations=stations, step=float(np.sqrt(72_000 * stations / rng.uniform(2e6, 8e6))))
    flight = Flight(
        altitude=rng.uniform(40, 110),
        spacing=rng.uniform(20, 50),
        headings=(0.0, 90.0) if rng.random() < 0.6 else (rng.uniform(0, 180),),
        max_scan_angle=rng.uniform(25, 50),
        density=float(np.exp(rng.uniform(np.log(200), np.log(2000)))),
    )
    return str(rng.choice(DRONES)), flight


def survey(stand: Stand, name: str, platform: Flight | Tripods, seed: int) -> PointCloud:
    """The whole plot as the named instrument sees it."""
    z = stand.mesh.vertices[:, 2]
    box = Box((0.0, 0.0, float(z.min()) - 1), (stand.size, stand.size, float(z.max()) + 1))
    return scan(stand.mesh, instrument(name), platform, box, stand.ground_height, seed=seed)


def draw_closed(rng: np.random.Generator, size: float) -> StandConfig:
    """A stand in full leaf."""
    return dataclasses.replace(draw_stand(rng, size, str(rng.choice(CLOSED))), leaf_on=1.0)


def draw_bare(rng: np.random.Generator, size: float) -> StandConfig:
    """A leafless stand; a few dry leaves may hang on."""
    return dataclasses.replace(draw_stand(rng, size, "leaf_off"), leaf_on=float(rng.choice([0.0, 0.01, 0.05])))


def with_random_branching(draw: Draw) -> Draw:
    """The same stands, of trees unlike the presets; some with few leaves."""

    def drawn(rng: np.random.Generator, size: float) -> StandConfig:
        stand = draw(rng, size)
        return dataclasses.replace(
            stand, random_branching=True, lai=stand.lai * float(np.exp(rng.uniform(np.log(0.35), 0.0)))
        )

    return drawn


def fly(path: Path, seed: int, size: float, draw: Draw, terrestrial: float, trees: tuple[Path, ...] = ()) -> None:
    """Grow and scan one stand, with that probability from tripods and else from a drone.

    Where there are labelled scans of `trees`, it is planted with them.
    """
    rng = np.random.default_rng(seed)
    while True:
        try:
            stand = plant_surfels(draw(rng, size), trees, seed) if trees else grow_stand(draw(rng, size), seed)
            cloud = survey(stand, *draw_platform(rng, terrestrial), seed)
            break
        except BadConfig:  # crowns cannot carry the leaf area drawn, or no instrument that density: draw again
            continue
    write_scan(cloud, path, corner=(500_000.0 + 100 * (seed % 1000), 5_400_000.0, 300.0))


def sample_stand(path: Path, seed: int, size: float, draw: Draw) -> None:
    """Grow a stand and sample its surfaces evenly."""
    rng = np.random.default_rng(seed)
    while True:
        try:
            stand = grow_stand(draw(rng, size), seed)
            break
        except BadConfig:
            continue
    xyz, triangle = stand.mesh.sample_surface((0.0, size), int(rng.uniform(*SURFACE_POINTS)), rng)
    part, tree = stand.mesh.part[triangle], stand.mesh.tree[triangle]
    xyz = xyz + rng.normal(0, rng.uniform(0.002, 0.008), xyz.shape)
    n = len(xyz)
    one, wood = np.ones(n, dtype=np.uint16), np.array([p.is_wood for p in Part])[part]
    columns = {name: one for name in ("return_number", "number_of_returns", "point_source_id", "intensity")}
    columns |= {"scan_angle": 0 * one, "gps_time": np.arange(n) * 1e-5}
    columns |= {"classification": np.where(part == Part.GROUND, GROUND, 1).astype(np.uint8)}
    columns |= {"gt_wood": wood.astype(np.uint16), "gt_wood_share": wood.astype(np.float32)}
    columns |= {"gt_part": part.astype(np.uint16), "gt_tree": tree.astype(np.uint16)}
    write_scan(PointCloud.from_xyz(xyz, columns), path, corner=(500_000.0 + 100 * (seed % 1000), 5_400_000.0, 300.0))


def main() -> None:
    """Fly the stands that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stands", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--size", type=float, default=20.0)
    kind = parser.add_mutually_exclusive_group()
    drawn = {"dest": "draw", "action": "store_const", "default": draw_stand}
    kind.add_argument("--closed", **drawn, const=draw_closed, help="forest in full leaf, from drones alone")
    kind.add_argument("--bare", **drawn, const=draw_bare, help="leafless forest, from drones alone")
    kind.add_argument(
        "--from-trees",
        type=Path,
        nargs="+",
        default=(),
        metavar="FILE",
        help="labelled trees to plant, from drones alone",
    )
    parser.add_argument("--all-round", action="store_true", help="sample all surfaces evenly, without a lidar")
    parser.add_argument("--random-branching", action="store_true", help="grow trees unlike the presets")
    args = parser.parse_args()
    if args.all_round and args.from_trees:
        parser.error("--all-round samples surfaces, and what scanned trees have are points: it needs grown trees")
    terrestrial = TERRESTRIAL if args.draw is draw_stand and not args.from_trees else 0.0
    draw = with_random_branching(args.draw) if args.random_branching else args.draw
    args.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(args.seed, args.seed + args.stands):
        path = args.folder / f"stand_{seed}.laz"
        if path.exists():
            continue
        started = time.perf_counter()
        if args.all_round:
            sample_stand(path, seed, args.size, draw)
        else:
            fly(path, seed, args.size, draw, terrestrial, tuple(args.from_trees))
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB in {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
