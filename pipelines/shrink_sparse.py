"""Does shrinking sparse clouds help? Virtual stands thinned to several densities, looked at in several sizes.

    python pipelines/shrink_sparse.py runs/stands/validation

Prints AUROC and G-mean by density and factor, for whole plots and for single trees, on the stands the shipped weights
were validated on, to compare with the rule in :func:`leafwood.graph.shrinkage`.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from leafwood.checkpoint import Model, load_model
from leafwood.graph import build_graph
from leafwood.metrics import Scores, score
from leafwood.stands import LabelledStand, load_stand

DENSITIES = (15, 60, 250, 1000)  # points per m²
FACTORS = (1.0, 0.7, 0.5)


def pieces(stand: LabelledStand, density: float, rng: np.random.Generator) -> Iterator[tuple[str, LabelledStand]]:
    """The stand thinned to a density, and its two largest trees without ground."""
    area = float(np.prod(np.ptp(stand.xyz[:, :2], axis=0)))
    thin = stand.take(np.flatnonzero(rng.random(len(stand)) < density * area / len(stand)))
    yield "plot", thin
    numbers, counts = np.unique(thin.tree[thin.tree > 0], return_counts=True)
    for number in numbers[np.argsort(-counts)[:2]]:
        tree = thin.take(np.flatnonzero(thin.tree == number))
        tree.height[:] = np.nan
        yield "tree", tree


def look(piece: LabelledStand, factor: float, model: Model) -> Scores:
    """Scores of the network on a piece in another size."""
    xyz = (piece.xyz - piece.xyz.min(axis=0)) * np.float32(factor)
    graph, node = build_graph(xyz, piece.height * np.float32(factor), model.graph)
    with torch.inference_mode():
        wood = torch.softmax(model.network(graph), dim=1)[:, 1].numpy()[node]
    return score(piece.label, wood)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="uav")
    args = parser.parse_args()
    model, rng = load_model(args.model), np.random.default_rng(0)
    found: dict[tuple[str, int, float], list[Scores]] = defaultdict(list)
    for path in sorted(args.folder.glob("*.laz")):
        stand = load_stand(path)
        stand = stand.take(np.flatnonzero(~stand.ground & (stand.label >= 0)))
        if (stand.label == 1).mean() > 0.6:
            continue  # leafless: there is nothing to tell apart
        for density in DENSITIES:
            for kind, piece in pieces(stand, density, rng):
                if len(piece) >= 60:
                    for factor in FACTORS:
                        found[kind, density, factor].append(look(piece, factor, model))
    print("kind  points/m²  factor  AUROC  G-mean")
    for (kind, density, factor), parts in sorted(found.items()):
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        scores = total.as_dict()
        print(f"{kind:5s} {density:9d} {factor:7.1f} {scores['auroc']:6.3f} {scores['g_mean']:7.3f}")


if __name__ == "__main__":
    main()
