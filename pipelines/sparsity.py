"""How dense must a scan be? Scores of the same virtual trees and stands, thinner and thinner.

    python pipelines/sparsity.py [--model uav] [--data ../shared/data] [--stands runs/stands]

Single trees without ground, their surfaces sampled evenly, are thinned at random until the median distance to the 24th
neighbour is what the row says; beside them the labelled tree 62889, thinned likewise. A row has only the trees that are
dense enough for its spacing, and in leaf: half of their points or more are leaf. Then come the twelve held-out drone
stands in leaf with a share of their pulses. Twigs of trees in leaf are left out of both; of the stands also echoes that
have less than three quarters of their energy from one class. Settings: configs/pipelines/sparsity.yaml.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import LEAF
from leafwood.cloud import PointCloud
from leafwood.config import load
from leafwood.datasets.stands import load_stand
from leafwood.evaluate.echoes import clear_echoes
from leafwood.evaluate.evaluation import evaluate, truth_of
from leafwood.evaluate.metrics import Scores
from leafwood.evaluate.tables import head, line
from leafwood.evaluate.thinning import thin_pulses, thin_to_spacing
from leafwood.io.loaders import read
from leafwood.models import load_segmenter
from leafwood.simulate.stands.draws import draw_stand
from leafwood.simulate.surveys.drawn import scan_surfaces, write_drawn
from leafwood.simulate.surveys.held_out import BARE, held_out

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "pipelines" / "sparsity.yaml"
SHOWN = ("auroc", "g_mean", "wood_recall", "leaf_recall")
Labelled = tuple[PointCloud, NDArray[np.int8]]


@dataclass(frozen=True)
class Config:
    """What is thinned, and how far.

    Attributes:
        first_seed: of the stands whose trees are looked at alone.
        stands: how many.
        size: side of such a stand, m.
        lowest: trees that are lower say little, m.
        spacings: of the single trees, m.
        shares: of the pulses of the drone stands, 0..1.
    """

    first_seed: int = 7100
    stands: int = 12
    size: float = 14.0
    lowest: float = 10.0
    spacings: tuple[float, ...] = (0.15, 0.3, 0.67, 1.2)
    shares: tuple[float, ...] = (1.0, 0.25, 0.06)


def trees(folder: Path, config: Config) -> Iterator[Labelled]:
    """Whole trees in leaf of the stands, whose surfaces are sampled where the files are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(config.first_seed, config.first_seed + config.stands):
        path = folder / f"stand_{seed}.laz"
        if not path.exists():
            write_drawn(scan_surfaces(seed, config.size, draw_stand), path, seed)
        stand = load_stand(path)
        for number in stand.trees:
            tree = stand.take(np.flatnonzero(stand.tree == number))
            if np.ptp(tree.xyz[:, 2]) > config.lowest and (tree.label == LEAF).mean() >= 0.5:
                yield PointCloud(tree.xyz), tree.label


def thinned(trees: Sequence[Labelled], spacing: float) -> Iterator[Labelled]:
    """Those of the trees that can be thinned to a spacing, thinned."""
    for cloud, truth in trees:
        kept = thin_to_spacing(cloud.xyz, spacing)
        if kept is not None:
            yield cloud.select(kept), truth[kept]


def row(name: str, what: str, found: Sequence[Scores]) -> None:
    """Print a line of a table."""
    values = reduce(add, found).as_dict()
    points = f"{values['points'] / len(found):,.0f}"
    print(line(name, what, points, *(values[score] for score in ("wood_share", *SHOWN))), flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="uav")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--stands", type=Path, default=Path("runs/stands"))
    parser.add_argument("--config", type=Path, default=CONFIG)
    args = parser.parse_args(argv)
    config, segmenter = load(args.config, Config), load_segmenter(args.model)

    def judge(labelled: Labelled) -> Scores:
        cloud, truth = labelled
        return evaluate(segmenter.segment(cloud), truth).overall

    print(head("spacing, m", "trees", "points", "wood share", *SHOWN))
    kinds = {"virtual": list(trees(args.stands / "sparsity", config))}
    path = args.data / "labelled" / "tropical_tls_62889.laz"
    kinds["62889"] = [(cloud := read(path), truth_of(cloud, "gt_wood"))] if path.exists() else []
    for spacing in config.spacings:
        for kind, those in kinds.items():
            if found := [judge(tree) for tree in thinned(those, spacing)]:
                row(f"{spacing:g}", f"{len(found)} {kind}", found)
    stands = [read(path) for path in held_out(args.stands / "heldout") if not path.name.startswith(BARE)]
    print(f"\n{head('points/m²', 'stands', 'points', 'wood share', *SHOWN)}")
    for share in config.shares:
        kept = [thin_pulses(cloud, share) for cloud in stands]
        dense = sum(len(cloud) / np.prod(np.ptp(cloud.xyz[:, :2], axis=0)) for cloud in kept) / len(kept)
        row(f"{dense:.0f}", f"{len(kept)}", [judge((cloud, clear_echoes(cloud))) for cloud in kept])


if __name__ == "__main__":
    main()
