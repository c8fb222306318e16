"""What weights know of real trees that they have not seen, and of virtual drone stands, side by side.

    python pipelines/compare_weights.py runs/teacher/mean.safetensors runs/real/real runs/both/both \
        --stands runs/stands/other_instruments runs/stands/validation_reshaped

Each is a folder with the weights `uav` and those of the folds (`a`, `b`, `c`), as `pipelines/train_together.py` writes
them, or one file, whose weights then score everything. A row has the mean AUROC of the labelled trees, each by the fold
that left it out, whole and thinned, and of the stands, their clear echoes alone (75 % of their energy from one class,
no twigs).
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.errors import FileWarning, ModelWarning
from leafwood.evaluate.echoes import clear_echoes
from leafwood.evaluate.evaluation import evaluate, truth_of
from leafwood.evaluate.left_out import TREES, leaving_out, whole_and_thinned
from leafwood.evaluate.tables import head, line
from leafwood.io.loaders import read
from leafwood.models import load_segmenter

Known = tuple[PointCloud, NDArray[np.int8]]


def auroc(weights: Path, known: Known) -> float:
    """Of one labelled cloud."""
    cloud, truth = known
    return evaluate(load_segmenter(weights).segment(cloud), truth).overall.as_dict()["auroc"]


def of_trees(weights: Path, folds: Path, looks: Iterable[tuple[Path, Known]]) -> float:
    """Mean of trees, each by weights that left it out; by the weights themselves where they are one file."""
    single = weights.is_file()
    scores = [auroc(weights if single else weights / leaving_out(tree, folds).name, known) for tree, known in looks]
    return float(np.mean(scores))


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, nargs="+", help="folders of weights, or files")
    parser.add_argument("--stands", type=Path, nargs="+", required=True, help="virtual stands, or folders of them")
    parser.add_argument("--folds", type=Path, default=Path("pipelines/folds"), help="say which fold left a tree out")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/labelled"))
    args = parser.parse_args(argv)
    warnings.simplefilter("ignore", FileWarning)  # the trees have no CRS
    warnings.simplefilter("ignore", ModelWarning)  # what is not calibrated ranks as well
    looks: dict[str, list[tuple[Path, Known]]] = {"whole": [], "thinned": []}
    for tree in sorted(args.data.glob(TREES)):
        for look, cloud in whole_and_thinned(read(tree)).items():
            looks[look].append((tree, (cloud, truth_of(cloud, "gt_wood"))))
    files = sorted(file for path in args.stands for file in (path.glob("*.laz") if path.is_dir() else [path]))
    stands: list[Known] = [(cloud, clear_echoes(cloud)) for cloud in map(read, files)]
    print(head("weights", *(f"trees, {look}" for look in looks), "stands"))
    for weights in args.weights:
        trees = [of_trees(weights, args.folds, known) if known else float("nan") for known in looks.values()]
        own = weights if weights.is_file() else weights / "uav.safetensors"
        print(line(str(weights), *trees, float(np.mean([auroc(own, stand) for stand in stands]))), flush=True)


if __name__ == "__main__":
    main()
