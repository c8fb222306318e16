"""Fly the virtual stands on which what comes after the network is fitted and chosen, and no network is ever trained.

    python pipelines/calibration_stands.py runs/stands

Two folders, beside the validation stands of ``training_stands.py``:

* ``other_instruments``: forest in full leaf and two leafless stands under drones whose instruments are none of those
  that training flies: wider and narrower beams, echoes told apart at other distances, fewer and more returns per pulse.
  How far evidence that a scan gives about itself is to be trusted is chosen on them.
* ``bare_all_round``: leafless forest whose surfaces are sampled evenly, so that a calibration has seen leafless trees
  as tripods scan them, one by one.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

import numpy as np
from training_stands import draw_bare, draw_closed, draw_platform, reshaping, strew

from leafwood.cloud import PointCloud
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
FIRST_SEED, BARE_SEED, ALL_ROUND_SEED = 9600, 9650, 9700
CORNER = (500_000.0, 5_400_000.0, 300.0)


def fly(path: Path, seed: int, size: float, *, bare: bool) -> None:
    """Grow a stand and scan it with one of the other instruments."""
    rng, device = np.random.default_rng(seed), OTHERS[seed % len(OTHERS)]
    draw = reshaping(draw_bare if bare else draw_closed)
    while True:
        try:
            stand = grow_stand(draw(rng, size), seed)
            _, platform = draw_platform(rng, 0.0)
            z = stand.mesh.vertices[:, 2]
            box = Box((0.0, 0.0, float(z.min()) - 1), (stand.size, stand.size, float(z.max()) + 1))
            cloud: PointCloud = scan(stand.mesh, device, platform, box, stand.ground_height, seed=seed)
            break
        except BadConfig:  # crowns cannot carry the leaf area drawn, or the instrument that density: draw again
            continue
    write_scan(cloud, path, corner=CORNER)


def main() -> None:
    """Fly the stands that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stands", type=int, default=8, help="of other instruments, in leaf")
    parser.add_argument("--bare", type=int, default=2, help="of other instruments, leafless")
    parser.add_argument("--all-round", type=int, default=4, help="leafless, sampled evenly")
    args = parser.parse_args()
    jobs = [("other_instruments", FIRST_SEED + i) for i in range(args.stands)]
    jobs += [("other_instruments", BARE_SEED + i) for i in range(args.bare)]
    jobs += [("bare_all_round", ALL_ROUND_SEED + i) for i in range(args.all_round)]
    for kind, seed in jobs:
        path = args.folder / kind / f"stand_{seed}.laz"
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        if kind == "bare_all_round":
            strew(path, seed, 14.0, reshaping(draw_bare))
        else:
            fly(path, seed, 18.0, bare=seed >= BARE_SEED)
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB in {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
