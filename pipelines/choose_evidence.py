"""How far are a scan's own returns to be trusted? The weight of scan-wise evidence is chosen here, on virtual stands.

    python pipelines/choose_evidence.py runs/stands/other_instruments runs/stands/validation* [--model uav]

A row has the AUROC of P(wood) of a stand on clear echoes (75 % of their energy from one class, no twigs) without
evidence, and what each weight of its log odds adds to it; stands without returns, or in which nothing can be learnt
from them, have no numbers. The weight to choose has the greatest mean and loses nowhere much.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import IGNORE
from leafwood.cloud import PointCloud
from leafwood.evaluate.echoes import clear_echoes
from leafwood.evaluate.metrics import score
from leafwood.evaluate.tables import head, line
from leafwood.inference.model_file import load_model
from leafwood.inference.segmenter import Segmenter
from leafwood.io.loaders import read
from leafwood.weights import DEFAULT_MODEL

WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)


def ranked(cloud: PointCloud, segmenter: Segmenter) -> dict[float, float] | None:
    """AUROC on clear echoes by the weight of evidence; None where there is none.

    The evidence itself does not depend on its weight, so the two ends give all weights in between.
    """
    truth, logits = clear_echoes(cloud), {}
    for weight in (0.0, 1.0):
        segmenter.evidence = weight or 1e-9  # so small that it changes nothing but is looked for
        view = segmenter.segment_with_account(cloud)
        if view.view is None or not view.view.with_evidence:
            return None
        equal = np.clip(view.cloud.columns["wood_prob_equal"].astype(np.float64), 1e-7, 1 - 1e-7)
        logits[weight] = np.log(equal / (1 - equal))
    known = (truth != IGNORE) & (view.cloud.columns["leafwood"] > 0)

    def auroc(weight: float) -> float:
        logit = (1 - weight) * logits[0.0] + weight * logits[1.0]
        return score(truth[known], 1 / (1 + np.exp(-logit[known]))).auroc

    return {weight: auroc(weight) for weight in WEIGHTS}


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    args = parser.parse_args(argv)
    segmenter = Segmenter(load_model(args.model))
    print(head("stand", "AUROC", *(f"{weight:g}" for weight in WEIGHTS[1:])))
    gains: list[NDArray[np.float64]] = []
    for path in sorted(path for folder in args.folders for path in folder.glob("*.laz")):
        found = ranked(read(path), segmenter)
        name = f"{path.parent.name}/{path.stem}"
        if found is None:
            print(line(name, "no evidence", *([""] * (len(WEIGHTS) - 1))), flush=True)
            continue
        values = np.array([found[weight] for weight in WEIGHTS])
        gains.append(values[1:] - values[0])
        print(line(name, values[0], *(f"{gain:+.4f}" for gain in gains[-1])), flush=True)
    for name, of in (("mean", np.mean), ("least", np.min)) if gains else ():
        print(line(name, "", *(f"{gain:+.4f}" for gain in of(gains, axis=0))))


if __name__ == "__main__":
    main()
