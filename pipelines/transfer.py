"""What each step of realism buys: a classifier trained on virtual stands alone, scored on real labelled trees.

    python pipelines/transfer.py ../shared/data/labelled

Gradient-boosted trees on eigen-features and spacings, trained twice: on virtual scans, and on as many points strewn
over the same virtual surfaces (no occlusion, no footprint, no density decay). The score is AUROC on trees that nobody
trained on; it needs no threshold.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from realism import ROOT, strew_labelled

from leafwood.classes import PRESETS
from leafwood.config import load
from leafwood.features import eigen_features, spacing_features
from leafwood.io.loaders import read
from leafwood.simulate.mesh import Part
from leafwood.simulate.survey import SurveyConfig, fly, grow
from leafwood.spatial.neighbours import nearest

SURVEYS = ("conifer", "temperate_broadleaf", "tropical", "leaf_off")
SCALES = (10, 20, 48)
PER_STAND = 25_000
Features = NDArray[np.float32]
Labels = NDArray[np.int8]


def features(xyz: NDArray[np.float32]) -> Features:
    """(n, 18): eigen-features at three neighbour counts and spacings relative to the cloud's own."""
    index, distance = nearest(xyz, max(SCALES))
    spread = spacing_features(distance, (5, 15, 47))
    # the absolute spacing tells a survey, not a plant
    return np.concatenate([eigen_features(xyz, index, SCALES), spread - np.median(spread, axis=0)], axis=1)


def sample(xyz: NDArray[np.float32], wood: NDArray[np.bool_], keep: NDArray[np.bool_]) -> tuple[Features, Labels]:
    """Features and labels of some of the kept points; neighbours are sought among all."""
    table = features(xyz)
    chosen = np.random.default_rng(0).permutation(np.flatnonzero(keep))[:PER_STAND]
    return table[chosen], wood[chosen].astype(np.int8)


def stands(number: int) -> tuple[list[tuple[Features, Labels]], list[tuple[Features, Labels]]]:
    """Training sets of every survey: as scanned, and strewn."""
    scanned, strewn = [], []
    for name in SURVEYS:
        config = load(ROOT / "configs" / "simulate" / f"{name}.yaml", SurveyConfig)
        config = dataclasses.replace(config, plot=22.0, density=(800.0, 800.0))
        for i in range(number):
            member = config.member(i)
            stand = grow(member)
            cloud = fly(config, member, stand)
            part = cloud.columns["gt_part"]
            scanned.append(sample(cloud.xyz, cloud.columns["gt_wood"] == 1, part != Part.GROUND))
            xyz, part = strew_labelled(stand.mesh, config.box, len(cloud))
            wood = np.array([p.is_wood for p in Part])[part]
            strewn.append(sample(xyz.astype(np.float32), wood, part != Part.GROUND))
            print(f"{name} {i}: {len(cloud)} points")
    return scanned, strewn


def main() -> None:
    """Train twice, score twice, print a table."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "labelled", type=Path, help="folder with tropical_tls_62889.laz and tropical_tls_rc151_pseudo.laz"
    )
    parser.add_argument("--stands", type=int, default=2, help="virtual stands of each survey")
    args = parser.parse_args()
    tests = {}
    for path in sorted(args.labelled.glob("*.laz")):
        cloud = read(path)
        tests[path.stem] = features(cloud.xyz), PRESETS["gt_wood"].decode(cloud.columns["gt_wood"])
    print(f"| trained on | {' | '.join(tests)} |\n|---|{'---|' * len(tests)}")
    for name, sets in zip(("virtual scans", "strewn points"), stands(args.stands), strict=True):
        table, labels = (np.concatenate(parts) for parts in zip(*sets, strict=True))
        model = HistGradientBoostingClassifier(class_weight="balanced", random_state=0).fit(table, labels)
        scores = [roc_auc_score(wood, model.predict_proba(x)[:, 1]) for x, wood in tests.values()]
        print(f"| {name} | {' | '.join(f'{score:.3f}' for score in scores)} |")


if __name__ == "__main__":
    main()
