"""The labels of a virtual scan beside its truth: how much wood was found, and how well leaf and wood were told apart.

    python pipelines/demo_scores.py out/uav_plot_leafwood.laz

The file has been labelled by `leafwood segment` and still has its true labels, `gt_wood`. `leafwood evaluate` prints
the same scores by height and density.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leafwood.classes import IGNORE, OUT_NONE, OUT_WOOD, WOOD
from leafwood.evaluate.evaluation import evaluate, truth_of
from leafwood.io.loaders import read


def main(argv: Sequence[str] | None = None) -> None:
    """Print a line a figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("labelled", type=Path, metavar="LABELLED")
    cloud = read(parser.parse_args(argv).labelled)
    truth, found = truth_of(cloud, "gt_wood"), np.asarray(cloud.columns["leafwood"])
    scores = evaluate(cloud, truth).overall.as_dict()
    known = truth != IGNORE
    labelled = known & (found != OUT_NONE)
    print(f"  points with a truth        {known.sum():>9,}")
    print(f"  wood among them, true      {(truth[known] == WOOD).mean():>9.1%}")
    print(f"  wood among them, found     {(found[labelled] == OUT_WOOD).mean():>9.1%}")
    print(f"  AUROC                      {scores['auroc']:>9.3f}")
    print(f"  wood recall                {scores['wood_recall']:>9.3f}")
    print(f"  leaf recall                {scores['leaf_recall']:>9.3f}")


if __name__ == "__main__":
    main()
