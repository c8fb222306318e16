"""What the taxonomy of imbalance predicts for the runs of benchmark_imbalance.py, beside what happened.

    python pipelines/taxonomy_check.py out/imbalance

A row, one for each imbalance, has Delta of the features that the network reads, estimated on the training crops, and
Delta of what plain cross-entropy made of them, from its AUROC; the regime, with stands as units, whose crops overlap;
the wood recall that a plain and a balanced threshold should have by either; and the wood recall of plain cross-entropy
and of logit adjustment on the held-out stands.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from leafwood.classes import IGNORE, WOOD
from leafwood.config import load
from leafwood.diagnose.taxonomy import margins, predict, regime, separation
from leafwood.diagnose.units import effective_samples
from leafwood.errors import BadConfig
from leafwood.evaluate.tables import head, line
from leafwood.graph.batching import Example
from leafwood.train.trials.crops import TrialSize, imbalance
from leafwood.train.trials.method_tables import values
from leafwood.train.trials.methods import crop_sets, crops_of, load_methods
from leafwood.train.trials.results import rows

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
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


def row(ratio: str, crops: Sequence[Example], results: Sequence[dict[str, str]]) -> str:
    """The row of one imbalance."""
    eta, (features, wood, unit) = imbalance(crops), samples(crops)
    apart = separation(features, wood, unit)
    seen = {m: values(results, ratio, "held_out.wood_recall")[m] for m in (PLAIN, BALANCED)}
    learnt = math.sqrt(2) * float(ndtri(np.mean(values(results, ratio, "held_out.auroc")[PLAIN])))
    units = np.array([len(np.unique(unit[those])) for those in (~wood, wood)])
    leaf, rare = effective_samples(margins(features, wood, unit), wood, unit, units)
    name, r, g = regime(eta, apart.robust, leaf + rare, features.shape[1], rare)
    plain = [predict(eta, delta).recall for delta in (apart.robust, learnt)]
    even = [float(ndtr(delta / 2)) for delta in (apart.robust, learnt)]
    cells = [f"{eta:.1f}", f"{apart.naive:.2f}, {apart.corrected:.2f}, {apart.robust:.2f}", f"{learnt:.2f}"]
    cells += [f"{name} (r {r:.2f}, g {g:.2f})", f"{plain[0]:.2f}, {plain[1]:.2f}", f"{np.mean(seen[PLAIN]):.2f}"]
    cells += [f"{even[0]:.2f}, {even[1]:.2f}", f"{np.mean(seen[BALANCED]):.2f}"]
    return line(*cells)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder that benchmark_imbalance.py has filled")
    parser.add_argument("--config", type=Path, default=CONFIGS / "pipelines" / "benchmark_imbalance.yaml")
    args = parser.parse_args(argv)
    results = rows(args.out)
    if missing := {PLAIN, BALANCED} - {row["method"] for row in results}:
        parser.error(f"{args.out}: no runs of {sorted(missing)[0]} there")
    heads = ["eta", "Delta of the features: naive, corrected, robust", "Delta learnt", "regime"]
    heads += ["plain recall predicted: features, learnt", PLAIN, "balanced recall predicted", BALANCED]
    print(head(*heads))
    size, plain = load(args.config, TrialSize), load_methods(CONFIGS / "train" / "imbalance", [PLAIN])[PLAIN]
    try:
        for ratio in sorted({row["ratio"] for row in results}, key=int):
            wanted, _ = crop_sets(plain, int(ratio), size)
            print(row(ratio, crops_of(wanted, args.out / "cache", size), results), flush=True)
    except (BadConfig, FileNotFoundError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
