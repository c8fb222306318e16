"""Fly virtual stands with instruments that no training flies, to choose on how far a scan's own returns are trusted.

    python pipelines/other_instruments.py runs/stands/other_instruments

Forest in full leaf and two leafless stands, under wider and narrower beams, with echoes told apart at other distances
and fewer or more returns per pulse than those of ``training_stands.py``. No network is ever trained on them.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

import numpy as np
from training_stands import draw_bare, draw_closed, draw_platform, with_random_branching

from leafwood.errors import BadConfig
from leafwood.simulate.scanners.instruments import INSTRUMENTS, Instrument
from leafwood.simulate.scanners.platform import Box
from leafwood.simulate.scanners.scanner import scan
from leafwood.simulate.stands.stand import grow_stand
from leafwood.simulate.surveys.deliver import write_scan

OTHERS: tuple[Instrument, ...] = (
    dataclasses.replace(INSTRUMENTS["vux1"], divergence=(1.2, 1.2), range_resolution=1.5, max_returns=3),
    dataclasses.replace(INSTRUMENTS["minivux"], divergence=(0.25, 0.25), range_resolution=0.4, max_returns=15),
    dataclasses.replace(INSTRUMENTS["dji-l1"], divergence=(1.0, 1.0), range_resolution=0.5, max_returns=8),
    dataclasses.replace(INSTRUMENTS["puck"], divergence=(2.0, 2.0), range_resolution=0.7, max_returns=3),
)
IN_LEAF, BARE = 9600, 9650  # first seeds
SIZE = 18.0  # m
CORNER = (500_000.0, 5_400_000.0, 300.0)


def fly(path: Path, seed: int, *, bare: bool) -> None:
    """Grow a stand and scan it with one of the instruments."""
    rng, device = np.random.default_rng(seed), OTHERS[seed % len(OTHERS)]
    draw = with_random_branching(draw_bare if bare else draw_closed)
    while True:
        try:
            stand = grow_stand(draw(rng, SIZE), seed)
            _, platform = draw_platform(rng, 0.0)
            z = stand.mesh.vertices[:, 2]
            box = Box((0.0, 0.0, float(z.min()) - 1), (stand.size, stand.size, float(z.max()) + 1))
            cloud = scan(stand.mesh, device, platform, box, stand.ground_height, seed=seed)
            break
        except BadConfig:  # crowns cannot carry the leaf area drawn, or the instrument that density: draw again
            continue
    write_scan(cloud, path, corner=CORNER)


def main() -> None:
    """Fly the stands that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stands", type=int, default=8, help="in leaf")
    parser.add_argument("--bare", type=int, default=2, help="leafless")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for seed in (*range(IN_LEAF, IN_LEAF + args.stands), *range(BARE, BARE + args.bare)):
        path = args.folder / f"stand_{seed}.laz"
        if path.exists():
            continue
        started = time.perf_counter()
        fly(path, seed, bare=seed >= BARE)
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB in {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
