"""How dense must a scan be? Scores of the same virtual trees and stands, thinner and thinner.

    python pipelines/sparsity.py [--model uav] [--data ../shared/data] [--stands runs/stands]

Single trees without ground, their surfaces sampled evenly (twelve stands, seeds from 7100, never used elsewhere), are
thinned at random until the median distance to the 24th neighbour is what the row says; beside them the labelled tree
62889, thinned likewise. A spacing has only the trees that are dense enough for it, and in leaf: half of their points
or more. Then the twelve held-out drone stands (of `bars.py`) with a share of their pulses. Twigs of trees in leaf are
left out of both, of the stands also echoes that have less than three quarters of their energy from one class.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
from bars import clear_echoes, held_out
from numpy.typing import NDArray
from training_stands import draw_stand, sample_stand

from leafwood.classes import LEAF
from leafwood.cloud import PointCloud
from leafwood.datasets.stands import load_stand
from leafwood.evaluate.evaluation import evaluate, truth_of
from leafwood.evaluate.metrics import Scores
from leafwood.graph.scale import spacing
from leafwood.io.loaders import read
from leafwood.models import load_segmenter

SEEDS = range(7100, 7112)
SPACINGS = (0.15, 0.2, 0.3, 0.45, 0.67, 0.9, 1.2)  # m; 62889 has 0.66
SHARES = (1.0, 0.5, 0.25, 0.12, 0.06)  # of the pulses of the stands
LOWEST, FEWEST = 10.0, 500  # m, points: smaller trees say little
SHOWN = ("auroc", "g_mean", "wood_recall", "leaf_recall")
Labelled = tuple[PointCloud, NDArray[np.int8]]


def thinned(tree: Labelled, wanted: float) -> Labelled | None:
    """A tree thinned at random to a spacing; None where it is sparser or too little would be left."""
    cloud, truth = tree
    if spacing(cloud.xyz) > wanted:
        return None
    order = np.random.default_rng(0).permutation(len(cloud))
    low, high = FEWEST, len(cloud)
    while high - low > max(1, high // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if spacing(cloud.xyz[order[:middle]]) <= wanted else (middle, high)
    kept = np.sort(order[:high])
    return None if high <= FEWEST * 1.01 else (cloud.select(kept), truth[kept])


def trees(folder: Path) -> Iterator[Labelled]:
    """Whole trees in leaf of the stands, whose surfaces are sampled where the files are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS:
        path = folder / f"stand_{seed}.laz"
        if not path.exists():
            sample_stand(path, seed, 14.0, draw_stand)
        stand = load_stand(path)
        for number in stand.trees:
            tree = stand.take(np.flatnonzero(stand.tree == number))
            if np.ptp(tree.xyz[:, 2]) > LOWEST and (tree.label == LEAF).mean() >= 0.5:
                yield PointCloud(tree.xyz), tree.label


def of_pulses(cloud: PointCloud, share: float) -> NDArray[np.bool_]:
    """Points (n,) of a random share of the pulses; returns of a pulse have the same time."""
    pulses, pulse = np.unique(cloud.columns["gps_time"], return_inverse=True)
    return np.asarray((np.random.default_rng(0).random(len(pulses)) < share)[pulse])


def row(name: str, size: str, found: list[Scores]) -> None:
    """Print a line of a table."""
    values = reduce(add, found).as_dict()
    cells = [f"{values[name]:.3f}" for name in ("wood_share", *SHOWN)]
    print(f"| {name} | {size} | {values['points'] / len(found):,.0f} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="uav")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--stands", type=Path, default=Path("runs/stands"))
    args = parser.parse_args()
    segmenter = load_segmenter(args.model)

    def judge(labelled: Labelled) -> Scores:
        cloud, truth = labelled
        return evaluate(segmenter.segment(cloud), truth).overall

    head = f"points | wood share | {' | '.join(SHOWN)} |\n|---|---|---|---|" + "---|" * len(SHOWN)
    print(f"| spacing, m | trees | {head}")
    virtual = list(trees(args.stands / "sparsity"))
    path = args.data / "labelled" / "tropical_tls_62889.laz"
    real = [(cloud := read(path), truth_of(cloud, "gt_wood"))] if path.exists() else []
    for wanted in SPACINGS:
        for kind, those in (("virtual", virtual), ("62889", real)):
            found = [judge(tree) for whole in those if (tree := thinned(whole, wanted))]
            if found:
                row(f"{wanted:g}", f"{len(found)} {kind}", found)
    stands = [read(path) for path in held_out(args.stands / "heldout") if not path.name.startswith("leaf_off")]
    print(f"\n| points/m² | stands | {head}")
    for share in SHARES:
        kept = [cloud.select(of_pulses(cloud, share)) for cloud in stands]
        dense = sum(len(cloud) / np.prod(np.ptp(cloud.xyz[:, :2], axis=0)) for cloud in kept) / len(kept)
        row(f"{dense:.0f}", f"{len(kept)}", [judge((cloud, clear_echoes(cloud))) for cloud in kept])


if __name__ == "__main__":
    main()
