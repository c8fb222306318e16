"""The labels of a virtual scan beside its truth: how much wood was found, and how well leaf and wood were told apart.

    python pipelines/demo_scores.py out/drone_plot_leafwood.laz

The file has been labelled by `leafwood segment` and still has its true labels. Two columns, because the echo of a twig
in leaf is that of its leaves as well, and who labels by hand sees no such twigs: all echoes, and the clear ones, those
with three quarters of their energy from one class and not from twigs. `leafwood evaluate` prints the scores of all
echoes by height and density.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import IGNORE, OUT_NONE, OUT_WOOD, WOOD
from leafwood.cloud import PointCloud
from leafwood.evaluate.echoes import clear_echoes
from leafwood.evaluate.evaluation import evaluate, truth_of
from leafwood.io.loaders import read

ROWS = ("points with a truth", "wood among them, true", "wood among them, found", "AUROC", "wood recall", "leaf recall")


def figures(cloud: PointCloud, truth: NDArray[np.int8]) -> list[str]:
    """The figures of ROWS for one truth (n,)."""
    known = truth != IGNORE
    found = np.asarray(cloud.columns["leafwood"])[known]
    scores = evaluate(cloud, truth).overall.as_dict()
    shares = ((truth[known] == WOOD).mean(), (found[found != OUT_NONE] == OUT_WOOD).mean())
    told = (scores[name] for name in ("auroc", "wood_recall", "leaf_recall"))
    return [f"{known.sum():,}", *(f"{share:.1%}" for share in shares), *(f"{score:.3f}" for score in told)]


def main(argv: Sequence[str] | None = None) -> None:
    """Print a line a figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("labelled", type=Path, metavar="LABELLED")
    cloud = read(parser.parse_args(argv).labelled)
    every, clear = figures(cloud, truth_of(cloud, "gt_wood")), figures(cloud, clear_echoes(cloud))
    print(f"  {'':<24}{'clear echoes, no twigs':>24}{'all echoes':>14}")
    for name, one, other in zip(ROWS, clear, every, strict=True):
        print(f"  {name:<24}{one:>24}{other:>14}")
    print("Twigs in leaf return light together with their leaves; hand labels leave them out or count them as leaf.")


if __name__ == "__main__":
    main()
