"""What adapting buys on virtual stands of one forest type that nothing was trained or chosen on.

    leafwood simulate configs/simulate/{pine,tropical}.yaml -o runs/stands/adapt --stands 7 --seed 9000
    for f in pine tropical; do leafwood adapt runs/stands/adapt/${f}_00[0-3].laz \
        --validation runs/stands/adapt/${f}_004.laz -o runs/adapted/$f --threads 2; done
    python pipelines/adapt_check.py

The first four stands of each type are learnt from, the fifth chooses, the last two are scored, point by point; twigs of
trees in leaf, which training leaves out, are left out here, too.
"""

from __future__ import annotations

import argparse
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import IGNORE
from leafwood.cloud import PointCloud
from leafwood.datasets.stands import hidden_twigs
from leafwood.evaluate.evaluation import evaluate, truth_of
from leafwood.inference.segmenter import Segmenter
from leafwood.io.loaders import read

FORESTS = ("pine", "tropical")
SHOWN = ("wood_share", "auroc", "g_mean", "wood_recall", "leaf_recall", "wood_iou", "ece")


def truth(cloud: PointCloud) -> NDArray[np.int8]:
    """True labels (n,), IGNORE for twigs of trees in leaf."""
    found = truth_of(cloud, "gt_wood")
    found[hidden_twigs(cloud.columns["gt_part"], cloud.columns["gt_tree"])] = IGNORE
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stands", type=Path, default=Path("runs/stands/adapt"))
    parser.add_argument("--adapted", type=Path, default=Path("runs/adapted"))
    args = parser.parse_args()
    print(f"| forest | weights | {' | '.join(SHOWN)} |\n|---|---|{'---|' * len(SHOWN)}")
    for forest in FORESTS:
        clouds = [read(args.stands / f"{forest}_00{number}.laz") for number in (5, 6)]
        models = {"uav": "uav", "LoRA": "lora", "debLoRA": "deblora"}
        for name, folder in models.items():
            model = folder if folder == "uav" else args.adapted / forest / folder / "model.safetensors"
            seg = Segmenter.from_pretrained(model)
            found = reduce(add, (evaluate(seg.segment(cloud), truth(cloud)) for cloud in clouds))
            scores = found.overall.as_dict()
            print(f"| {forest} | {name} | {' | '.join(f'{scores[key]:.3f}' for key in SHOWN)} |", flush=True)


if __name__ == "__main__":
    main()
