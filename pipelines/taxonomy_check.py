"""What the taxonomy of imbalance predicts for the runs of benchmark_imbalance.py, beside what happened.

    python pipelines/taxonomy_check.py out/imbalance

For each imbalance: Delta of the features that the network reads, estimated on the training crops, and Delta of what
plain cross-entropy made of them, from its AUROC; the regime, with stands as units, whose crops overlap; the wood recall
that a plain and a balanced threshold should have by either; and the wood recall of plain cross-entropy and of logit
adjustment on the held-out stands.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from benchmark_imbalance import RATIOS, graphs_of, imbalance, methods, rows, sets
from imbalance_report import values
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from leafwood.classes import IGNORE, WOOD
from leafwood.diagnose.taxonomy import margins, predict, regime, separation
from leafwood.diagnose.units import effective_samples
from leafwood.errors import BadConfig
from leafwood.graph.batching import Example

EACH = 300  # voxels of a crop that Delta is estimated from
PLAIN, BALANCED = "cross_entropy", "logit_adjusted"


def samples(crops: Sequence[Example]) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """Features, class and stand of some labelled voxels of each crop."""
    rng, parts = np.random.default_rng(0), []
    for crop in crops:
        known = torch.nonzero(crop.y != IGNORE).squeeze(1).numpy()
        chosen = rng.permutation(known)[:EACH]
        parts.append((crop.x0.numpy()[chosen], crop.y.numpy()[chosen] == WOOD, np.full(len(chosen), int(crop.stand))))
    features, wood, unit = (np.concatenate(part) for part in zip(*parts, strict=True))
    return features.astype(np.float64), wood, unit


def line(ratio: int, crops: Sequence[Example], results: list[dict[str, str]]) -> str:
    """The row of one imbalance."""
    eta, (features, wood, unit) = imbalance(crops), samples(crops)
    apart = separation(features, wood, unit)
    seen = {m: values(results, str(ratio), "held_out.wood_recall")[m] for m in (PLAIN, BALANCED)}
    learnt = math.sqrt(2) * float(ndtri(np.mean(values(results, str(ratio), "held_out.auroc")[PLAIN])))
    units = np.array([len(np.unique(unit[those])) for those in (~wood, wood)])
    leaf, rare = effective_samples(margins(features, wood, unit), wood, unit, units)
    name, r, g = regime(eta, apart.robust, leaf + rare, features.shape[1], rare)
    plain = [predict(eta, delta).recall for delta in (apart.robust, learnt)]
    even = [float(ndtr(delta / 2)) for delta in (apart.robust, learnt)]
    cells = [f"{eta:.1f}", f"{apart.naive:.2f}, {apart.corrected:.2f}, {apart.robust:.2f}", f"{learnt:.2f}"]
    cells += [f"{name} (r {r:.2f}, g {g:.2f})", f"{plain[0]:.2f}, {plain[1]:.2f}", f"{np.mean(seen[PLAIN]):.2f}"]
    cells += [f"{even[0]:.2f}, {even[1]:.2f}", f"{np.mean(seen[BALANCED]):.2f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder that benchmark_imbalance.py has filled")
    args = parser.parse_args()
    results = rows(args.out)
    if missing := {PLAIN, BALANCED} - {row["method"] for row in results}:
        parser.error(f"{args.out}: no runs of {sorted(missing)[0]} there")
    heads = ["eta", "Delta of the features: naive, corrected, robust", "Delta learnt", "regime"]
    heads += ["plain recall predicted: features, learnt", PLAIN, "balanced recall predicted", BALANCED]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    try:
        for ratio in RATIOS:
            wanted, _ = sets(methods()[PLAIN], ratio)
            print(line(ratio, graphs_of(wanted, args.out / "cache"), results), flush=True)
    except (BadConfig, FileNotFoundError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
