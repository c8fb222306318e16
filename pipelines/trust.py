"""Where the bounds of leafwood.inference.trust come from: virtual scans from above and from below, thinner and thinner.

    python pipelines/trust.py [--model uav] [--data ../shared/data] [--stands runs/stands/trust]

Drone surveys of eight forest types and one survey from a tripod, flown on the first run, and the real scans where they
are there. The first table has the three measures that recognise sparse scans, scans from below and single trees, and
how unlike the scans that the model was calibrated on each is. The second has the drone surveys in leaf with a share of
their pulses, labelled and scored on clear echoes, down to densities of airborne scans. Settings:
configs/pipelines/trust.yaml.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np

from leafwood.classes import OUT_NONE, OUT_WOOD
from leafwood.cloud import PointCloud
from leafwood.config import load
from leafwood.errors import FileWarning
from leafwood.evaluate.echoes import clear_echoes
from leafwood.evaluate.evaluation import evaluate
from leafwood.evaluate.tables import head, line
from leafwood.evaluate.thinning import thin_pulses
from leafwood.inference.trust import doubts, foot_over_plan, plan_density, points_low_over_high
from leafwood.io.loaders import read
from leafwood.models import CloudSegmenter, load_segmenter
from leafwood.simulate.scanners.platform import Flight
from leafwood.simulate.scanners.terrestrial import Tripods
from leafwood.simulate.stands.draws import draw_stand
from leafwood.simulate.stands.stand import grow_stand
from leafwood.simulate.surveys.drawn import redrawn, scan_stand, write_drawn
from leafwood.simulate.surveys.held_out import BARE
from leafwood.spatial.ground import find_ground

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "pipelines" / "trust.yaml"
SHOWN = ("auroc", "g_mean", "wood_recall", "leaf_recall")


@dataclass(frozen=True)
class Config:
    """What is flown, and how far it is thinned.

    Attributes:
        first_seed: of the scans.
        size: side of a plot, m.
        drone: instrument of the drone.
        flight: how it flies.
        above: forest types that it scans.
        tripods: where the terrestrial scanner stands.
        below: forest types that it scans.
        shares: of the pulses of the drone surveys, 0..1.
    """

    first_seed: int = 9600
    size: float = 16.0
    drone: str = "minivux"
    flight: Flight = field(default_factory=Flight)
    above: tuple[str, ...] = ("temperate_broadleaf",)
    tripods: Tripods = field(default_factory=Tripods)
    below: tuple[str, ...] = ()
    shares: tuple[float, ...] = (1.0,)

    def surveys(self) -> Iterator[tuple[str, str, str, Flight | Tripods]]:
        """Kind, forest type, instrument and platform of each scan."""
        yield from (("drone", forest, self.drone, self.flight) for forest in self.above)
        yield from (("tripods", forest, "vz400", self.tripods) for forest in self.below)


def flown(folder: Path, config: Config) -> Iterator[tuple[str, Path]]:
    """Kind and file of each virtual scan, scanned where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (kind, forest, device, platform) in enumerate(config.surveys(), config.first_seed):
        path = folder / f"{kind}_{forest}_{seed}.laz"
        if not path.exists():
            write_drawn(_scan(seed, config.size, forest, device, platform), path)
        yield kind, path


def _scan(seed: int, size: float, forest: str, device: str, platform: Flight | Tripods) -> PointCloud:
    rng = np.random.default_rng(seed)
    return redrawn(lambda: scan_stand(grow_stand(draw_stand(rng, size, forest), seed), device, platform, seed))


def measures(kind: str, path: Path, segmenter: CloudSegmenter) -> str:
    """A line of the first table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FileWarning)
        cloud = read(path)
    ground = find_ground(cloud)
    above = cloud.xyz[:, 2] if ground.source == "none" else ground.height
    numbers = (plan_density(cloud), points_low_over_high(cloud.xyz, above), foot_over_plan(cloud.xyz))
    far = segmenter.segment_with_account(cloud).unlike
    found = doubts(cloud.with_columns(height_ag=ground.height), unlike=far)
    said = ", ".join(doubt.title for doubt in found if doubt.severe or doubt.name == "unlike")
    return line(kind, path.stem, *(f"{number:.2f}" for number in numbers), ground.source, f"{far:.2f}", said)


def main(argv: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="uav")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--stands", type=Path, default=Path("runs/stands/trust"))
    parser.add_argument("--config", type=Path, default=CONFIG)
    args = parser.parse_args(argv)
    config = load(args.config, Config)
    segmenter = load_segmenter(args.model)
    measured = ("points/m²", "low over high", "foot over plan", "ground", "unlike")
    print(head("kind", "scan", *measured, "severe doubts, and `unlike`"))
    made = list(flown(args.stands, config))
    folders = ("scans", "labelled", "uav_weak", "wood_only")
    real = [(name, path) for name in folders for path in sorted((args.data / name).glob("*.*"))]
    for kind, path in (*made, *real):
        print(measures(kind, path, segmenter), flush=True)
    stands = [read(path) for kind, path in made if kind == "drone" and BARE not in path.name]
    print(f"\n{head('points/m²', 'wood share', 'called wood', *SHOWN)}")
    for share in config.shares:
        thin = [thin_pulses(cloud, share) for cloud in stands]
        found = [segmenter.segment(cloud) for cloud in thin]
        scores = reduce(add, (evaluate(cloud, clear_echoes(cloud)).overall for cloud in found)).as_dict()
        label = np.concatenate([cloud.columns["leafwood"] for cloud in found])
        called = float((label == OUT_WOOD).sum() / (label != OUT_NONE).sum())
        dense = f"{np.mean([plan_density(cloud) for cloud in thin]):.0f}"
        print(line(dense, scores["wood_share"], called, *(scores[name] for name in SHOWN)), flush=True)


if __name__ == "__main__":
    main()
