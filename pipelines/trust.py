"""Where the bounds of leafwood.inference.trust come from: virtual scans from above and from below, thinner and thinner.

    python pipelines/trust.py [--model uav] [--data ../shared/data] [--stands runs/stands/trust]

Eight drone surveys and one of tripods, flown on the first run (seeds from 9600, never used elsewhere), and the real
scans where they are there. The first table has the three measures that recognise sparse scans, scans from below and
single trees, and how unlike the scans that the model was calibrated on each is. The second has the drone surveys with a
share of their pulses, labelled and scored as in ``pipelines/sparsity.py``, down to densities of airborne scans.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
from bars import clear_echoes
from sparsity import of_pulses
from training_stands import draw_stand, survey

from leafwood.errors import BadConfig, FileWarning
from leafwood.evaluate.evaluation import evaluate
from leafwood.inference.trust import doubts, foot_over_plan, plan_density, points_low_over_high
from leafwood.io.loaders import read
from leafwood.models import CloudSegmenter, load_segmenter
from leafwood.simulate.scanners.platform import Flight
from leafwood.simulate.scanners.terrestrial import Tripods
from leafwood.simulate.stands.stand import grow_stand
from leafwood.simulate.surveys.deliver import write_scan
from leafwood.spatial.ground import find_ground

SEED, SIZE = 9600, 16.0  # m
ABOVE = ("temperate_broadleaf", "conifer", "tropical", "mixed", "leaf_off", "understorey_rich", "young_dense", "pine")
BELOW = ("temperate_broadleaf",)
SHARES = (1.0, 0.5, 0.25, 0.12, 0.06, 0.03, 0.015)  # of the pulses of the drone surveys
SHOWN = ("auroc", "g_mean", "wood_recall", "leaf_recall")


def surveys() -> Iterator[tuple[str, str, str, Flight | Tripods]]:
    """Kind, forest, instrument and platform of each virtual scan."""
    for forest in ABOVE:
        yield "drone", forest, "minivux", Flight(altitude=60, spacing=30, headings=(0.0, 90.0), density=500)
    for forest in BELOW:
        yield "tripods", forest, "vz400", Tripods(stations=1, step=0.12)


def flown(folder: Path) -> Iterator[tuple[str, Path]]:
    """Kind and file of each virtual scan, scanned where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (kind, forest, instrument, platform) in enumerate(surveys()):
        path = folder / f"{kind}_{forest}_{SEED + number}.laz"
        rng = np.random.default_rng(SEED + number)
        while not path.exists():
            try:
                stand = grow_stand(draw_stand(rng, SIZE, forest), SEED + number)
                cloud = survey(stand, instrument, platform, SEED + number)
            except BadConfig:  # crowns cannot carry the leaf area drawn, or no instrument that density: draw again
                continue
            write_scan(cloud, path, corner=(500_000.0, 5_400_000.0, 300.0))
        yield kind, path


def measures(kind: str, path: Path, segmenter: CloudSegmenter) -> None:
    """Print a line of the first table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FileWarning)
        cloud = read(path)
    ground = find_ground(cloud)
    above = cloud.xyz[:, 2] if ground.source == "none" else ground.height
    numbers = (plan_density(cloud), points_low_over_high(cloud.xyz, above), foot_over_plan(cloud.xyz))
    far = segmenter.segment_with_account(cloud).unlike
    found = doubts(cloud.with_columns(height_ag=ground.height), unlike=far)
    said = ", ".join(doubt.title for doubt in found if doubt.severe or doubt.name == "unlike")
    texts = (*(f"{x:.2f}" for x in numbers), ground.source, f"{far:.2f}", said)
    print(f"| {kind} | {path.stem} | {' | '.join(texts)} |", flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="uav")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--stands", type=Path, default=Path("runs/stands/trust"))
    args = parser.parse_args()
    segmenter = load_segmenter(args.model)
    print(
        "| kind | scan | points/m² | low over high | foot over plan | ground | unlike | severe doubts, and `unlike` |"
    )
    print("|---|---|---|---|---|---|---|---|")
    made = list(flown(args.stands))
    for kind, path in made:
        measures(kind, path, segmenter)
    for folder in ("scans", "labelled", "uav_weak", "wood_only"):
        for path in sorted((args.data / folder).glob("*.*")):
            measures(folder, path, segmenter)
    stands = [read(path) for kind, path in made if kind == "drone" and "leaf_off" not in path.name]
    print(f"\n| points/m² | wood share | called wood | {' | '.join(SHOWN)} |\n|---|---|---|{'---|' * len(SHOWN)}")
    for share in SHARES:
        thin = [cloud.select(of_pulses(cloud, share)) for cloud in stands]
        found = [segmenter.segment(cloud) for cloud in thin]
        scores = reduce(add, (evaluate(cloud, clear_echoes(cloud)).overall for cloud in found)).as_dict()
        called = np.concatenate([cloud.columns["leafwood"] for cloud in found])
        numbers = [scores["wood_share"], float((called == 2).sum() / (called > 0).sum()), *(scores[n] for n in SHOWN)]
        dense = np.mean([plan_density(cloud) for cloud in thin])
        print(f"| {dense:.0f} | {' | '.join(f'{x:.3f}' for x in numbers)} |", flush=True)


if __name__ == "__main__":
    main()
